package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

func withMailbox(o *sandbox.Options) { o.Mailbox = true }

func letter(subject string) sandbox.Letter {
	return sandbox.Letter{To: "dana@northgate.example", Subject: subject, Plain: "Hello Dana,\n\nplain " + subject, HTML: "<!DOCTYPE html><p>Hello " + subject}
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	s := start(t, withMailbox)
	wantWords(t, s.get("/").body, `<a href="/mailbox">Mailbox</a>`)
	wantWords(t, s.get("/mailbox").body, "No email yet.", "SANDBOX – not ServiceTitan")
	s.Deliver(letter("First"))
	second := letter("<b>Second</b>")
	second.At = s.Now().Add(-time.Hour)
	s.Deliver(second)

	list := s.get("/mailbox").body
	wantWords(t, list, `<a class="any" href="/mailbox/1">First</a>`, "&lt;b&gt;Second&lt;/b&gt;", "dana@northgate.example", `datetime="2026-11-23T11:00:00Z">Nov 23, 2026, 11:00 AM<`, "Times are in UTC.")
	if strings.Index(list, "First") < strings.Index(list, "Second") {
		t.Error("the newest is not first")
	}
	page := s.get("/mailbox/1").body
	wantWords(t, page, "<h1>First</h1>", "To dana@northgate.example", `datetime="2026-11-23T12:00:00Z">Nov 23, 2026, 12:00 PM</time> UTC`, `src="/mailbox/1/html"`, "plain First")
	if strings.Contains(page, "Hello First") {
		t.Error("the letter's HTML is part of the page")
	}
	if html := s.get("/mailbox/1/html").body; html != `<!DOCTYPE html><base target="_top"><!DOCTYPE html><p>Hello First` {
		t.Errorf("the letter is %s", html)
	}
	if live := s.get("/mailbox?live=1"); live.header.Get("Refresh") != "3" || s.get("/mailbox").header.Get("Refresh") != "" {
		t.Error("the list is not kept current, or always is")
	}

	type answer struct {
		Letters []struct {
			Number                   int
			At                       time.Time
			To, Subject, Plain, HTML string
		}
	}
	letters := answers[answer](t, s.control("GET", "mailbox", ""), 200).Letters
	if len(letters) != 2 || letters[0].Subject != second.Subject || letters[0].Number != 2 || !letters[0].At.Equal(second.At) ||
		letters[1].To != "dana@northgate.example" || letters[1].HTML != letter("First").HTML || letters[1].Plain != letter("First").Plain {
		t.Errorf("letters are %+v", letters)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests are noted", n)
	}

	// A reset empties the mailbox, and no address ever leads to another letter.
	s.Reset()
	s.Deliver(letter("Third"))
	for path, status := range map[string]int{"/mailbox/1": 404, "/mailbox/1/html": 404, "/mailbox/3": 200, "/mailbox/0": 404, "/mailbox/x": 404} {
		if r := s.get(path); r.status != status {
			t.Errorf("%s answers %d, want %d", path, r.status, status)
		}
	}
	s.Reset()
	if empty := s.control("GET", "mailbox", "").body; empty != `{"letters":[]}` {
		t.Errorf("no letters are %s", empty)
	}
}

// Faults apply only to Fieldbridge's requests.
func TestMailboxMeetsNoFault(t *testing.T) {
	t.Parallel()
	s := start(t, withMailbox)
	s.Deliver(letter("First"))
	s.SetFault(sandbox.Fault{Kind: sandbox.Status500, Path: sandbox.Everywhere})
	for _, path := range []string{"/mailbox", "/mailbox/1", "/mailbox/1/html", "/control/mailbox"} {
		if r := s.get(path); r.status != http.StatusOK {
			t.Errorf("%s answers %d", path, r.status)
		}
	}
}

func TestNoMailboxUnasked(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Deliver(letter("First"))
	for _, path := range []string{"/mailbox", "/mailbox/1", "/mailbox/1/html", "/control/mailbox"} {
		if r := s.get(path); r.status != http.StatusNotFound || strings.Contains(r.body, "First") {
			t.Errorf("%s answers %d", path, r.status)
		}
	}
	if strings.Contains(s.get("/").body, `"/mailbox`) {
		t.Error("the control page leads there")
	}
}

func TestMailboxIsBounded(t *testing.T) {
	t.Parallel()
	s := start(t, withMailbox)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			for i := range 50 {
				s.Deliver(letter(fmt.Sprint("Letter ", i)))
			}
		})
	}
	all.Wait()
	if n := strings.Count(s.get("/mailbox").body, `href="/mailbox/`); n != 200 {
		t.Errorf("%d are listed, want 200", n)
	}
	if gone, kept := s.get("/mailbox/50").status, s.get("/mailbox/51").status; gone != 404 || kept != 200 {
		t.Errorf("the oldest are answered %d and %d", gone, kept)
	}
}

// Only a letter's page has a frame, and only our own page can frame a letter.
func TestMailboxPolicy(t *testing.T) {
	t.Parallel()
	s := start(t, withMailbox)
	s.Deliver(letter("First"))
	const page = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' http://localhost:8080"
	for path, want := range map[string]string{
		"/":          page + "; script-src 'self'; connect-src 'self'",
		"/mailbox":   page,
		"/mailbox/1": page + "; frame-src 'self'",
		"/mailbox/1/html": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; " +
			"sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation",
	} {
		r := s.get(path)
		if got := r.header.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: the policy is %q", path, got)
		}
		if r.header.Get("Cache-Control") != "no-store" || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers are %v", path, r.header)
		}
	}
}
