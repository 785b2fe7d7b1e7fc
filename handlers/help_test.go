package handlers_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// contact makes the app say where people reach support.
func (a *app) contact(c handlers.Contact) {
	a.Helper()
	i := a.instance
	i.contact = c
	transport := servicetitan.NewTransport()
	r, err := i.open(a.Context(), transport, a.clock.Now, slog.New(slog.NewTextHandler(a.log, nil)))
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		_ = r.db.Close()
		transport.CloseIdleConnections()
	})
	a.serve(r.handler)
}

func TestHelp(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate", "Al")
	amy := al.colleague("Amy", accounts.Member)

	// Without configuration, the page says whom to ask.
	al.says("/help", "Ask the people whose software uses your ServiceTitan connection", "Who is a ServiceTitan admin?", "send them a link from the connection’s page", "Retrying", "Needs reconnect", "delete nothing in ServiceTitan")
	amy.says("/help", "an owner of your company can send them a link")
	missing := al.get("/nowhere").want(t, 404)
	if strings.Contains(missing.body, "Send it to") {
		t.Error("the error page names a contact")
	}
	missing.want(t, 404, "Give it to the people whose software uses your connection", `<a href="/help?code=`+supportCode.FindString(missing.body)+`">Get help</a>`)
	if other := a.newBrowser().get("/nowhere").want(t, 404, "Give it to the people"); strings.Contains(other.body, "/help") {
		t.Error("the page leads people without an account to the help")
	}
	al.says("/help?code=FB-2H6P-63QA", "About support code FB-2H6P-63QA", "Give it to the people whose software uses your ServiceTitan connection.")
	for _, code := range []string{"", "FB-2H6P", "FB-2H6P-63QA%3Cb%3E", "fb-2h6p-63qa"} {
		al.saysNot("/help?code="+code, "About support code")
	}

	// The code of the page is in the log, too.
	code := supportCode.FindString(al.get("/help").want(t, 200).body)
	if code == "" || !strings.Contains(a.log.String(), code) {
		t.Errorf("the page's support code is %q", code)
	}

	a.contact(handlers.Contact{Email: "help@fieldbridge.example", Phone: "+1 555 010-0199", URL: "https://fieldbridge.example/support"})
	page := al.get("/help").want(t, 200, "help@fieldbridge.example", "+1 555 010-0199", "fieldbridge.example/support")
	code = supportCode.FindString(page.body)
	for _, link := range []string{`href="mailto:help@fieldbridge.example?subject=Support%20code%20` + code + `"`, `href="tel:+15550100199"`, `href="https://fieldbridge.example/support"`} {
		if !strings.Contains(page.body, link) {
			t.Errorf("the page has no %s", link)
		}
	}
	al.get("/help?code=FB-2H6P-63QA").want(t, 200, "Write to support", `href="mailto:help@fieldbridge.example?subject=Support%20code%20FB-2H6P-63QA&body=Support%20code:%20FB-2H6P-63QA%0D%0A`, "and read them the code", "copy the code into it")
	al.saysNot("/help", "Ask the people whose software")
	for _, b := range []*browser{al.browser, a.newBrowser()} {
		missing := b.get("/nowhere").want(t, 404, "Send it to", "help@fieldbridge.example")
		if want := `mailto:help@fieldbridge.example?subject=Support%20code%20` + supportCode.FindString(missing.body); !strings.Contains(missing.body, want) {
			t.Errorf("the error page has no %s", want)
		}
	}
	a.contact(handlers.Contact{URL: "https://fieldbridge.example/support/"})
	al.get("/nowhere").want(t, 404, "Send it to support:", "fieldbridge.example/support")
	a.contact(handlers.Contact{Phone: "+1 555 010-0199"})
	al.get("/nowhere").want(t, 404, "Call support with it:", "+1 555 010-0199")
}

func TestBrowserHelp(t *testing.T) {
	a := newApp(t)
	a.contact(handlers.Contact{Email: "help@fieldbridge.example", Phone: "+1 555 010-0199", URL: "https://fieldbridge.example/support"})
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.Goto(a.url + "/help")
	c.See("Common questions")
	c.inspect("help")
	c.Goto(a.url + "/help?code=FB-2H6P-63QA")
	c.See("About support code FB-2H6P-63QA")
	c.inspect("help-code")
	c.Expect("404")
	c.Goto(a.url + "/nowhere")
	c.See("Send it to help@fieldbridge.example")
	c.inspect("error-with-contact")
	a.contact(handlers.Contact{})
	c.Goto(a.url + "/help")
	c.See("Ask the people whose software")
	c.inspect("help-without-contact")
}
