package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// standing holds the counts that an attack must not change.
type standing struct{ hits, connections, credentials, memberships int }

func (a *app) standing() standing {
	a.Helper()
	return standing{
		a.tokenRequests(), a.count("SELECT count(*) FROM connections"),
		a.count("SELECT count(*) FROM credentials"), a.count("SELECT count(*) FROM memberships"),
	}
}

// noEffect fails the test if any of them has changed.
func (a *app) noEffect(before standing, what string) {
	a.Helper()
	if now := a.standing(); now != before {
		a.Errorf("%s had an effect: %+v, before %+v", what, now, before)
	}
}

const startAgain = "This link is no longer valid"

func TestCallbackInAnotherBrowser(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
		back := bob.trip("sandbox", northgate)
		before := a.standing()
		amy.get(back).want(a, 400, startAgain)
		a.noEffect(before, "another's callback")
		bob.get(back).want(a, 303, "/connections/")
	})
}

func TestAuthorizeLinkSentToAnother(t *testing.T) {
	a := newApp(t)
	al, bob := a.signUp("A", "Al"), a.signUp("B", "Bob")
	back := bob.atServiceTitan(al.begin("sandbox", northgate), northgate, "Allow")
	before := a.standing()
	bob.get(back).want(a, 400, startAgain)
	stranger := a.newBrowser()
	stranger.get(back).want(a, 303, "/signin?next=callback")
	stranger.post("/signin", "email", bob.email, "password", password, "next", "connect").want(a, 303, "/connect")
	stranger.get(back).want(a, 400, startAgain)
	a.noEffect(before, "another's authorization")
}

func TestEmptyState(t *testing.T) {
	a := newApp(t)
	fresh, used := a.signUp("A", "Amy"), a.signUp("B", "Bob")
	used.connect("sandbox", northgate)
	before := a.standing()
	for _, m := range []*member{fresh, used} {
		for _, query := range []string{"code=x", "code=x&state=", "state=", "", "code=&state=&iss="} {
			m.get("/callback?"+query).want(a, 400, startAgain)
		}
	}
	a.noEffect(before, "an empty state")
}

func TestReplay(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, other := a.signUp("A", "Amy"), a.signUp("B", "Bob")
		back := amy.trip("sandbox", northgate)
		first := amy.get(back).want(a, 303, "/connections/").location
		if again := amy.get(back).want(a, 303).location; again != first {
			t.Errorf("the second time it led to %s, the first to %s", again, first)
		}
		other.get(back).want(a, 400, startAgain)
		if n := a.tokenRequests(); n != 1 {
			t.Errorf("%d token requests", n)
		}
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'connected'"); n != 1 {
			t.Errorf("%d connected events", n)
		}
	})
}

// However often a callback arrives at once, even on two instances, the code is
// exchanged once and everybody sees the same page.
func TestCallbacksAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		instances := []string{a.url}
		if strings.HasPrefix(a.database, "postgres") {
			instances = append(instances, a.secondInstance())
		}
		back := amy.trip("sandbox", northgate)
		session := amy.client.Jar.Cookies(parse(a.T, a.url))
		const n = 200
		answers := make([]answer, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				b := a.newBrowser()
				to := strings.Replace(back, a.url, instances[i%len(instances)], 1)
				b.client.Jar.SetCookies(parse(a.T, to), session)
				answers[i] = b.get(to)
			})
		}
		wg.Wait()
		for _, got := range answers {
			if got.status != 303 || got.location != answers[0].location || !strings.HasPrefix(got.location, "/connections/") {
				t.Fatalf("status %d, location %q; the first had %q\n%s", got.status, got.location, answers[0].location, text(got.body))
			}
		}
		if hits := a.tokenRequests(); hits != 1 {
			t.Errorf("%d exchanges", hits)
		}
		if c := a.count("SELECT count(*) FROM connections"); c != 1 {
			t.Errorf("%d connections", c)
		}
	})
}

func TestTamperedState(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	back := parse(t, amy.trip("sandbox", northgate))
	query := back.Query()
	state := query.Get("state")
	if len(state) != 43 {
		t.Fatalf("state has %d characters", len(state))
	}
	var bad []string
	for i := range state {
		flipped := byte('A')
		if state[i] == 'A' {
			flipped = 'B'
		}
		bad = append(bad, state[:i]+string(flipped)+state[i+1:], state[:i]+state[i+1:], state[:i+1]+state[i:], state[:i])
		if swapped := swapCase(state[i]); swapped != state[i] {
			bad = append(bad, state[:i]+string(swapped)+state[i+1:])
		}
	}
	bad = append(bad, state+"A", state+" ", state+"\x00", " "+state, state+"=", url.QueryEscape("%"+state))
	before := a.standing()
	for _, s := range bad {
		query.Set("state", s)
		amy.get("/callback?"+query.Encode()).want(a, 400, startAgain)
	}
	a.noEffect(before, "a tampered state")
	if len(bad) < 200 {
		t.Errorf("only %d were tried", len(bad))
	}
	amy.get(back.String()).want(a, 303, "/connections/")
}

func swapCase(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z':
		return c - 'a' + 'A'
	case 'A' <= c && c <= 'Z':
		return c - 'A' + 'a'
	}
	return c
}

func TestExpiry(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	late, inTime := amy.begin("sandbox", northgate), amy.begin("sandbox", south)
	a.clock.Add(9*time.Minute + 50*time.Second)
	amy.get(amy.atServiceTitan(inTime, south, "Allow")).want(a, 303, "/connections/")
	back := amy.atServiceTitan(late, northgate, "Allow")
	a.clock.Add(15 * time.Second)
	before := a.standing()
	amy.get(back).want(a, 400, startAgain)
	amy.get(back).want(a, 400, startAgain)
	a.noEffect(before, "an expired state")
}

// Where several instances must agree, they use the database's clock instead of
// their own.
func TestExpiryByTheDatabasesClock(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		if !strings.HasPrefix(a.database, "postgres") {
			return // SQLite has one process and uses its clock
		}
		amy := a.signUp("A", "Amy")
		begun := amy.begin("sandbox", northgate)
		a.clock.Add(20 * time.Minute)
		page := amy.get(amy.atServiceTitan(begun, northgate, "Allow"))
		if page.status == 400 {
			t.Error("an instance whose clock is ahead refused the state")
		}
		late := amy.begin("sandbox", south)
		a.exec("UPDATE authorizations SET expires_at = clock_timestamp() - interval '1 second' WHERE claimed_at IS NULL")
		amy.get(amy.atServiceTitan(late, south, "Allow")).want(a, 400, startAgain)
	})
}

func TestStateOfAnotherSession(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	phone := &member{browser: a.newBrowser(), email: amy.email}
	phone.post("/signin", "email", amy.email, "password", password).want(a, 303)
	colleague := amy.colleague("Cara", "member")
	back := amy.trip("sandbox", northgate)
	before := a.standing()
	phone.get(back).want(a, 400, startAgain)
	colleague.get(back).want(a, 400, startAgain)
	a.noEffect(before, "another session's state")
}

func TestUserSwitched(t *testing.T) {
	a := newApp(t)
	amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
	back := amy.trip("sandbox", northgate)
	amy.post("/signout").want(a, 303)
	amy.post("/signin", "email", bob.email, "password", password).want(a, 303)
	before := a.standing()
	amy.get(back).want(a, 400, startAgain)
	a.noEffect(before, "the other user's state")
	// Nor does it work after a new sign-in over a session that is still valid.
	back = bob.trip("sandbox", northgate)
	bob.post("/signin", "email", bob.email, "password", password).want(a, 303)
	bob.get(back).want(a, 400, startAgain)
}

func TestRightsLostDuringAuthorization(t *testing.T) {
	a := newApp(t)
	al := a.signUp("A", "Al")
	amy := al.colleague("Amy", "member")
	back := amy.trip("sandbox", northgate)
	a.exec("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = ?)", amy.email)
	before := a.standing()
	amy.get(back).want(a, 403)
	a.noEffect(before, "a removed member's callback")
}

func TestVisitorsCannotSetProtocolValues(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	review := amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(northgate)).location
	choice := hidden(t, amy.get(review).body, "choice")
	evil := []string{
		"state", "fixed", "nonce", "fixed", "code_verifier", "fixed", "redirect_uri", "https://evil.example", "client_id", "evil",
		"scope", "everything", "code_challenge", "fixed", "response_type", "token", "company_id", "evil", "env", "production", "purpose", "reconnect",
	}
	query := url.Values{}
	for i := 0; i < len(evil); i += 2 {
		query.Set(evil[i], evil[i+1])
	}
	location := amy.post("/connect/authorize?"+query.Encode(), append([]string{"choice", choice}, evil...)...).want(a, 303).location
	got := parse(t, location).Query()
	want := map[string]string{
		"redirect_uri": a.url + "/callback", "client_id": "cid.sandbox", "response_type": "code",
		"scope": strings.Join(a.environments[0].Scopes, " "), "code_challenge_method": "S256",
	}
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Get(name), value)
		}
	}
	if strings.Contains(location, "fixed") || strings.Contains(location, "evil") {
		t.Errorf("the visitor's values are in %s", location)
	}
}

func TestTabsDoNotMix(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		environments := []string{"production", "integration", "sandbox"}
		tenants := []int{northgate, south}
		type tab struct {
			env    string
			tenant int
			back   string
		}
		var tabs []*tab
		for i := range 5 {
			tabs = append(tabs, &tab{env: environments[i%3], tenant: tenants[i/3]})
		}
		choices := make([]string, len(tabs))
		for i, tab := range tabs {
			review := amy.post("/connect", "env", tab.env, "how", "sign_in", "tenant", fmt.Sprint(tab.tenant)).want(a, 303).location
			choices[i] = hidden(t, amy.get(review).want(a, 200).body, "choice")
		}
		authorize := make([]string, len(tabs))
		var wg sync.WaitGroup
		for i := range tabs {
			wg.Go(func() { authorize[i] = amy.post("/connect/authorize", "choice", choices[i]).location })
		}
		wg.Wait()
		states := map[string]bool{}
		for i, tab := range tabs {
			states[parse(t, authorize[i]).Query().Get("state")] = true
			tab.back = amy.atServiceTitan(authorize[i], tab.tenant, "Allow")
		}
		if len(states) != len(tabs) {
			t.Fatalf("%d states for %d tabs", len(states), len(tabs))
		}
		for i := range tabs {
			tab := tabs[(i*3)%len(tabs)] // in another order than they were begun
			path, _, _ := strings.Cut(amy.get(tab.back).want(a, 303, "/connections/").location, "?")
			label := strings.ToUpper(tab.env[:1]) + tab.env[1:]
			amy.get(path).want(a, 200, fmt.Sprint(tab.tenant), label)
		}
		if n := a.count("SELECT count(*) FROM connections WHERE state = 'connected'"); n != len(tabs) {
			t.Errorf("%d connections, want %d", n, len(tabs))
		}
	})
}

func TestPendingAuthorizations(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		var trips []string
		for range 6 {
			trips = append(trips, amy.begin("sandbox", northgate))
		}
		if n := a.count("SELECT count(*) FROM authorizations"); n != 5 {
			t.Fatalf("%d pending, want 5", n)
		}
		before := a.standing()
		amy.get(amy.atServiceTitan(trips[0], northgate, "Allow")).want(a, 400, startAgain)
		a.noEffect(before, "the dropped authorization")
		for i := range 300 {
			if i >= 24 { // together with the six above, that makes 30 an hour
				amy.post("/connect/authorize").want(a, 429)
				continue
			}
			amy.post("/connect/authorize").want(a, 303)
		}
		if n := a.count("SELECT count(*) FROM authorizations"); n != 5 {
			t.Errorf("%d pending after many, want 5", n)
		}
		for _, c := range amy.client.Jar.Cookies(parse(t, a.url)) {
			if len(c.String()) > 4096 {
				t.Errorf("cookie %s has %d bytes", c.Name, len(c.String()))
			}
		}
	})
}

func TestCallbackSignedOut(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	back, other := amy.trip("sandbox", northgate), a.signUp("B", "Bob")
	amy.post("/signout").want(a, 303)
	before := a.standing()
	if to := amy.get(back).want(a, 303).location; to != "/signin?next=callback" {
		t.Errorf("the callback leads to %s", to)
	}
	page := amy.get("/signin?next=callback").want(a, 200, "Sign in to finish connecting", "Nothing was changed")
	next := amy.post("/signin", "email", amy.email, "password", password, "next", hidden(t, page.body, "next")).want(a, 303, "/connect").location
	amy.get(next).want(a, 200, fmt.Sprintf(`value="%d"`, northgate))
	if page := other.get(next).want(a, 200).body; strings.Contains(page, fmt.Sprint(northgate)) {
		t.Error("another person’s authorization is known")
	}
	amy.get(back).want(a, 400, startAgain)
	a.noEffect(before, "a callback without a session")
}

func TestOddMethods(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	back := amy.trip("sandbox", northgate)
	before := a.standing()
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		if got := amy.send(amy.request(method, back, url.Values{})); got.status != 405 || got.header.Get("Allow") == "" {
			t.Errorf("%s: status %d, Allow %q", method, got.status, got.header.Get("Allow"))
		}
	}
	prefetch := amy.request(http.MethodGet, back, nil)
	prefetch.Header.Set("Sec-Purpose", "prefetch;prerender")
	amy.send(prefetch).want(a, 204)
	a.noEffect(before, "an odd method")
	amy.get(back).want(a, 303, "/connections/")
}
