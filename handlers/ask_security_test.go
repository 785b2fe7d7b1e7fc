package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// A link for one person can reach another, and a person can be sent a stranger's
// link. These tests show what both get. Compare draft-ietf-oauth-security-topics-update,
// section 2.3 (cross-user session fixation).

// A stranger who gets the link after it was opened gets nothing. The page does not
// even say whose link it is.
func TestAskOpenedByStrangerLater(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana Whitfield")
		link := dana.asks("sign_in", northgate)
		pat := a.starts(link, "Pat Lee")
		before := a.standing()
		eve := a.opens(link)
		page := eve.get(eve.path).want(a, 409, "This link was opened in another browser")
		for _, kept := range []string{"Northgate", "Dana", dana.email, "842193311", "Pat"} {
			if strings.Contains(page.body, kept) {
				t.Errorf("the page says %s", kept)
			}
		}
		eve.post(eve.path+"/start", "name", "Eve").want(a, 409, "opened in another browser")
		for _, step := range []string{"/authorize", "/credentials", "/allowed"} {
			eve.post(eve.path+step, "client", "cid.x", "secret", "cs1.x").want(a, 404, "Open the link again")
		}
		// The address of the page, without the browser's cookie, opens nothing.
		a.newBrowser().get(pat.path).want(a, 404, "Open the link again")
		a.noEffect(before, "a stranger with the link")
		pat.get(pat.atServiceTitan(pat.begins(), northgate, "Allow")).want(a, 303, pat.path)
		eve.get(eve.path).want(a, 404, "no longer valid")
	})
}

// Of two browsers that start at the same moment, one wins.
func TestAskOpenedTwiceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		link := a.signUp("Northgate Heating", "Dana Whitfield").asks("sign_in", northgate)
		guests := make([]*guest, 8)
		answers := make([]answer, len(guests))
		for i := range guests {
			guests[i] = a.opens(link)
		}
		var all sync.WaitGroup
		for i, g := range guests {
			all.Go(func() { answers[i] = g.post(g.path+"/start", "name", "Pat") })
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

// An attacker starts with their own link and sends a victim only the address at
// ServiceTitan. What the victim allows there leads nowhere: the victim's browser has
// seen no page of ours that names the company.
func TestAskedAuthorizeAddressSentToVictim(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		mallory := a.signUp("Mallory Air", "Mallory")
		bob := a.signUp("Victim Plumbing", "Bob")
		guest := a.starts(mallory.asks("sign_in", northgate), "Mallory")
		victims := map[string]*browser{
			"without an account": a.newBrowser(), "of another company": bob.browser, "the attacker's own session": mallory.browser,
			"with a link of their own": a.starts(bob.asks("sign_in", south), "Victor").browser,
		}
		for who, victim := range victims {
			back := victim.atServiceTitan(guest.begins(), northgate, "Allow")
			before := a.standing()
			page := victim.get(back).want(a, 400, startAgain)
			if strings.Contains(page.body, "Mallory") {
				t.Errorf("%s: the page names the attacker's company", who)
			}
			a.noEffect(before, "an address sent to somebody "+who)
		}
		// Nor does the attacker get in with the address that the victim came back to.
		bob.get("/connections").want(a, 200, "Waiting for your ServiceTitan admin")
	})
}

// The page before ServiceTitan names the company that gets the access, and who asks,
// with an address that was proven.
func TestAskedNamesWhoGetsTheAccess(t *testing.T) {
	a := newApp(t)
	mallory := a.signUp("Mallory Air", "Mallory")
	guest := a.starts(mallory.asks("sign_in", northgate), "Victor")
	page := guest.get(guest.path).want(a, 200, "Continue only if you know Mallory.", mallory.email, "Review what is asked for")
	if !strings.Contains(text(page.body), "company. Connect ServiceTitan to Mallory Air in Fieldbridge You leave") {
		t.Errorf("the button does not name the company: %s", text(page.body))
	}
	action, _ := guest.formOf(page, "Mallory Air")
	if action != guest.path+"/authorize" {
		t.Errorf("the button leads to %s", action)
	}
	// Only that form leads to ServiceTitan. Opening an address never does.
	if got := guest.get(guest.path + "/authorize"); got.status != 404 && got.status != 405 {
		t.Errorf("GET leads to %d %s", got.status, got.location)
	}
	// Another site cannot send the form.
	for _, step := range []string{"/start", "/authorize", "/credentials", "/allowed"} {
		r := guest.request(http.MethodPost, guest.path+step, url.Values{"name": {"Victor"}})
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if got := guest.send(r); got.status != 403 {
			t.Errorf("%s from another site: %d", step, got.status)
		}
	}
}

// Somebody who is signed in to another company opens a link in the same browser. The
// access goes to the company that asked, as the page said, and their own session
// stays.
func TestAskedWhileSignedInElsewhere(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana, bob := a.signUp("Northgate Heating", "Dana Whitfield"), a.signUp("Blue Sky", "Bob")
		link := dana.asks("sign_in", northgate)
		pat := &guest{browser: bob.browser, path: bob.get(link).want(a, 303).location}
		pat.get(pat.path).want(a, 200, "Northgate Heating asks you")
		pat.post(pat.path+"/start", "name", "Bob").want(a, 303)
		authorize := pat.begins()
		// Their own connection in another tab is not mixed up with it.
		own := bob.begin("sandbox", south)
		pat.get(pat.atServiceTitan(authorize, northgate, "Allow")).want(a, 303, pat.path)
		bob.get(bob.atServiceTitan(own, south, "Allow")).want(a, 303, "/connections/")
		bob.get("/connections").want(a, 200, "905118274")
		bob.saysNot("/connections", "842193311")
		dana.get("/connections").want(a, 200, "842193311")
		dana.saysNot("/connections", "905118274")
		if a.companyOf(dana).String() != a.lookup("SELECT company_id FROM connections WHERE tenant_id = 842193311") {
			t.Error("the access went to the wrong company")
		}
		// The other way round: signed out in the meantime, the link still works.
		bob.post("/signout").want(a, 303)
		pat.get(pat.path).want(a, 200, "Done. Thank you")
	})
}

// An authorization of a link cannot be completed twice, and not by somebody else.
func TestAskedReplay(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana Whitfield")
		pat := a.starts(dana.asks("sign_in", northgate), "Pat Lee")
		back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
		answers := make([]answer, 10)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = pat.get(back) })
		}
		all.Wait()
		for _, got := range answers {
			if got.status != 303 || got.location != pat.path {
				t.Errorf("%d %s", got.status, got.location)
			}
		}
		before := a.standing()
		pat.get(back).want(a, 303, pat.path)
		a.newBrowser().get(back).want(a, 400, startAgain)
		dana.get(back).want(a, 400, startAgain)
		a.noEffect(before, "a replay")
		if a.tokenRequests() != 1 {
			t.Errorf("%d token requests", a.tokenRequests())
		}
	})
}

// Whatever ends the link while the person is at ServiceTitan, nothing is saved and
// the code is not used.
func TestAskEndsMidway(t *testing.T) {
	ends := map[string]func(a *app, dana *member){
		"withdrawn":  func(a *app, dana *member) { dana.post(a.askPath()+"/revoke").want(a, 303) },
		"made again": func(a *app, dana *member) { dana.post(a.askPath()+"/again").want(a, 200) },
		"expired": func(a *app, _ *member) {
			a.exec("UPDATE asks SET expires_at = ?", a.clock.Now().UTC().Add(-time.Second))
		},
		"locked":        func(a *app, _ *member) { a.exec("UPDATE companies SET locked_at = ?", a.clock.Now().UTC()) },
		"not an owner":  func(a *app, _ *member) { a.exec("UPDATE memberships SET role = 'member'") },
		"removed":       func(a *app, _ *member) { a.exec("DELETE FROM memberships") },
		"asker stopped": func(a *app, _ *member) { a.exec("UPDATE users SET disabled_at = ?", a.clock.Now().UTC()) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, a *app) {
				dana := a.signUp("Northgate Heating", "Dana Whitfield")
				link := dana.asks("sign_in", northgate)
				pat := a.starts(link, "Pat Lee")
				back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
				before := a.standing()
				end(a, dana)
				before.memberships = a.count("SELECT count(*) FROM memberships")
				pat.get(back).want(a, 404, "no longer valid")
				pat.get(pat.path).want(a, 404, "no longer valid")
				pat.post(pat.path+"/authorize").want(a, 404, "no longer valid")
				later := a.opens(link)
				if got := later.get(later.path); got.status != 404 && got.status != 409 || strings.Contains(got.body, "Northgate") {
					t.Errorf("the link: %d %s", got.status, text(got.body))
				}
				a.noEffect(before, "a link that ended")
			})
		})
	}
}

// Disconnecting ends the links for the connection.
func TestAskEndsWithConnection(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana Whitfield")
		path := dana.connect("sandbox", northgate)
		pat := a.starts(a.linkOn(dana.post(path+"/ask")), "Pat Lee")
		back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
		dana.post(path+"/disconnect").want(a, 303)
		before := a.standing()
		pat.get(back).want(a, 404, "no longer valid")
		a.noEffect(before, "a link after disconnecting")
		dana.get(a.askPath()).want(a, 200, "Ended when the connection or its setup ended")
	})
}

// A link expires after 72 hours, opened or not.
func TestAskExpires(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate Heating", "Dana Whitfield")
	first, second := dana.asks("sign_in", northgate), dana.asks("sign_in", south)
	pat := a.starts(first, "Pat Lee")
	a.clock.Add(72*time.Hour - time.Minute)
	pat.get(pat.path).want(a, 200)
	late := a.opens(second)
	late.opened(200, "Start")
	a.clock.Add(2 * time.Minute)
	pat.get(pat.path).want(a, 404, "no longer valid")
	late.opened(404, "no longer valid")
	late.post(late.path+"/start", "name", "Pat").want(a, 404, "no longer valid")
}

// States, links, and cookies that were changed open nothing.
func TestAskTampered(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate Heating", "Dana Whitfield")
	link := dana.asks("sign_in", northgate)
	secret := strings.TrimPrefix(link, "/ask/")
	for _, token := range []string{secret[:25], secret + "A", strings.ToLower(secret), "A" + secret[1:25] + "2", secret + "%00", "x'--", strings.Repeat("A", 4000)} {
		b := a.newBrowser()
		got := b.get("/ask/" + token)
		if got.status == 303 {
			got = b.get(got.location)
		}
		if got.status != 404 {
			t.Errorf("%s: %d", token, got.status)
		}
	}
	pat := a.starts(link, "Pat Lee")
	back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
	before := a.standing()
	u := parse(t, back)
	state := u.Query().Get("state")
	for i := 0; i < len(state); i += 5 {
		query := u.Query()
		query.Set("state", state[:i]+"_"+state[i+1:])
		if state[i] != '_' {
			pat.get("/callback?"+query.Encode()).want(a, 400, startAgain, pat.path)
		}
	}
	pat.get("/callback?state="+state).want(a, 400, startAgain) // and it is spent
	pat.get(back).want(a, 400, startAgain)
	a.noEffect(before, "a changed answer")
	// A value that somebody else made up is not a binding, whatever its name.
	other := a.newBrowser()
	name := strings.TrimPrefix(pat.path, "/ask/")
	other.setCookie("fieldbridge_ask_"+name, strings.Repeat("A", 52))
	other.get(pat.path).want(a, 404, "no longer valid")
	other.post(pat.path+"/authorize").want(a, 404, "no longer valid")
	a.noEffect(before, "a made-up binding")
}

// The cookie that binds a link is out of reach of scripts and other hosts.
func TestAskCookie(t *testing.T) {
	a := newApp(t)
	link := a.signUp("Northgate Heating", "Dana Whitfield").asks("sign_in", northgate)
	b := a.overHTTPS()
	path := b.get(link).want(a, 303).location
	started := b.post(path+"/start", "name", "Pat").want(a, 303, path)
	cookies := strings.Join(started.header.Values("Set-Cookie"), "\n")
	for _, has := range []string{"__Host-fieldbridge_ask_", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=259200", "Max-Age=0"} {
		if !strings.Contains(cookies, has) {
			t.Errorf("no %s in %s", has, cookies)
		}
	}
	if got := started.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
}

// Nobody opens or ends another company's asks.
func TestAskOfAnotherCompany(t *testing.T) {
	a := newApp(t)
	dana, bob := a.signUp("Northgate Heating", "Dana Whitfield"), a.signUp("Blue Sky", "Bob")
	amy := dana.colleague("Amy", accounts.Member)
	dana.asks("sign_in", northgate)
	ask := a.askPath()
	for who, status := range map[*member]int{bob: 404, amy: 403} {
		who.get(ask).want(a, status)
		who.post(ask+"/again").want(a, status)
		who.post(ask+"/revoke").want(a, status)
	}
	bob.saysNot("/connections", "Waiting for your ServiceTitan admin")
	amy.saysNot("/connections", "Waiting for your ServiceTitan admin")
	dana.get(ask).want(a, 200, "Not opened yet")
}
