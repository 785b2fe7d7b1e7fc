package handlers_test

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// guest is a person without an account who was given a link.
type guest struct {
	*browser
	// path is the address of their page.
	path string
}

var askLinks = regexp.MustCompile(`/ask/[A-Z2-7]{26}`)

// linkOn returns the path of the link on the page that answers its request.
func (a *app) linkOn(page answer) string {
	a.Helper()
	page.want(a, 200, "Send this link to your ServiceTitan admin", "shown only this once")
	link := askLinks.FindString(page.body)
	if !strings.Contains(page.body, a.url+link) || link == "" {
		a.Fatalf("no link on the page:\n%s", text(page.body))
	}
	return link
}

// asks makes a link in the wizard, for a first connection.
func (m *member) asks(how string, tenant int) (link string) {
	m.Helper()
	form := m.post("/connect", "env", "sandbox", "how", how, "tenant", fmt.Sprint(tenant)).want(m, 303, "choice=").location
	page := m.get(form).want(m, 200, "Someone else has the ServiceTitan admin account")
	action, fields := m.formOf(page, "Make a link")
	return m.linkOn(m.post(action, "choice", fields.Get("choice")))
}

// askPath returns the address of the owner's page of the newest ask.
func (a *app) askPath() string {
	a.Helper()
	return "/asks/" + a.lookup("SELECT id FROM asks ORDER BY id DESC LIMIT 1")
}

// opens opens a link in a new browser.
func (a *app) opens(link string) *guest {
	a.Helper()
	b := a.newBrowser()
	return &guest{browser: b, path: b.get(link).want(a, 303, path.Dir(link)+"/").location}
}

// starts opens a link in a new browser and starts with it.
func (a *app) starts(link, name string) *guest {
	a.Helper()
	g := a.opens(link)
	g.get(g.path).want(a, 200, "Start")
	g.post(g.path+"/start", "name", name).want(a, 303, g.path)
	return g
}

// begins goes on to ServiceTitan and returns the address there.
func (g *guest) begins() string {
	g.Helper()
	return g.post(g.path+"/authorize").want(g, 303, g.standIn.URL).location
}

// An owner asks, the admin connects without an account, and the owner follows it.
func TestAskedToConnect(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana Whitfield")
		link := dana.asks("sign_in", northgate)
		ask := a.askPath()
		page := dana.get(ask+"?live=yes").want(a, 200, "Not opened yet", `http-equiv="refresh"`)
		secret := strings.TrimPrefix(link, "/ask/")
		if strings.Contains(page.body, secret) {
			t.Error("the link is shown again")
		}
		dana.get("/connections").want(a, 200, "Waiting for your ServiceTitan admin", ask)

		pat := a.opens(link)
		if strings.Contains(pat.path, secret) {
			t.Errorf("the secret stays in the address %s", pat.path)
		}
		// Opening changes nothing, however often and wherever it happens.
		a.opens(link).get(pat.path)
		pat.get(pat.path).want(a, 200, "Northgate Heating asks you", "Dana Whitfield", dana.email, "842193311", "Continue only if you know Dana Whitfield.")
		dana.get(ask).want(a, 200, "Not opened yet")
		for _, name := range []string{"", "Pat\u202e", "see https://evil.example"} {
			pat.post(pat.path+"/start", "name", name).want(a, 422, "name")
		}
		dana.get(ask).want(a, 200, "Not opened yet")
		pat.post(pat.path+"/start", "name", "Pat  Lee").want(a, 303, pat.path)
		pat.get(pat.path).want(a, 200, "Connect ServiceTitan to Northgate Heating in Fieldbridge", "Customers and locations")
		pat.get(link).want(a, 303, pat.path) // the link again, in the same browser
		pat.get(pat.path).want(a, 200, "Connect ServiceTitan to Northgate Heating in Fieldbridge")
		dana.get(ask).want(a, 200, "Opened by Pat Lee")

		authorize := pat.begins()
		dana.get(ask).want(a, 200, "Waiting at ServiceTitan")
		pat.get(pat.atServiceTitan(authorize, northgate, "Allow")).want(a, 303, pat.path)
		done := pat.get(pat.path).want(a, 200, "Done. Thank you", "Northgate Heating")
		if strings.Contains(done.body, "/connections") {
			t.Error("the page leads to the company's pages")
		}

		dana.get(ask).want(a, 200, "Done by Pat Lee")
		connection := "/connections/" + a.lookup("SELECT id FROM connections")
		dana.get(connection).want(a, 200, "Connected", "Pat Lee (by a link from Dana Whitfield) connected ServiceTitan.")
		dana.get("/connections").want(a, 200, "Connected")
		if n := a.count("SELECT count(*) FROM connections WHERE connected_by_id IS NULL"); n != 1 {
			t.Error("a member is taken for who connected")
		}
		if mail := a.letter(dana.email); !strings.Contains(mail.Plain, a.url+connection) || strings.Contains(mail.Plain+mail.Subject, "Pat") {
			t.Errorf("the mail is %s", mail.Plain)
		}
		for action, actor := range map[string]string{"ask_made": "Dana Whitfield", "ask_used": "Pat Lee (by a link from Dana Whitfield)"} {
			if n := a.count("SELECT count(*) FROM audit_records WHERE action = ? AND actor_name = ? AND company_id IS NOT NULL", action, actor); n != 1 {
				t.Errorf("%s was recorded %d times", action, n)
			}
		}
		// The person stays a stranger.
		for _, path := range []string{"/connections", connection, ask, "/connect"} {
			pat.get(path).want(a, 303, "/signin")
		}
		// The link is used up.
		a.opens(link).opened(404, "This link is no longer valid")
		pat.post(pat.path+"/authorize").want(a, 404, "no longer valid")
		if strings.Contains(a.log.String(), secret) || strings.Contains(a.stored(), secret) {
			t.Error("the secret is in the log or the database")
		}
	})
}

// opened wants an answer from the page to which the link led.
func (g *guest) opened(status int, has string) { g.Helper(); g.get(g.path).want(g, status, has) }

// An admin who is asked to reconnect sees the outcome of each attempt and tries
// again. The owner sees what went wrong, and nothing about the admin's accounts.
func TestAskedToReconnect(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana Whitfield")
		path := dana.connect("sandbox", northgate)
		pat := a.starts(a.linkOn(dana.post(path+"/ask")), "Pat Lee")
		ask := a.askPath()
		dana.get(path).want(a, 200, "It was opened by Pat Lee", ask)
		pat.get(pat.atServiceTitan(pat.begins(), northgate, "Deny")).want(a, 200, "Access was not given", pat.path)
		dana.get(ask).want(a, 200, "The last try did not work", "Access was not given in ServiceTitan.")
		pat.get(pat.atServiceTitan(pat.begins(), south, "Allow")).want(a, 409, "That is a different ServiceTitan company", "905118274", pat.path)
		if page := dana.get(ask).want(a, 200, "The sign-in was to a different ServiceTitan company."); strings.Contains(page.body, "905118274") {
			t.Error("the owner learns the other tenant")
		}
		back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
		pat.get(back).want(a, 303, pat.path)
		pat.get(back).want(a, 303, pat.path) // the same page again
		dana.get(path).want(a, 200, "Pat Lee (by a link from Dana Whitfield) connected ServiceTitan again.")
		if n := a.count("SELECT count(*) FROM connections"); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// An admin enters the client ID and secret themselves.
func TestAskedForCredentials(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana Whitfield")
		pat := a.starts(dana.asks("own_credentials", northgate), "Pat Lee")
		id, secret := a.ownClient(northgate)
		pat.get(pat.path).want(a, 200, "Client secret", "Connect ServiceTitan to Northgate Heating in Fieldbridge")
		pat.post(pat.path+"/credentials", "client", "", "secret", "").want(a, 422, "Enter the client ID.")
		refused := pat.post(pat.path+"/credentials", "client", id, "secret", secret+"x").want(a, 422, "did not accept")
		if strings.Contains(refused.body, secret) {
			t.Error("the secret is shown again")
		}
		otherID, otherSecret := a.ownClient(south)
		pat.post(pat.path+"/credentials", "client", otherID, "secret", otherSecret).want(a, 409)
		pat.post(pat.path+"/authorize").want(a, 404) // another way is not offered
		pat.post(pat.path+"/credentials", "client", id, "secret", secret).want(a, 303, pat.path)
		pat.get(pat.path).want(a, 200, "Done. Thank you")
		dana.get(a.askPath()).want(a, 200, "Done by Pat Lee")
		pat.post(pat.path+"/credentials", "client", id, "secret", secret).want(a, 303, pat.path)
		if n := a.count("SELECT count(*) FROM connections WHERE way = 'own_credentials' AND connected_by_name = 'Pat Lee (by a link from Dana Whitfield)'"); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// Guesses of secrets through a link are limited like those in the company's form.
func TestAskedForCredentialsTooOften(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate Heating", "Dana Whitfield")
	pat := a.starts(dana.asks("own_credentials", northgate), "Pat Lee")
	id, _ := a.ownClient(northgate)
	status := 0
	for range 21 {
		status = pat.post(pat.path+"/credentials", "client", id, "secret", "cs1.wrong").status
	}
	if status != 429 || a.tokenRequests() != 20 {
		t.Errorf("status %d after %d token requests", status, a.tokenRequests())
	}
}

// In a guided setup, the admin does their step and says so.
func TestAskedToAllow(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana, sam := a.signUp("Harbor Line", "Dana Whitfield"), a.staff("Sam", accounts.Support)
		pat := a.starts(dana.asks("guided", harbor), "Pat Lee")
		connection := "/connections/" + a.lookup("SELECT id FROM connections")
		pat.get(pat.path).want(a, 200, "It is still our turn")
		pat.post(pat.path+"/allowed").want(a, 303)
		dana.get(connection).want(a, 200, "Our turn")
		sam.post("/staff"+connection+"/tenant-added").want(a, 303)
		page := pat.get(pat.path).want(a, 200, "Connect New App", "I have allowed it")
		if strings.Contains(page.body, connection) {
			t.Error("the page leads to the company's pages")
		}
		pat.post(pat.path+"/allowed").want(a, 303, pat.path)
		pat.get(pat.path).want(a, 200, "Done. Thank you", "We finish the setup.")
		pat.post(pat.path+"/allowed").want(a, 303, pat.path) // a double click
		dana.get(connection).want(a, 200, "Pat Lee (by a link from Dana Whitfield) says that Fieldbridge is allowed")
		dana.get(a.askPath()).want(a, 200, "Done by Pat Lee")
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'setup_allowed'"); n != 1 {
			t.Errorf("recorded %d times", n)
		}
		// For a setup that is under way, the connection's own page makes the link.
		sam.post("/staff"+connection+"/send-back", "problem", "not_allowed").want(a, 303)
		again := a.starts(a.linkOn(dana.post(connection+"/ask")), "Lee")
		again.get(again.path).want(a, 200, "I have allowed it")
		dana.post(connection+"/withdraw").want(a, 303)
		again.get(again.path).want(a, 404, "no longer valid")
	})
}

// A new link ends the old one, also for the browser that started with it.
func TestAskAgain(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate Heating", "Dana Whitfield")
	link := dana.asks("sign_in", northgate)
	pat, ask := a.starts(link, "Pat Lee"), a.askPath()
	again := a.linkOn(dana.post(ask + "/again"))
	if again == link {
		t.Fatal("the link is the same")
	}
	pat.get(pat.path).want(a, 404, "no longer valid")
	a.opens(link).opened(404, "no longer valid")
	dana.get(ask).want(a, 200, "Replaced by a newer link")
	lee := a.starts(again, "Lee")
	lee.get(lee.path).want(a, 200, "Connect ServiceTitan to Northgate Heating")
	// The same from the wizard.
	dana.asks("sign_in", northgate)
	lee.get(lee.path).want(a, 404, "no longer valid")
	// One that has expired or was withdrawn can be made again, too.
	a.clock.Add(73 * time.Hour)
	newest := a.askPath()
	dana.post("/signin", "email", dana.email, "password", password).want(a, 303)
	dana.get(newest).want(a, 200, "Expired")
	a.starts(a.linkOn(dana.post(newest+"/again")), "Lee")
	dana.post(a.askPath()+"/revoke").want(a, 303)
	dana.get(a.askPath()).want(a, 200, "Canceled")
}

// A company that connects without the link no longer needs it.
func TestAskNoLongerNeeded(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate Heating", "Dana Whitfield")
	pat := a.starts(dana.asks("sign_in", northgate), "Pat Lee")
	ask := a.askPath()
	back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
	dana.connect("sandbox", northgate)
	dana.get(ask).want(a, 200, "No longer needed")
	before := a.standing()
	pat.get(back).want(a, 404, "no longer valid")
	a.noEffect(before, "a link that is no longer needed")
}

// Links are limited: how many are open, how many are made, and how many a person
// opens.
func TestAskLimits(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana Whitfield")
		var last string
		for i := range 20 {
			last = dana.asks("sign_in", 1000+i)
		}
		form := dana.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", "5000").want(a, 303).location
		choice := hidden(t, dana.get(form).body, "choice")
		dana.post("/connect/ask", "choice", choice).want(a, 409, "Too many links are open")
		for range 20 {
			last = a.linkOn(dana.post(a.askPath() + "/again"))
		}
		dana.post(a.askPath()+"/again").want(a, 429)
		bob := a.signUp("Blue Sky", "Bob")
		bob.asks("sign_in", 1000) // others are not affected

		guest := a.opens(last)
		status := 0
		for range 31 {
			other := a.opens("/ask/" + strings.Repeat("A", 26))
			status = other.post(other.path+"/start", "name", "Eve").status
		}
		if status != 429 {
			t.Errorf("status %d after 31 tries", status)
		}
		guest.post(guest.path+"/start", "name", "Pat").want(a, 429)
		a.clock.Add(11 * time.Minute)
		guest.post(guest.path+"/start", "name", "Pat").want(a, 303)
	})
}

// Members cannot make links, and owners only once their address is proven.
func TestWhoMayAsk(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate Heating", "Dana Whitfield")
	amy := dana.colleague("Amy", accounts.Member)
	path := dana.connect("sandbox", northgate)
	dana.get(path).want(a, 200, "Someone else is your ServiceTitan admin?")
	amy.saysNot(path, "Someone else is your ServiceTitan admin?")
	amy.post(path+"/ask").want(a, 403)
	form := amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", "5000").want(a, 303).location
	amy.saysNot(form, "Someone else has the ServiceTitan admin account")
	amy.post("/connect/ask", "choice", hidden(t, amy.get(form).body, "choice")).want(a, 403)
	a.exec("UPDATE users SET proven_at = NULL WHERE email = ?", dana.email)
	dana.post(path+"/ask").want(a, 409, "Confirm your email address first")
	if n := a.count("SELECT count(*) FROM asks"); n != 0 {
		t.Errorf("%d asks", n)
	}
}

// While ServiceTitan does not answer, the page says so, and the link stays valid.
func TestAskedWhileUnavailable(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate Heating", "Dana Whitfield")
	pat := a.starts(dana.asks("sign_in", northgate), "Pat Lee")
	back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
	a.sandbox.SetFault(sandbox.Fault{Path: sandbox.PathToken, Kind: sandbox.Status503})
	pat.get(back).want(a, 503, "ServiceTitan is not answering", "Try again")
	a.sandbox.ClearFaults()
	pat.get(pat.atServiceTitan(pat.begins(), northgate, "Allow")).want(a, 303, pat.path)
}
