package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/fieldbridge/fieldbridge/handlers/browsertest"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// contractor is a person at a real browser.
type contractor struct {
	*browsertest.Page
	app *app
	// inspected counts the pages that inspect has checked.
	inspected int
}

func (a *app) contractor(t *testing.T) *contractor {
	t.Helper()
	return &contractor{Page: browsertest.Open(t), app: a}
}

// looks are the window sizes and color schemes in which each page must be usable.
// axe-core checks each page of a journey in one look, in turn in the first and in the last,
// because it takes most of the time. The other looks are for screenshots. TestBrowserEveryPage
// checks every page in the last.
var looks = []struct {
	name          string
	width, height int64
	scheme        string
}{
	{"phone-dark", 390, 844, "dark"},
	{"phone", 390, 844, "light"},
	{"dark", 1280, 900, "dark"},
	{"desk", 1280, 900, "light"},
}

// inspect checks the page with axe-core, and takes a screenshot in each look. It leaves the
// tab in the last.
func (c *contractor) inspect(name string) {
	c.Helper()
	last := len(looks) - 1
	checked := last * (c.inspected % 2)
	c.inspected++
	for i, look := range looks {
		if i != checked && i != last && !browsertest.TakesScreenshots() {
			continue
		}
		c.Look(look.width, look.height, look.scheme)
		if i == checked {
			c.Accessible()
		}
		c.Screenshot(name + "-" + look.name)
	}
}

func (c *contractor) signUp(company string) {
	c.Helper()
	c.Goto(c.app.url + c.app.verifyLink(strings.ToLower(strings.Join(strings.FieldsFunc(company, func(r rune) bool { return r == ' ' || r == '&' }), ""))+"@trades.example"))
	c.See("Create your account")
	c.Type("company", company)
	c.Type("name", "Dana Whitfield")
	c.Type("password", password)
	c.Click("Create account", "Connect your ServiceTitan account")
}

// toTenant answers the wizard's questions up to the one for the tenant ID.
func (c *contractor) toTenant() {
	c.Helper()
	c.Goto(c.app.url + "/connect")
	c.Click("Yes, I can", "Which ServiceTitan do you want to connect?")
	c.Click("Sandbox", "What is your tenant ID?")
}

// toServiceTitan walks through the wizard to the sandbox's question.
func (c *contractor) toServiceTitan(tenant int) {
	c.Helper()
	c.toTenant()
	c.Type("tenant", fmt.Sprint(tenant))
	c.Click("Continue", "Review access")
	c.Click("Continue to ServiceTitan", "not ServiceTitan")
	c.signInThere()
}

// signInThere signs in at the sandbox, if it asks.
func (c *contractor) signInThere() {
	c.Helper()
	if c.Value(`document.querySelector("[name=tenant]") ? "" : "asks"`) != "" {
		c.Click("Sign in", "Allow Fieldbridge")
	}
}

func (c *contractor) allow() {
	c.Helper()
	c.Click("Allow", "ServiceTitan is connected")
}

func TestBrowserJourney(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.Goto(a.url)
	c.See("Fieldbridge")
	c.inspect("front")
	c.Goto(a.url + "/signin")
	c.inspect("sign-in")
	c.Goto(a.url + "/signup")
	c.inspect("sign-up")
	c.signUp("Northgate Heating & Plumbing")
	c.inspect("home-empty")

	c.Click("Connect ServiceTitan", "Can you sign in to ServiceTitan as an admin?")
	c.inspect("connect-how")
	c.Click("Yes, I can", "Which ServiceTitan do you want to connect?")
	c.inspect("connect-environment")
	c.Click("Sandbox", "What is your tenant ID?")
	c.inspect("connect-tenant")
	c.Focuses("[name=tenant]")
	c.Expect("422")
	c.Press("842193311 or 905118274")
	c.Press(kb.Enter)
	c.See("We found more than one number: 842 193 311, 905 118 274.")
	c.inspect("connect-tenant-refused")
	c.Type("tenant", "My Tenant ID: 842-193-311")
	c.Click("Continue", "We read this as tenant 842 193 311.")
	c.See("Review access")
	c.inspect("connect-review")
	c.Click("Continue to ServiceTitan", "not ServiceTitan")
	c.inspect("sandbox-sign-in")
	c.Click("Sign in", "Allow Fieldbridge")
	c.inspect("sandbox-consent")
	c.allow()
	c.inspect("connected")
	if at := c.Address(); strings.Contains(at, "code=") || strings.Contains(at, "state=") {
		t.Errorf("the address holds a code: %s", at)
	}
	if referrer := c.Value("document.referrer"); referrer != "" {
		t.Errorf("the page knows where it came from: %s", referrer)
	}
	if c.Value(`JSON.stringify(performance.getEntriesByType("navigation").map(e => e.name))`); strings.Contains(c.Address(), "callback") {
		t.Error("the callback is the page's address")
	}

	c.Click("Go to your connection", "Access renews automatically")
	c.inspect("connection")
	c.Click("Test connection", "Test passed.")
	c.inspect("connection-tested")
	c.Click("Reconnect", "Reconnect ServiceTitan")
	c.inspect("reconnect-review")
	c.Click("Continue to ServiceTitan", "Allow Fieldbridge")
	c.Click("Allow", "ServiceTitan is connected again")
	c.Click("Go to your connection", "Reconnected")

	c.Click("Disconnect", "Keep connected")
	c.inspect("disconnect-dialog")
	c.Click("Keep connected", "Access renews automatically")
	c.Click("See what happens first", "Disconnect ServiceTitan?")
	c.inspect("disconnect-page")
	c.Click("Disconnect", "ServiceTitan is disconnected")
	c.inspect("connection-disconnected")
	c.Goto(a.url + "/connections")
	c.See("Disconnected")
	c.inspect("home-disconnected")
}

func TestBrowserDeny(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Deny Air")
	c.toServiceTitan(northgate)
	c.Click("Deny", "Access was not given")
	c.inspect("denied")
	c.Click("Try again", "Review access")
	c.Click("Continue to ServiceTitan", "Allow Fieldbridge")
	c.allow()
}

func TestBrowserExpiredAndBack(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Late Plumbing")
	c.toServiceTitan(northgate)
	a.clock.Add(11 * time.Minute)
	c.Expect("400")
	c.Click("Allow", "This link is no longer valid")
	c.inspect("expired")
	c.Click("Start again", "Review access")
	c.Click("Continue to ServiceTitan", "Allow Fieldbridge")
	c.allow()
	// Going back to the sandbox's answered question must not lead to a dead end.
	c.Back()
	c.See("not ServiceTitan")
	c.Goto(a.url + "/connections")
	c.See("Connected")
}

func TestBrowserTwoTabs(t *testing.T) {
	a := newApp(t)
	first := a.contractor(t)
	first.signUp("Two Tabs")
	second := &contractor{Page: first.Tab(), app: a}
	first.toServiceTitan(northgate)
	second.toServiceTitan(south)
	second.Choose(fmt.Sprintf(`[name=tenant][value="%d"]`, south))
	first.Choose(fmt.Sprintf(`[name=tenant][value="%d"]`, northgate))
	first.allow()
	first.See("Northgate Heating & Plumbing is connected")
	second.allow()
	second.See("Northgate South is connected")
	first.Goto(a.url + "/connections")
	first.See(fmt.Sprint(northgate))
	first.See(fmt.Sprint(south))
	first.inspect("home-two")
}

// The callback is reloaded while it is at work: there is one exchange and one page.
func TestBrowserCallbackTwice(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Twice Electric")
	twin := &contractor{Page: c.Tab(), app: a}
	c.toServiceTitan(northgate)
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
	back := make(chan string, 1)
	a.watchCallback(back)
	clicked := make(chan struct{})
	go func() {
		defer close(clicked)
		c.allow()
	}()
	<-a.sandbox.Held()
	address := <-back
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		twin.Goto(address)
	}()
	<-back // the second request has arrived
	a.sandbox.Release()
	<-clicked
	<-loaded
	twin.See("ServiceTitan is connected")
	if n := a.tokenRequests(); n != 1 {
		t.Errorf("%d exchanges", n)
	}
}

// Each page that reports a problem works in each look.
func TestBrowserProblemPages(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Faults Heating")
	for _, status := range []string{"401", "403", "404", "405", "409", "422", "429", "500", "503"} {
		c.Expect(status)
	}
	for _, fault := range []struct {
		name  string
		fault sandbox.Fault
		page  string
	}{
		{"unavailable", sandbox.Fault{Kind: sandbox.Status500}, "ServiceTitan is not answering"},
		{"rate-limited", sandbox.Fault{Kind: sandbox.Status429, RetryAfter: 40 * time.Second}, "asks us to wait"},
		{"not-allowed", sandbox.Fault{Kind: sandbox.Status403}, "has not allowed Fieldbridge yet"},
		{"tenant-unknown", sandbox.Fault{Kind: sandbox.Status404}, "does not know this tenant ID"},
		{"unauthorized", sandbox.Fault{Kind: sandbox.Status401}, "did not accept the access"},
	} {
		c.toServiceTitan(northgate)
		a.sandbox.SetFault(fault.fault)
		c.Click("Allow", fault.page)
		a.sandbox.ClearFaults()
		c.inspect(fault.name)
	}
	c.toServiceTitan(northgate)
	c.Choose(fmt.Sprintf(`[name=tenant][value="%d"]`, south))
	c.Click("Allow", "different ServiceTitan company")
	c.inspect("wrong-tenant")

	c.toTenant()
	c.Type("tenant", "Northgate")
	c.Click("Continue", "Enter the number that ServiceTitan shows")
	c.inspect("connect-errors")

	c.toServiceTitan(northgate)
	c.allow()
	c.Click("Go to your connection", "Access renews automatically")
	a.clock.Add(16 * time.Minute)
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503})
	c.Click("Test connection", "Test did not pass")
	c.inspect("connection-retrying")
	a.sandbox.ClearFaults()
	a.sandbox.RevokeGrants(northgate)
	c.Click("Test connection", "needs you to allow the access again")
	c.inspect("connection-reconnect-needed")
	c.Goto(a.url + "/connections")
	c.See("Needs reconnect")
	c.inspect("home-reconnect-needed")

	c.Goto(a.url + "/nowhere")
	c.See("We cannot find this page")
	c.inspect("error-404")
	c.Goto(a.url + "/signout")
	c.See("does not work that way")
	c.inspect("error-405")
	for range 11 {
		a.newBrowser().post("/signin", "email", "guess@trades.example", "password", "wrong")
	}
	other := a.contractor(t)
	other.Expect("429")
	other.Goto(a.url + "/signin")
	other.Type("email", "guess@trades.example")
	other.Type("password", "wrong")
	other.Click("Sign in", "Please wait a moment")
	other.inspect("error-429")
}

// Signing up and connecting work with the keyboard alone.
func TestBrowserKeyboard(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Keys Electric")
	c.Goto(a.url + "/connections")
	c.See("Connect your ServiceTitan account")
	c.Press(kb.Tab)
	if focused := c.Value("document.activeElement.textContent.trim()"); focused != "Skip to content" {
		t.Errorf("the first stop is %q", focused)
	}
	c.toTenant()
	c.Type("tenant", fmt.Sprint(northgate))
	c.Press(kb.Enter)
	c.See("Review access")
}

// A company enters its own client ID and secret, with mistakes at first.
func TestBrowserOwnCredentials(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Own Values Plumbing")
	id, secret := a.ownClient(northgate)
	c.Goto(a.url + "/connect")
	c.Click("I have a client ID and secret", "Which ServiceTitan do you want to connect?")
	c.Click("Sandbox", "What is your tenant ID?")
	c.Type("tenant", fmt.Sprint(northgate))
	c.Click("Continue", "Enter your ServiceTitan details")
	c.inspect("credentials")
	c.Expect("422")
	c.Type("client", id)
	c.Type("secret", id)
	c.Click("Check and connect", "same value as the client ID")
	c.inspect("credentials-errors")
	if left := c.Value(`document.querySelector("[name=secret]").value`); left != "" {
		t.Errorf("the secret's field holds %q", left)
	}
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503})
	c.Expect("503")
	c.Type("secret", secret)
	c.Click("Check and connect", "could not be checked")
	c.inspect("credentials-unavailable")
	a.sandbox.ClearFaults()
	c.Type("secret", secret)
	c.Click("Check and connect", "ServiceTitan is connected")
	c.Click("Go to your connection", "Use a client ID and secret")
	c.inspect("connection-own-credentials")
	c.Click("Reconnect", "Replace the client ID and secret")
	c.inspect("credentials-replace")
	c.Click("Sign in with ServiceTitan instead", "asks you to allow the access again")
	c.Back()
	c.See("Replace the client ID and secret")
	c.Type("client", id)
	c.Type("secret", secret)
	c.Click("Check and connect", "ServiceTitan is connected again")
	c.Click("Go to your connection", "Reconnected")
	c.Click("See what happens first", "choose Disable")
	c.inspect("disconnect-own-credentials")
}

// Our staff set up a connection for a company. Each person uses a browser of their
// own, and both use the sandbox's pages.
func TestBrowserGuided(t *testing.T) {
	a := newApp(t)
	c, sam := a.contractor(t), a.contractor(t)
	sam.Goto(a.url + "/password/reset?token=" + a.addStaff("sam@fieldbridge.example", accounts.Support))
	sam.See("Choose your password")
	sam.Type("name", "Sam Okafor")
	sam.Type("password", password)
	sam.inspect("choose-password")
	sam.enrolInBrowser()
	sam.Click("Queue", "No setup is waiting for us")
	sam.inspect("staff-queue-empty")

	c.signUp("Harbor Line Electric")
	c.Goto(a.url + "/connect")
	c.Click("Set it up with us", "Which ServiceTitan do you want to connect?")
	c.Click("Production", "What is your tenant ID?")
	c.Type("tenant", fmt.Sprint(harbor))
	c.Click("Continue", "Set it up with us")
	c.inspect("guided")
	c.Click("Request setup", "Being set up")
	c.inspect("setup-1")
	path := strings.TrimPrefix(c.Address(), a.url)

	// Our step: the tenant ID in the developer portal.
	sam.Goto(a.url + "/staff/queue")
	sam.inspect("staff-queue")
	sam.Click("Harbor Line Electric", "Add the tenant ID to the app")
	sam.inspect("staff-setup-1")
	portal := sam.contractorAt("/portal")
	portal.See("My Apps")
	portal.inspect("sandbox-portal")
	if err := a.sandbox.AddTenant(harbor); err != nil {
		t.Fatal(err)
	}
	sam.Click("Tenant ID is added", "Their admin allows access")

	// Their step: Allow Access, by an admin who has only the link.
	c.Goto(a.url + path)
	c.See("I have allowed it")
	c.inspect("setup-2")
	admin := a.contractor(t)
	admin.Goto(c.Value(`document.querySelector("#guide-link").value`))
	admin.See("Allow Fieldbridge in ServiceTitan")
	admin.inspect("guide")
	admin.Goto(a.standIn.URL + fmt.Sprintf("/tenant/%d", harbor))
	admin.inspect("sandbox-tenant")
	admin.Click("Connect New App", "review API scopes")
	admin.inspect("sandbox-review")
	admin.Click("Allow Access", "Application Details")
	admin.inspect("sandbox-tenant-connected")
	c.Click("I have allowed it", "There is nothing you need to do")
	c.inspect("setup-3")

	// Our step: the client ID and secret, swapped at first.
	portal.Goto(a.standIn.URL + "/portal")
	portal.Choose(`[aria-label="Generate secret cs1 for Harbor Line Electric"]`)
	portal.See("Copy the new secret now")
	portal.inspect("sandbox-secret")
	if lines := portal.Value(`String(new Set([...document.querySelectorAll("[aria-label*='secret cs1 for Harbor']")].map(button => button.getBoundingClientRect().top)).size)`); lines != "1" {
		t.Errorf("the buttons of a secret are on %s lines", lines)
	}
	id := portal.Value(`document.querySelector("#client-id").textContent`)
	secret := portal.Value(`document.querySelector("#client-secret").textContent`)
	sam.Goto(a.url + "/staff" + path)
	sam.See("Confirm who controls the tenant")
	sam.inspect("staff-confirm")
	sam.Type("admin", "Wade Jensen")
	sam.Type("role", "Owner")
	sam.Choose("#channel-called_back")
	sam.Type("contact", "The number on their website")
	sam.Click("Record the confirmation", "Confirmed with")
	sam.Expect("422")
	sam.Type("client", secret)
	sam.Type("secret", id)
	sam.Click("Check and connect", "seem to be swapped")
	sam.inspect("staff-setup-refused")
	sam.Type("client", id)
	sam.Type("secret", secret)
	sam.Click("Check and connect", "Access given")
	sam.inspect("staff-connected")

	c.Goto(a.url + path)
	c.See("Access renews automatically")
	c.inspect("setup-done")
	c.Click("See what happens first", "choose Disable")
	c.Click("Disconnect", "ServiceTitan is disconnected")
	sam.Goto(a.url + "/staff/queue")
	sam.See("Delete the client secret in the developer portal")
	sam.inspect("staff-queue-task")
	sam.Click("Done", "Did you delete the client secret in the developer portal?")
	sam.Click("Yes, it is deleted", "There is nothing to do by hand")

	// The company requests a setup again and cancels it.
	c.Goto(a.url + path)
	c.Click("Reconnect", "Ask us to set it up again")
	c.Click("Request setup", "Your turn")
	c.Click("Cancel setup", "ServiceTitan is disconnected")
}

// contractorAt opens a page of the sandbox in another browser.
func (c *contractor) contractorAt(path string) *contractor {
	c.Helper()
	other := c.app.contractor(c.app.T)
	other.Goto(c.app.standIn.URL + path)
	return other
}
