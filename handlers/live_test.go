package handlers_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/live"
)

// newLiveApp starts an app whose streams last, and looks often for what has changed.
func newLiveApp(t *testing.T) *app {
	t.Helper()
	a := newApp(t)
	a.goLive(live.Options{Every: 10 * time.Millisecond})
	return a
}

// goLive lets the app's streams last from now on, within the limits. stop ends the work
// in the background, as a server does that stops.
func (a *app) goLive(limits live.Options) (stop func()) {
	a.Helper()
	a.instance.live = limits
	db := a.db
	a.serve(a.wire(slog.New(slog.NewTextHandler(a.log, nil))))
	a.db = db // which stays open until the end
	ctx, cancel := context.WithCancel(a.Context())
	done, hub := make(chan struct{}), a.live
	go func() {
		defer close(done)
		hub.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	a.Cleanup(stop)
	return stop
}

// stream is an open stream of a page.
type stream struct {
	*testing.T
	lines chan string
	leave context.CancelFunc
}

// opens opens the stream of a page.
func (b *browser) opens(path string) *stream {
	b.Helper()
	s, status := b.tryStream(path)
	if s == nil {
		b.Fatalf("%s: status %d", path, status)
	}
	return s
}

// tryStream asks for the stream of a page. It returns nil and the status if there is none.
func (b *browser) tryStream(path string) (*stream, int) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.absolute(path)+"/live", nil)
	if err != nil {
		b.Fatal(err)
	}
	patient := *b.client
	patient.Timeout = 0
	resp, err := patient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, resp.StatusCode
	}
	if resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Content-Encoding") != "" {
		b.Fatalf("the stream has the headers %v", resp.Header)
	}
	s := &stream{T: b.T, lines: make(chan string, 1000), leave: cancel}
	go func() {
		defer close(s.lines)
		defer func() { _ = resp.Body.Close() }()
		for scanner := bufio.NewScanner(resp.Body); scanner.Scan(); {
			s.lines <- scanner.Text()
		}
	}()
	return s, resp.StatusCode
}

// version returns the next version, or an empty string if the stream ends before it.
func (s *stream) version() string {
	s.Helper()
	for {
		select {
		case line, ok := <-s.lines:
			if version, is := strings.CutPrefix(line, "data: "); is {
				return version
			}
			if !ok {
				return ""
			}
		case <-time.After(10 * time.Second):
			s.Fatal("the stream neither says anything nor ends")
		}
	}
}

// ends waits for the end of the stream.
func (s *stream) ends(why string) {
	s.Helper()
	for range 100 {
		if s.version() == "" {
			return
		}
	}
	s.Errorf("%s: the stream does not end", why)
}

func versionOf(t *testing.T, page answer) string {
	t.Helper()
	_, rest, _ := strings.Cut(page.body, `data-version="`)
	version, _, _ := strings.Cut(rest, `"`)
	return version
}

// A page and its stream agree about its version, until the connection changes. So do pages
// of staff, who see other events.
func TestStreamSaysWhenAConnectionChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		a.goLive(live.Options{Every: 10 * time.Millisecond})
		amy, sam := a.signUp("Northgate", "Amy"), a.staff("Sam", accounts.Support)
		path := amy.connect("sandbox", northgate)
		for _, v := range []struct {
			*member
			path string
		}{{amy, path}, {sam, "/staff" + path}} {
			shown := versionOf(t, v.get(v.path).want(a, 200))
			s := v.opens(v.path)
			if got := s.version(); got != shown || got == "" {
				t.Fatalf("%s: the stream begins with %q, the page shows %q", v.path, got, shown)
			}
			a.clock.Add(time.Minute)
			amy.post(path+"/test").want(a, 303)
			next := s.version()
			for next != "" && next != versionOf(t, v.get(v.path)) {
				next = s.version()
			}
			if next == shown || next == "" {
				t.Errorf("%s: after a change, the stream says %q", v.path, next)
			}
			s.leave()
		}
		if got := versionOf(t, amy.get(path+"?show=problems").want(a, 200, "What happened")); got != "" {
			t.Errorf("a part of the timeline has the version %q", got)
		}
	})
}

// A stream ends as soon as the person may no longer see the page. Nobody gets the stream
// of another company's connection.
func TestStreamIsForThoseWhoMaySeeThePage(t *testing.T) {
	a := newLiveApp(t)
	al, bob, sam := a.signUp("Northgate", "Al"), a.signUp("South", "Bob"), a.staff("Sam", accounts.Support)
	path := al.connect("sandbox", northgate)
	bob.get(path+"/live").want(a, 404)
	al.get("/staff"+path+"/live").want(a, 404)
	sam.get(path+"/live").want(a, 404)
	al.get("/connections/"+strings.Repeat("0", 36)+"/live").want(a, 404)
	a.newBrowser().get(path+"/live").want(a, 303, "/signin")

	amy := al.colleague("Amy", accounts.Member)
	for _, end := range []struct {
		why  string
		who  *member
		path string
		do   func()
	}{
		{"removed from the company", amy, path, func() {
			al.post("/team/"+a.lookup("SELECT id FROM users WHERE email = ?", amy.email)+"/remove").want(a, 303)
		}},
		{"company locked", al, path, func() {
			a.exec("UPDATE companies SET locked_at = ? WHERE id = ?", a.clock.Now().UTC(), a.companyOf(al))
		}},
		{"company unlocked and signed out", al, path, nil},
		{"idle", sam, "/staff" + path, func() { a.clock.Add(16 * time.Minute) }},
	} {
		if end.do == nil {
			a.exec("UPDATE companies SET locked_at = NULL")
			end.do = func() { al.post("/signout").want(a, 303) }
		}
		s := end.who.opens(end.path)
		s.version()
		end.do()
		s.ends(end.why)
	}
}

// A stream is no sign that somebody is there, and neither is what a page fetches by itself.
func TestOpenPageKeepsNoSessionAlive(t *testing.T) {
	a := newLiveApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	seen := func() string { return a.lookup("SELECT max(seen_at) FROM sessions WHERE user_id IS NOT NULL") }
	before := seen()
	a.clock.Add(10 * time.Minute)
	s := amy.opens(path)
	s.version()
	s.leave()
	quiet := amy.request(http.MethodGet, path, nil)
	quiet.Header.Set("Fieldbridge-Quiet", "yes")
	amy.send(quiet).want(a, 200)
	if after := seen(); after != before {
		t.Errorf("the session was seen at %s, and then at %s", before, after)
	}
	amy.get(path).want(a, 200)
	if after := seen(); after == before {
		t.Error("the session is not seen at all")
	}
}

// There is room for so many streams of a person, and of all. A server that stops ends its
// streams, and begins none.
func TestStreamsAreLimited(t *testing.T) {
	a := newApp(t)
	stop := a.goLive(live.Options{Every: 10 * time.Millisecond, PerPerson: 2, InAll: 3})
	amy, bob := a.signUp("Northgate", "Amy"), a.signUp("South", "Bob")
	path, other := amy.connect("sandbox", northgate), bob.connect("sandbox", south)
	one, two := amy.opens(path), amy.opens(path)
	if after := amy.get(path+"/live").want(a, 429).header.Get("Retry-After"); after != "60" {
		t.Errorf("Retry-After is %q", after)
	}
	three := bob.opens(other)
	bob.get(other+"/live").want(a, 503)
	one.leave()
	for one.version() != "" {
	}
	// The server notices a moment later that the browser has left, and has room again.
	var again *stream
	for again == nil {
		again, _ = amy.tryStream(path)
	}
	again.version()
	stop()
	again.ends("stopping")
	two.ends("stopping")
	three.ends("stopping")
	bob.get(other+"/live").want(a, 503)
}

// The limits of the server are for requests that end: a stream outlives them.
func TestStreamOutlivesTheLimitsOfTheServer(t *testing.T) {
	a := newLiveApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = strings.TrimPrefix(a.url, "http://")
		(*a.handler.Load()).ServeHTTP(w, r)
	}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	server.Start()
	defer server.Close()
	first := amy.opens("http://localhost:" + port(server) + path)
	defer first.leave()
	first.version()
	// Another browser says nothing until the server hangs up. By then, both limits are over
	// for the stream, too.
	silent, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	if _, err := io.Copy(io.Discard, silent); err != nil {
		t.Fatal(err)
	}
	a.clock.Add(time.Minute)
	amy.post(path+"/test").want(a, 303)
	if first.version() == "" {
		t.Error("the stream has ended")
	}
}
