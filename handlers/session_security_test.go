package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

const sessionCookie = "fieldbridge_session"

func (b *browser) cookie(name string) string {
	b.Helper()
	for _, c := range b.client.Jar.Cookies(parse(b.T, b.url)) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) setCookie(name, value string) {
	b.Helper()
	b.client.Jar.SetCookies(parse(b.T, b.url), []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

func TestSessionFixation(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	expired := a.signUp("B", "Bob")
	old := expired.cookie(sessionCookie)
	a.exec("UPDATE sessions SET expires_at = ?", time.Now().Add(-time.Hour).UTC())
	amy.post("/signin", "email", amy.email, "password", password).want(a, 303)
	live := amy.cookie(sessionCookie)
	for name, planted := range map[string]string{"invented": strings.Repeat("A", 43), "expired": old, "another's": live} {
		victim := a.newBrowser()
		victim.setCookie(sessionCookie, planted)
		victim.post("/signin", "email", expired.email, "password", password).want(a, 303)
		if victim.cookie(sessionCookie) == planted {
			t.Errorf("%s: the planted session was kept", name)
		}
		attacker := a.newBrowser()
		attacker.setCookie(sessionCookie, planted)
		attacker.get("/connections").want(a, 303, "/signin")
	}
}

// After a sign-out, a slow request that ends later does not bring the session back.
func TestSignOutHoldsAgainstASlowRequest(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		a.byHand = []string{"I8"}
		for range 10 {
			amy := a.signUp("A", "Amy")
			back := amy.trip("sandbox", northgate)
			a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
			slow := &member{browser: a.newBrowser(), email: amy.email}
			cookie := amy.cookie(sessionCookie)
			slow.setCookie(sessionCookie, cookie)
			var wg sync.WaitGroup
			wg.Go(func() { slow.get(back) })
			<-a.sandbox.Held()
			amy.post("/signout").want(a, 303)
			a.sandbox.Release()
			wg.Wait()
			for _, b := range []*browser{amy.browser, slow.browser} {
				b.setCookie(sessionCookie, cookie)
				b.get("/connections").want(a, 303, "/signin")
			}
			a.exec("DELETE FROM credentials")
			a.exec("UPDATE connections SET state = 'disconnected'")
		}
	})
}

// Two requests that write to one session at once lose no authorization.
func TestTwoWritersOfOneSession(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	review := amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(northgate)).location
	choice := hidden(t, amy.get(review).body, "choice")
	for range 20 {
		var wg sync.WaitGroup
		var authorize string
		wg.Go(func() { authorize = amy.post("/connect/authorize", "choice", choice).want(a, 303).location })
		wg.Go(func() {
			amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(south)).want(a, 303)
		})
		wg.Wait()
		amy.get(amy.atServiceTitan(authorize, northgate, "Allow")).want(a, 303, "/connections/")
	}
}

func TestSessionsEndOnTheServer(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		cookie := amy.cookie(sessionCookie)
		amy.post("/signout").want(a, 303)
		amy.setCookie(sessionCookie, cookie)
		amy.get("/connections").want(a, 303, "/signin")

		signedIn := func() *member {
			amy.post("/signin", "email", amy.email, "password", password).want(a, 303)
			amy.get("/connections").want(a, 200)
			return amy
		}
		signedIn()
		a.clock.Add(30*time.Minute + time.Second)
		amy.get("/connections").want(a, 303, "/signin")

		signedIn()
		for range 47 {
			a.clock.Add(15 * time.Minute)
			amy.get("/connections").want(a, 200)
		}
		a.clock.Add(15*time.Minute + time.Second)
		amy.get("/connections").want(a, 303, "/signin")

		signedIn()
		a.exec("UPDATE users SET session_epoch = session_epoch + 1 WHERE email = ?", amy.email)
		amy.get("/connections").want(a, 303, "/signin")
		signedIn()
		a.exec("UPDATE users SET disabled_at = ? WHERE email = ?", time.Now().UTC(), amy.email)
		amy.get("/connections").want(a, 303, "/signin")
	})
}

func TestCookies(t *testing.T) {
	a := newApp(t)
	amy := a.newBrowser()
	got := amy.createAccount("amy@a.example", "A", "Amy", password).want(a, 303)
	if len(got.header.Values("Set-Cookie")) != 2 {
		t.Errorf("cookies: %q, want one of the session and one of the device", got.header.Values("Set-Cookie"))
	}
	for _, c := range got.header.Values("Set-Cookie") {
		for _, flag := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
			if !strings.Contains(c, flag) {
				t.Errorf("%s is not in %s", flag, c)
			}
		}
		if strings.Contains(c, "Domain") || len(c) > 4096 {
			t.Errorf("cookie %s", c)
		}
	}
	secure := a.overHTTPS()
	for _, c := range secure.post("/signin", "email", "amy@a.example", "password", password).want(a, 303).header.Values("Set-Cookie") {
		if !strings.HasPrefix(c, "__Host-") || !strings.Contains(c, "Secure") {
			t.Errorf("over https: %s", c)
		}
	}
	if got := secure.get("/signin").header.Get("Strict-Transport-Security"); !strings.Contains(got, "max-age=31536000") {
		t.Errorf("HSTS %q", got)
	}
}

func TestSessionTokenAtRest(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	stored := a.lookup("SELECT token FROM sessions")
	if strings.Contains(stored, amy.cookie(sessionCookie)) {
		t.Error("the token is in the database")
	}
	thief := a.newBrowser()
	thief.setCookie(sessionCookie, stored)
	thief.get("/connections").want(a, 303, "/signin")
}

func TestManyCookies(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	for name, cookies := range map[string]string{
		"two of one name": sessionCookie + "=evil; " + sessionCookie + "=" + amy.cookie(sessionCookie),
		"500 others":      strings.Repeat("a=b; ", 500),
		"40 KB":           "a=" + strings.Repeat("x", 40<<10),
	} {
		r := amy.request(http.MethodGet, "/connections", nil)
		r.Header.Set("Cookie", cookies)
		b := a.newBrowser()
		if got := b.send(r); got.status != 303 && got.status != 400 && got.status != 431 {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
}

// Every change that another site's page requests is refused.
func TestForeignOrigins(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	path := amy.connect("sandbox", northgate)
	before := a.standing()
	for _, to := range []string{"/signup", "/signin", "/signout", "/connect", "/connect/authorize", path + "/test", path + "/try-again", path + "/reconnect", path + "/secret", path + "/secret/deleted", path + "/disconnect"} {
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r := amy.request(http.MethodPost, to, url.Values{"tenant": {"1"}})
			r.Header.Set(header, value)
			amy.send(r).want(a, 403)
		}
		if to == "/signout" || strings.HasPrefix(to, path) {
			continue // the route takes no form
		}
		r := amy.request(http.MethodPost, to, url.Values{})
		r.Header.Set("Content-Type", "text/plain")
		amy.send(r).want(a, 415)
	}
	a.noEffect(before, "a foreign origin")
	amy.get(path).want(a, 200, "Connected")
}

// An unknown email and a wrong password look the same.
func TestSignInTellsNothing(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	known := a.newBrowser().post("/signin", "email", amy.email, "password", "wrong")
	unknown := a.newBrowser().post("/signin", "email", "x"+amy.email, "password", "wrong")
	if known.status != unknown.status || strings.ReplaceAll(unknown.body, "x"+amy.email, amy.email) != known.body {
		t.Errorf("known: %d %s\nunknown: %d %s", known.status, text(known.body), unknown.status, text(unknown.body))
	}
}

func TestTooManyTries(t *testing.T) {
	a := newApp(t)
	amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
	guesser := a.newBrowser()
	for i := range 10 {
		r := guesser.request(http.MethodPost, "/signin", url.Values{"email": {amy.email}, "password": {"wrong"}})
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.0.0.%d", i))
		guesser.send(r).want(a, 422)
	}
	page := guesser.post("/signin", "email", amy.email, "password", password).want(a, 429, "try again in")
	if page.header.Get("Retry-After") == "" || !supportCode.MatchString(page.body) {
		t.Errorf("Retry-After %q, page %s", page.header.Get("Retry-After"), text(page.body))
	}
	guesser.post("/signin", "email", bob.email, "password", password).want(a, 303)
	// Amy's own browser has signed in before.
	amy.post("/signout").want(a, 303)
	amy.post("/signin", "email", amy.email, "password", password).want(a, 303)

	// The address that an untrusted proxy reports does not count.
	for i := range 120 {
		r := guesser.request(http.MethodPost, "/signin", url.Values{"email": {fmt.Sprintf("n%d@b.example", i)}, "password": {"wrong"}})
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.0.1.%d", i))
		if got := guesser.send(r); got.status == 429 {
			return
		}
	}
	t.Error("120 tries from one address were let through")
}

func TestPasswords(t *testing.T) {
	a := newApp(t)
	b := a.newBrowser()
	long := strings.Repeat("größer als éin bäum ", 5) // more bytes than bcrypt reads
	b.createAccount("amy@a.example", "A", "Amy", long).want(a, 303)
	other := a.newBrowser()
	other.post("/signin", "email", "amy@a.example", "password", long[:len(long)-1]+"x").want(a, 422)
	other.post("/signin", "email", "amy@a.example", "password", long).want(a, 303)
	for password, status := range map[string]int{
		strings.Repeat("x", 1<<20): 413, strings.Repeat("xyzab", 1000): 422, "short": 422, "password1234": 422, "Evil Corp 2026": 422,
	} {
		a.newBrowser().createAccount("b@a.example", "Evil Corp", "Amy", password).want(a, status)
	}
	a.newBrowser().post("/signin", "email", "amy@a.example", "password", strings.Repeat("xyzab", 1000)).want(a, 422)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			// Even a slow machine cannot get through all of them.
			got := a.newBrowser().post("/signin", "email", fmt.Sprintf("n%d@a.example", i), "password", "wrong")
			if got.status != 503 || got.header.Get("Retry-After") == "" {
				got.want(a, 422)
			}
		})
	}
	wg.Wait()
}
