package handlers_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
)

// background lets the keeper and the outbox work until the test ends. Mails go
// to the sandbox's mailbox, as in a demo.
func (a *app) background() {
	a.Helper()
	base := parse(a.T, a.url)
	outbox := models.NewOutbox(a.db, func(ctx context.Context, m models.OutgoingMail) error {
		l, err := handlers.ComposeMail(ctx, m, base)
		if err == nil {
			a.sandbox.Deliver(sandbox.Letter{To: l.To, Subject: l.Subject, Plain: l.Plain, HTML: l.HTML})
		}
		return err
	}, slog.New(slog.NewTextHandler(a.log, nil)))
	outbox.HoldNothing()
	ctx, stop := context.WithCancel(a.Context())
	var all sync.WaitGroup
	all.Go(func() { a.keeper.Run(ctx) })
	all.Go(func() { outbox.Run(ctx) })
	a.Cleanup(func() { stop(); all.Wait() })
}

// Access is withdrawn at ServiceTitan. The keeper notices, and the mail leads the
// owner through the sign-in to the page where they can reconnect.
func TestBrowserMailbox(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.toServiceTitan(northgate)
	c.allow()
	control := c.contractorAt("/")
	control.Click("Mailbox", "No email yet.")
	control.inspect("sandbox-mailbox-empty")
	control.Click("Update live", "This page reloads every")
	if _, err := a.sandbox.Do(sandbox.Withdraw, northgate); err != nil {
		t.Fatal(err)
	}
	a.clock.Add(2 * time.Hour)
	a.background()
	// The page reloads itself until the mail is there.
	control.See("Reconnect needed: ServiceTitan tenant 842193311")
	control.Click("Stop", "The last 200 are kept.")
	control.inspect("sandbox-mailbox")

	// Dana, who was signed out in the meantime, reads it.
	c.Goto(a.standIn.URL + "/mailbox")
	c.Click("Reconnect needed: ServiceTitan tenant 842193311", "Plain text version")
	if said := c.Framed("document.body.innerText"); !strings.Contains(said, "Hello,") {
		t.Errorf("the mail says %s", said)
	}
	c.inspect("sandbox-mail")
	c.Click("Plain text version", "Reconnect ServiceTitan: "+a.url+"/connections/")
	c.inspect("sandbox-mail-plain")
	c.ClickFramed("Reconnect ServiceTitan")
	c.See("Welcome back.")
	c.Type("email", "northgateheatingplumbing@trades.example")
	c.Type("password", password)
	c.Click("Sign in", "The connection has not worked since")
	connection := c.Address()
	if !strings.HasPrefix(connection, a.url+"/connections/") {
		t.Errorf("the mail leads to %s", connection)
	}
	// While signed in, it takes one click.
	c.Goto(a.standIn.URL + "/mailbox/1")
	c.See("Plain text version")
	c.ClickFramed("Reconnect ServiceTitan")
	c.See("The connection has not worked since")
	if at := c.Address(); at != connection {
		t.Errorf("the mail leads to %s", at)
	}
	c.Back()
	c.See("Plain text version")
}

// A mail may be hostile. When it is shown, it runs, sends, and loads nothing, and
// no click shows another page in its frame. Plain links work.
func TestBrowserHostileMail(t *testing.T) {
	a := newApp(t)
	control, reached := a.standIn.URL, make(chan string, 100)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.URL.Path }))
	defer elsewhere.Close()
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status500})
	a.sandbox.Deliver(sandbox.Letter{To: `"><script>alert(1)</script>`, Subject: "<script>document.title='taken'</script>", Plain: "</p><script>alert(1)</script>", HTML: `
		<base href="` + elsewhere.URL + `/base/" target="_self">
		<meta http-equiv="refresh" content="0;url=` + elsewhere.URL + `/refresh">
		<meta http-equiv="Content-Security-Policy" content="script-src *">
		<link rel="stylesheet" href="` + elsewhere.URL + `/style"><script src="` + elsewhere.URL + `/script"></script>
		<script>document.body.dataset.ran = "script"; top.location = "` + elsewhere.URL + `/top"</script>
		<img src="` + elsewhere.URL + `/image" onerror="document.body.dataset.ran = 'error'">
		<iframe src="` + control + `/"></iframe><object data="` + control + `/"></object>
		<form action="` + control + `/reset" method="post" target="_top"><input name="token" value="x"><button>Send the form</button></form>
		<form action="` + elsewhere.URL + `/form"><button>Send the other form</button></form>
		<p><a href="javascript:document.body.dataset.ran = 'link'">Run the link</a></p>
		<p><a href="` + control + `/" target="_self">Frame the control page</a></p>
		<p><a href="#here" ping="` + elsewhere.URL + `/ping ` + control + `/control/reset" onclick="document.body.dataset.ran = 'click'" target="_self">Ping</a></p>
		<p id="here"><a href="` + a.url + `/signin">The plain link</a></p>`})
	c := a.contractor(t)
	for _, refusal := range []string{"Content Security Policy", "sandbox", "Blocked", "Refused", "allow-scripts"} {
		c.Expect(refusal)
	}
	c.Goto(control + "/mailbox")
	c.See("taken")
	c.Goto(control + "/mailbox/1")
	c.See("Plain text version")
	for _, words := range []string{"Send the form", "Send the other form", "Run the link", "Ping"} {
		c.ClickFramed(words)
		if ran := c.Framed(`document.body?.dataset.ran ?? ""`); ran != "" {
			t.Errorf("after %q, the letter has run a %s", words, ran)
		}
	}
	if at := c.Address(); at != control+"/mailbox/1" {
		t.Errorf("the letter has led to %s", at)
	}
	c.See("<script>document.title='taken'</script>")
	c.Value(`document.querySelector("iframe").addEventListener("load", () => document.querySelector("h1").textContent = "Another page"), ""`)
	c.ClickFramed("Frame the control page")
	c.See("Another page") // the browser's own page, which says that the request was refused
	if shown := c.Frames(); slices.Contains(shown, control+"/") {
		t.Error("the letter shows the control page in its frame")
	}
	if on := a.sandbox.Faults(); len(on) != 1 {
		t.Error("the letter has reset the sandbox")
	}
	c.Reload()
	c.ClickFramed("The plain link")
	c.See("Sign in")
	if at := c.Address(); at != a.url+"/signin" {
		t.Errorf("a plain link leads to %s", at)
	}
	elsewhere.Close()
	close(reached)
	for path := range reached {
		t.Errorf("the letter has reached %s", path)
	}
}
