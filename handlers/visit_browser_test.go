package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// callingApp is an app of somebody else, to which people come back.
type callingApp struct {
	*httptest.Server
	key accounts.APIKey
	mu  sync.Mutex
	// pages are other pages than the one to which people come back, by path.
	pages map[string]string
	// came are the queries with which people came back, and referers where from.
	came, referers []string
}

func (a *app) callingApp(name string) *callingApp {
	a.Helper()
	c := &callingApp{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/back" {
			c.mu.Lock()
			c.came, c.referers = append(c.came, r.URL.RawQuery), append(c.referers, r.Referer())
			c.mu.Unlock()
		}
		if page := c.pages[r.URL.Path]; page != "" {
			_, _ = fmt.Fprint(w, page)
			return
		}
		_, _ = fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><head><title>Acme</title><link rel="icon" href="data:,"></head><body><h1>Welcome back to Acme</h1></body></html>`)
	}))
	a.Cleanup(c.Close)
	var err error
	c.key, _, err = a.apiKeys.Create(a.Context(), accounts.CommandLine("root"), accounts.NewKey{
		Name: "acme", CallerName: name, Scopes: accounts.Scopes(), ReturnURLs: []string{c.URL + "/back?tab=titan"},
	})
	if err != nil {
		a.Fatal(err)
	}
	return c
}

// sends makes a session and returns the address of its link.
func (c *callingApp) sends(a *app, n connect.NewSession) (string, uuid.UUID) {
	a.Helper()
	n.ReturnURL = c.URL + "/back?tab=titan"
	link, id := a.sendsWith(c.key, n)
	return a.url + link, id
}

// back wants a person to have come back with a status, and nothing else.
func (c *callingApp) back(t *testing.T, id uuid.UUID, status string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	want := "tab=titan&session=" + id.String() + "&status=" + status
	if len(c.came) == 0 || c.came[len(c.came)-1] != want || c.referers[len(c.referers)-1] != "" {
		t.Errorf("came back with %q from %q, want %s", c.came, c.referers, want)
	}
}

// Somebody without an account connects for another app, in a browser, and comes back to
// it. Another browser gets nothing.
func TestBrowserVisit(t *testing.T) {
	a := newApp(t)
	acme := a.callingApp("Acme Scheduling")
	link, id := acme.sends(a, connect.NewSession{Reference: "acme-4711", CompanyName: "Northgate Heating & Plumbing", Environment: anyEnvironment})
	pat := a.contractor(t)
	pat.Goto(link)
	pat.See("Acme Scheduling wants to connect ServiceTitan for Northgate Heating & Plumbing")
	if strings.HasPrefix(pat.Address(), link) {
		t.Error("the secret stays in the address")
	}
	pat.inspect("visit-start")
	pat.Click("Continue", "Can you sign in to ServiceTitan as an admin?")
	pat.inspect("visit-how")
	pat.Click("Yes, I can", "Which ServiceTitan do you want to connect?")
	pat.inspect("visit-environment")
	pat.Click("Sandbox", "What is your tenant ID?")
	pat.inspect("visit-questions")
	pat.Expect("422")
	pat.Type("tenant", "my number")
	pat.Press(kb.Enter)
	pat.See("Enter the number that ServiceTitan shows")
	pat.inspect("visit-questions-refused")
	pat.Type("tenant", fmt.Sprint(northgate))
	pat.Press(kb.Enter)
	pat.See("Review access")
	pat.inspect("visit-sign-in")

	stranger := a.contractor(t)
	stranger.Expect("409")
	stranger.Goto(link)
	stranger.See("This link was opened in another browser")
	outsider := a.contractor(t)
	outsider.Expect("404")
	outsider.Goto(pat.Address())
	outsider.See("Open the link again")

	pat.Click("Choose something else", "What is your tenant ID?")
	pat.Click("Continue", "Review access")
	pat.Click("Continue to ServiceTitan", "not ServiceTitan")
	pat.signInThere()
	pat.Click("Deny", "Access was not given")
	pat.inspect("visit-denied")
	pat.Click("Try again", "Review access")
	pat.Click("Continue to ServiceTitan", "Allow Fieldbridge")
	pat.Click("Allow", "Welcome back to Acme")
	acme.back(t, id, "connected")
	pat.Goto(link)
	pat.See("ServiceTitan is connected")
	pat.inspect("visit-connected")
	pat.Click("Return to Acme Scheduling", "Welcome back to Acme")
	acme.back(t, id, "connected")

	// The other way round: reconnecting, and not wanting to.
	connection := uuid.MustParse(a.lookup("SELECT id FROM connections"))
	link, id = acme.sends(a, connect.NewSession{ConnectionID: connection})
	pat.Goto(link)
	pat.See("Northgate Heating")
	pat.inspect("visit-start-reconnect")
	pat.Click("Cancel and return", "Welcome back to Acme")
	acme.back(t, id, "canceled")
	pat.Goto(link)
	pat.See("Canceled")
	pat.inspect("visit-canceled")
	link, id = acme.sends(a, connect.NewSession{ConnectionID: connection, Ways: []servicetitan.Way{servicetitan.SignIn}})
	pat.Goto(link)
	pat.Click("Continue", "Review access")
	pat.Click("Cancel and return", "Welcome back to Acme")
	acme.back(t, id, "canceled")
}

// The other ways to connect, with names that are as long as names can be.
func TestBrowserVisitInOtherWays(t *testing.T) {
	a := newApp(t)
	long := strings.Repeat("W", 60) + " " + strings.Repeat("Plumbing ", 4)
	acme := a.callingApp("Acme " + strings.Repeat("Featherstonehaugh", 5))
	clientID, secret := a.ownClient(south)
	link, id := acme.sends(a, connect.NewSession{Reference: "long", CompanyName: long, TenantID: south, Ways: []servicetitan.Way{servicetitan.OwnCredentials}})
	pat := a.contractor(t)
	pat.Goto(link)
	pat.inspect("visit-long-names")
	pat.Click("Continue", "Client secret")
	pat.inspect("visit-credentials")
	pat.Type("client", clientID)
	pat.Type("secret", "cs1.wrong")
	pat.Expect("422")
	pat.Press(kb.Enter)
	pat.See("did not accept")
	pat.inspect("visit-credentials-refused")
	pat.Type("client", clientID)
	pat.Type("secret", secret)
	pat.Press(kb.Enter)
	pat.See("Welcome back to Acme")
	acme.back(t, id, "connected")

	lee := a.contractor(t)
	link, id = acme.sends(a, connect.NewSession{Reference: "guided", CompanyName: "Harbor Line Electric", TenantID: harbor, Ways: []servicetitan.Way{servicetitan.Guided}})
	lee.Goto(link)
	lee.Click("Continue", "How it works")
	lee.inspect("visit-guided")
	lee.Click("Request setup", "Welcome back to Acme")
	acme.back(t, id, "setup_requested")
	lee.Goto(link)
	lee.See("Your part is done for now")
	lee.inspect("visit-requested")
	a.exec("UPDATE setups SET step = 'allow_access', waits_for = 'company', tenant_added_at = ?", a.clock.Now().UTC())
	lee.Reload()
	lee.See("I have allowed it")
	lee.inspect("visit-allow")
	lee.Click("I have allowed it", "Welcome back to Acme")
	lee.Expect("404")
	lee.Goto(a.url + "/c/" + strings.Repeat("A", 26))
	lee.See("This link is no longer valid")
	lee.inspect("visit-over")
}

// Connecting for another app needs no scripts.
func TestBrowserVisitWithoutScripts(t *testing.T) {
	a := newApp(t)
	acme := a.callingApp("Acme Scheduling")
	link, id := acme.sends(a, connect.NewSession{Reference: "acme-4711"})
	pat := a.withoutScripts(t)
	pat.Goto(link)
	pat.Click("Continue", "Can you sign in to ServiceTitan as an admin?")
	pat.Click("Yes, I can", "What is your tenant ID?")
	pat.Type("tenant", fmt.Sprint(northgate))
	pat.Click("Continue", "Review access")
	pat.Click("Continue to ServiceTitan", "not ServiceTitan")
	pat.signInThere()
	pat.Click("Allow", "Welcome back to Acme")
	acme.back(t, id, "connected")
}

// Somebody who is signed in opens the link of another app. It does not use their
// account, and they stay signed in.
func TestBrowserVisitWhileSignedIn(t *testing.T) {
	a := newApp(t)
	acme := a.callingApp("Acme Scheduling")
	bob := a.contractor(t)
	bob.signUp("Blue Sky")
	link, id := acme.sends(a, connect.NewSession{Reference: "acme-4711", TenantID: northgate, Ways: []servicetitan.Way{servicetitan.SignIn}})
	bob.Goto(link)
	bob.Click("Continue", "Review access")
	bob.Click("Continue to ServiceTitan", "not ServiceTitan")
	bob.signInThere()
	bob.Click("Allow", "Welcome back to Acme")
	acme.back(t, id, "connected")
	bob.Goto(a.url + "/connections")
	bob.See("Connect your ServiceTitan account") // nothing is connected there
}

// The popup of the API's page ends at the return URL, which tells the page that opened it.
func TestBrowserVisitInPopup(t *testing.T) {
	a := newApp(t)
	acme := a.callingApp("Acme Scheduling")
	link, id := acme.sends(a, connect.NewSession{Reference: "acme-4711", TenantID: northgate, Ways: []servicetitan.Way{servicetitan.SignIn}})
	example, err := os.ReadFile("api/examples/popup.html")
	if err != nil {
		t.Fatal(err)
	}
	opener, returned, ok := strings.Cut(string(example), "<!-- The page at your return URL -->")
	if !ok {
		t.Fatalf("the example is %s", example)
	}
	const head = `<!DOCTYPE html><html lang="en"><head><title>Acme</title><link rel="icon" href="data:,"></head><body><h1>Acme</h1>`
	acme.pages = map[string]string{
		"/settings": head + strings.ReplaceAll(opener, "location.reload()", `document.querySelector("h1").textContent = "Told by the popup"`), "/back": head + returned,
		"/servicetitan/session": fmt.Sprintf(`{"url": %q}`, link),
	}
	c := a.contractor(t)
	c.Goto(acme.URL + "/settings")
	popup := &contractor{Page: c.Opened(func() { c.Click("Connect ServiceTitan", "Acme") }), app: a}
	popup.See("Acme Scheduling wants to connect")
	popup.Click("Continue", "Review access")
	popup.Click("Continue to ServiceTitan", "not ServiceTitan")
	popup.signInThere()
	popup.Value(`[...document.querySelectorAll("button")].find(b => b.textContent.trim() === "Allow").click(), ""`)
	c.See("Told by the popup")
	acme.back(t, id, "connected")
}
