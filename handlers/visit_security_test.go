package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// A link of a back end can reach another person than it was made for, and anybody with a
// key can send one. These tests show what both get. Compare
// draft-ietf-oauth-security-topics-update, section 2.3 (cross-user session fixation).

// forNorthgate is a session in which nothing is left to choose.
var forNorthgate = connect.NewSession{Reference: "acme-4711", TenantID: northgate, Ways: []servicetitan.Way{servicetitan.SignIn}}

// A stranger who gets the link after somebody has gone on with it gets nothing. The page
// does not even say whose link it is.
func TestVisitOpenedByStrangerLater(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		link := a.sends(forNorthgate)
		pat := a.goesOn(link)
		before := a.standing()
		eve := a.opens(link)
		page := eve.get(eve.path).want(a, 409, "This link was opened in another browser")
		for _, kept := range []string{"Northgate", "Acme", "842193311", "acme.example"} {
			if strings.Contains(page.body, kept) {
				t.Errorf("the page says %s", kept)
			}
		}
		eve.post(eve.path+"/start").want(a, 409, "opened in another browser")
		eve.post(eve.path+"/cancel").want(a, 409, "opened in another browser")
		for _, step := range []string{"/choose", "/authorize", "/credentials", "/guided", "/allowed"} {
			eve.post(eve.path+step, "client", "cid.x", "secret", "cs1.x").want(a, 404, "Open the link again")
		}
		// The address of the page, without the browser's cookie, opens nothing.
		a.newBrowser().get(pat.path).want(a, 404, "Open the link again")
		a.newBrowser().post(pat.path+"/cancel").want(a, 404, "Open the link again")
		a.noEffect(before, "a stranger with the link")
		if got := a.statusOf(); got != "opened" {
			t.Errorf("the session is %s", got)
		}
		pat.get(pat.atServiceTitan(pat.begins(), northgate, "Allow")).want(a, 303, pat.path)
		eve.get(eve.path).want(a, 404, "no longer valid")
	})
}

// What began in one browser is not finished in another, also not by somebody who has a
// session of their own there.
func TestVisitFinishedElsewhere(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		mallory := a.goesOn(a.sends(forNorthgate))
		bob := a.signUp("Victim Plumbing", "Bob")
		victims := map[string]*browser{
			"without an account": a.newBrowser(), "of a company": bob.browser,
			"with a session of their own": a.goesOn(a.sends(connect.NewSession{Reference: "other", TenantID: south})).browser,
		}
		for who, victim := range victims {
			back := victim.atServiceTitan(mallory.begins(), northgate, "Allow")
			before := a.standing()
			page := victim.get(back).want(a, 400, startAgain)
			if strings.Contains(page.body, "acme-4711") {
				t.Errorf("%s: the page names the attacker's session", who)
			}
			a.noEffect(before, "an address sent to somebody "+who)
		}
		if got := a.count("SELECT count(*) FROM connections"); got != 0 {
			t.Errorf("%d connections", got)
		}
	})
}

// A victim to whom an attacker sends a session sees who asks before anything happens.
// Whatever they open, nothing is connected without their consent at ServiceTitan.
func TestVisitOfAnAttacker(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		victim := a.opens(a.sends(forNorthgate))
		before := a.standing()
		for _, path := range []string{victim.path, victim.path + "?how=sign_in", victim.path + "?return=yes", victim.path + "/authorize", victim.path + "/start"} {
			got := victim.get(path)
			if strings.HasPrefix(got.location, a.standIn.URL) || got.status == 303 {
				t.Errorf("opening %s leads to %s", path, got.location)
			}
		}
		victim.get(victim.path).want(a, 200, "Acme Scheduling wants to connect ServiceTitan for Northgate Heating", "Continue only if you know Acme Scheduling, and started there.", "Acme Scheduling can use the access", "Sends you back to", "acme.example")
		victim.post(victim.path+"/start").want(a, 303)
		page := victim.get(victim.path).want(a, 200, "Acme Scheduling asks you to connect ServiceTitan for Northgate Heating.", "Nothing is shared until you agree at ServiceTitan.", "Continue only if you know Acme Scheduling")
		if action, _ := victim.formOf(page, "Continue to ServiceTitan"); action != victim.path+"/authorize" {
			t.Errorf("the button leads to %s", action)
		}
		a.noEffect(before, "a session that was looked at")
		// Another site cannot press the buttons.
		for _, step := range []string{"/start", "/cancel", "/choose", "/authorize", "/credentials", "/guided", "/allowed"} {
			r := victim.request(http.MethodPost, victim.path+step, url.Values{"how": {"sign_in"}})
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			if got := victim.send(r); got.status != 403 {
				t.Errorf("%s from another site: %d", step, got.status)
			}
		}
		// At ServiceTitan, they decline.
		victim.get(victim.atServiceTitan(victim.begins(), northgate, "Deny")).want(a, 200, "Access was not given")
		if n := a.count("SELECT count(*) FROM connections"); n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

// Of several browsers that go on at the same moment, one wins.
func TestVisitOpenedTwiceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		link := a.sends(forNorthgate)
		guests, answers := make([]*guest, 8), make([]answer, 8)
		for i := range guests {
			guests[i] = a.opens(link)
		}
		var all sync.WaitGroup
		for i, g := range guests {
			all.Go(func() { answers[i] = g.post(g.path + "/start") })
		}
		all.Wait()
		won := 0
		for i, g := range guests {
			switch got := g.get(g.path); {
			case answers[i].status == 303 && got.status == 200:
				won++
			case answers[i].status != 409 || got.status != 409:
				t.Errorf("browser %d: %d, then %d", i, answers[i].status, got.status)
			}
		}
		if won != 1 {
			t.Errorf("%d browsers won", won)
		}
	})
}

// The answer from ServiceTitan is used once, however often and wherever it comes.
func TestVisitReplay(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		pat := a.goesOn(a.sends(forNorthgate))
		back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
		answers := make([]answer, 10)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = pat.get(back) })
		}
		all.Wait()
		for _, got := range answers {
			if got.status != 303 || got.location != pat.path+"?return=yes" {
				t.Errorf("%d %s", got.status, got.location)
			}
		}
		before := a.standing()
		pat.get(back).want(a, 303, pat.path)
		a.newBrowser().get(back).want(a, 400, startAgain)
		a.signUp("Blue Sky", "Bob").get(back).want(a, 400, startAgain)
		before.memberships = a.count("SELECT count(*) FROM memberships")
		a.noEffect(before, "a replay")
		if a.tokenRequests() != 1 {
			t.Errorf("%d token requests", a.tokenRequests())
		}
	})
}

// Links, states, and cookies that were guessed or changed open nothing.
func TestVisitTampered(t *testing.T) {
	a := newApp(t)
	link := a.sends(forNorthgate)
	secret := strings.TrimPrefix(link, "/c/")
	for _, token := range []string{secret[:25], secret + "A", strings.ToLower(secret), "A" + secret[1:25] + "2", secret + "%00", "x'--", strings.Repeat("A", 26), strings.Repeat("A", 4000)} {
		b := a.newBrowser()
		got := b.get("/c/" + token)
		if got.status == 303 {
			got = b.get(got.location)
		}
		if got.status != 404 {
			t.Errorf("%s: %d", token, got.status)
		}
	}
	a.newBrowser().dead("/ask/" + secret) // the link is for another page
	pat := a.goesOn(link)
	back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
	before := a.standing()
	query := parse(t, back).Query()
	state := query.Get("state")
	for i := 0; i < len(state); i += 5 {
		if state[i] != '_' {
			query.Set("state", state[:i]+"_"+state[i+1:])
			pat.get("/callback?"+query.Encode()).want(a, 400, startAgain, pat.path)
		}
	}
	other := a.newBrowser()
	other.setCookie("fieldbridge_c_"+strings.TrimPrefix(pat.path, "/c/"), strings.Repeat("A", 52))
	other.get(pat.path).want(a, 404, "no longer valid")
	other.post(pat.path+"/authorize").want(a, 404, "no longer valid")
	other.post(pat.path+"/cancel").want(a, 404, "no longer valid")
	a.noEffect(before, "a changed answer or a made-up binding")
}

// Guessing links is limited by address.
func TestVisitGuesses(t *testing.T) {
	a := newApp(t)
	status := 0
	for range 31 {
		other := a.opens("/c/" + strings.Repeat("A", 26))
		status = other.post(other.path + "/start").status
	}
	if status != 429 {
		t.Errorf("status %d after 31 tries", status)
	}
}

// Whatever ends the session while the person is at ServiceTitan, nothing is saved.
func TestVisitEndsMidway(t *testing.T) {
	for name, end := range map[string]string{
		"canceled": "UPDATE connect_sessions SET status = 'canceled', finished_at = ?", "expired": "UPDATE connect_sessions SET expires_at = ?",
		"key revoked": "UPDATE api_keys SET revoked_at = ?", "key expired": "UPDATE api_keys SET expires_at = ?", "locked": "UPDATE companies SET locked_at = ?",
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, a *app) {
				pat := a.goesOn(a.sends(forNorthgate))
				back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
				before := a.standing()
				a.exec(end, a.clock.Now().UTC())
				if got := pat.get(back); got.status != 303 && got.status != 404 || got.status == 303 && got.location != pat.path {
					t.Errorf("%d %s", got.status, got.location)
				}
				if got := pat.post(pat.path + "/authorize"); got.status != 303 && got.status != 404 || strings.HasPrefix(got.location, a.standIn.URL) {
					t.Errorf("another try: %d %s", got.status, got.location)
				}
				a.noEffect(before, "a session that ended")
			})
		})
	}
}

// A member of a company who opens a link in their browser stays signed in, and the
// access goes where the page said.
func TestVisitWhileSignedInElsewhere(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		bob := a.signUp("Blue Sky", "Bob")
		link := a.sends(forNorthgate)
		pat := &guest{browser: bob.browser, path: bob.get(link).want(a, 303).location}
		pat.post(pat.path+"/start").want(a, 303)
		authorize := pat.begins()
		own := bob.begin("sandbox", south) // their own connection in another tab
		pat.get(pat.atServiceTitan(authorize, northgate, "Allow")).want(a, 303, pat.path)
		bob.get(bob.atServiceTitan(own, south, "Allow")).want(a, 303, "/connections/")
		bob.get("/connections").want(a, 200, "905118274")
		bob.saysNot("/connections", "842193311")
		if of := a.lookup("SELECT c.reference FROM companies c JOIN connections o ON o.company_id = c.id WHERE o.tenant_id = ?", northgate); of != "acme-4711" {
			t.Errorf("the access went to %s", of)
		}
		if n := a.count("SELECT count(*) FROM memberships"); n != 1 {
			t.Errorf("%d memberships", n)
		}
	})
}

// A tenant that another company has connected stays theirs.
func TestVisitTakesNoTenant(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana")
		path := dana.connect("sandbox", northgate)
		pat := a.goesOn(a.sends(connect.NewSession{Reference: "other", CompanyName: "Mallory Air", Ways: []servicetitan.Way{servicetitan.SignIn}}))
		to := pat.post(pat.path+"/authorize", "tenant", fmt.Sprint(northgate)).want(a, 303, a.standIn.URL).location
		page := pat.get(pat.atServiceTitan(to, northgate, "Allow")).want(a, 409, "This tenant is connected to another company", "Enter another tenant ID")
		if strings.Contains(page.body, "Northgate") {
			t.Error("the page names the other company")
		}
		pat.get(pat.path+"?change=yes").want(a, 200, "Tenant ID")
		dana.get(path).want(a, 200, "Connected")
		if n := a.count("SELECT count(*) FROM connections WHERE state = 'connected'"); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// The cookie that binds a session is out of reach of scripts and other hosts.
func TestVisitCookie(t *testing.T) {
	a := newApp(t)
	link := a.sends(forNorthgate)
	b := a.overHTTPS()
	path := b.get(link).want(a, 303).location
	started := b.post(path+"/start").want(a, 303, path)
	cookies := strings.Join(started.header.Values("Set-Cookie"), "\n")
	for _, has := range []string{"__Host-fieldbridge_c_", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=604800", "Max-Age=0"} {
		if !strings.Contains(cookies, has) {
			t.Errorf("no %s in %s", has, cookies)
		}
	}
	page := b.get(path).want(a, 200)
	for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := page.header.Get(header); got != want {
			t.Errorf("%s is %q", header, got)
		}
	}
}

// A session cannot reconnect what its company does not have.
func TestVisitConnectionOfAnotherCompany(t *testing.T) {
	a := newApp(t)
	connection := uuid.MustParse(strings.TrimPrefix(a.signUp("Northgate", "Dana").connect("sandbox", northgate), "/connections/"))
	key := a.acmeBackEnd(a.signUp("Blue Sky", "Bob")).key
	_, link, err := a.connections.CreateSession(a.Context(), key, connect.NewSession{ConnectionID: connection, ReturnURL: acmeReturn}, "")
	if err == nil || !link.IsZero() {
		t.Errorf("%v", err)
	}
}
