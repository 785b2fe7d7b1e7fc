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

// standing is what an attack must leave as it was.
type standing struct{ hits, connections, credentials, memberships int }

func (a *app) standing() standing {
	a.Helper()
	return standing{
		a.tokenRequests(), a.count("SELECT count(*) FROM connections"),
		a.count("SELECT count(*) FROM credentials"), a.count("SELECT count(*) FROM memberships"),
	}
}

// noEffect fails the test if anything changed since.
func (a *app) noEffect(before standing, what string) {
	a.Helper()
	if now := a.standing(); now != before {
		a.Errorf("%s had an effect: %+v, before %+v", what, now, before)
	}
}

const startAgain = "This link is no longer valid"

func TestA1CallbackInAnotherBrowser(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
		back := bob.trip("sandbox", northgate)
		before := a.standing()
		amy.get(back).want(a, 400, startAgain)
		a.noEffect(before, "another's callback")
		bob.get(back).want(a, 303, "/connections/")
	})
}

func TestA2AuthorizeLinkSentToAnother(t *testing.T) {
	a := newApp(t)
	al, bob := a.signUp("A", "Al"), a.signUp("B", "Bob")
	back := bob.atServiceTitan(al.begin("sandbox", northgate), northgate, "Allow")
	before := a.standing()
	bob.get(back).want(a, 400, startAgain)
	stranger := a.newBrowser()
	stranger.get(back).want(a, 303, "/signin?next=connect")
	stranger.post("/signin", "email", bob.email, "password", password, "next", "connect").want(a, 303, "/connect")
	stranger.get(back).want(a, 400, startAgain)
	a.noEffect(before, "another's authorization")
}

func TestA4EmptyState(t *testing.T) {
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

func TestA5Replay(t *testing.T) {
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

// However often a callback comes at once, and on two instances, the code is
// exchanged once and everybody ends on the same page.
func TestA6CallbacksAtOnce(t *testing.T) {
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

func TestA7TamperedState(t *testing.T) {
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

func TestA8Expiry(t *testing.T) {
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

// Where several instances must agree, the database's clock counts, not theirs.
func TestA8ExpiryByTheDatabasesClock(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		if !strings.HasPrefix(a.database, "postgres") {
			return // SQLite has one process, whose clock is the one
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

func TestA9StateOfAnotherSession(t *testing.T) {
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

func TestA10UserSwitched(t *testing.T) {
	a := newApp(t)
	amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
	back := amy.trip("sandbox", northgate)
	amy.post("/signout").want(a, 303)
	amy.post("/signin", "email", bob.email, "password", password).want(a, 303)
	before := a.standing()
	amy.get(back).want(a, 400, startAgain)
	a.noEffect(before, "the other user's state")
	// Nor after signing in anew over a session that still stands.
	back = bob.trip("sandbox", northgate)
	bob.post("/signin", "email", bob.email, "password", password).want(a, 303)
	bob.get(back).want(a, 400, startAgain)
}

func TestA11RightsLostOnTheWay(t *testing.T) {
	a := newApp(t)
	al := a.signUp("A", "Al")
	amy := al.colleague("Amy", "member")
	back := amy.trip("sandbox", northgate)
	a.exec("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = ?)", amy.email)
	before := a.standing()
	amy.get(back).want(a, 403)
	a.noEffect(before, "a removed member's callback")
}

func TestA12NothingOfTheProtocolIsTheVisitors(t *testing.T) {
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

func TestA13Tabs(t *testing.T) {
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

func TestA14PendingTrips(t *testing.T) {
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
		a.noEffect(before, "the dropped trip")
		for range 300 {
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

func TestA15CallbackSignedOut(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	back := amy.trip("sandbox", northgate)
	amy.post("/signout").want(a, 303)
	before := a.standing()
	amy.get(back).want(a, 303, "/signin?next=connect")
	amy.get("/signin?next=connect").want(a, 200, `value="connect"`)
	amy.post("/signin", "email", amy.email, "password", password, "next", "connect").want(a, 303, "/connect")
	amy.get(back).want(a, 400, startAgain)
	a.noEffect(before, "a callback without a session")
}

func TestA16OddMethods(t *testing.T) {
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

func TestA17DuplicatedParameters(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	for _, change := range []func(q url.Values){
		func(q url.Values) { q.Add("state", q.Get("state")) },
		func(q url.Values) { q["state"] = []string{"other", q.Get("state")} },
		func(q url.Values) { q.Add("code", "other") },
		func(q url.Values) { q.Add("iss", q.Get("iss")) },
		func(q url.Values) {
			for i := range 1000 {
				q.Add("x", fmt.Sprint(i))
			}
		},
	} {
		back := parse(t, amy.trip("sandbox", northgate))
		q := back.Query()
		change(q)
		before := a.standing()
		amy.get("/callback?"+q.Encode()).want(a, 400, startAgain)
		a.noEffect(before, "a repeated parameter")
	}
}

func TestA18ErrorsAndContradictions(t *testing.T) {
	tests := []struct {
		name   string
		query  func(q url.Values)
		status int
		page   string
	}{
		{"denied", func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, 200, "Access was not given"},
		{"login required", func(q url.Values) { q.Del("code"); q.Set("error", "login_required") }, 200, "Access was not given"},
		{"server error", func(q url.Values) { q.Del("code"); q.Set("error", "server_error") }, 503, "not answering"},
		{"temporarily unavailable", func(q url.Values) { q.Del("code"); q.Set("error", "temporarily_unavailable") }, 503, "not answering"},
		{"invalid scope", func(q url.Values) { q.Del("code"); q.Set("error", "invalid_scope") }, 503, "our mistake"},
		{"unknown error", func(q url.Values) { q.Del("code"); q.Set("error", "whatever") }, 400, startAgain},
		{"code and error", func(q url.Values) { q.Set("error", "access_denied") }, 400, startAgain},
		{"neither", func(q url.Values) { q.Del("code") }, 400, startAgain},
	}
	a := newApp(t)
	amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			back := parse(t, amy.trip("sandbox", northgate))
			whole := back.Query()
			q := back.Query()
			tt.query(q)
			before := a.standing()
			bob.get("/callback?"+q.Encode()).want(t, 400, startAgain)
			amy.get("/callback?"+q.Encode()).want(t, tt.status, tt.page)
			again := amy.get("/callback?" + whole.Encode())
			again.want(t, tt.status, tt.page) // the state is spent
			a.noEffect(before, tt.name)
		})
	}
}

func TestA19ReflectedText(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	payloads := []string{
		`<svg onload=alert(1)>`, `"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `javascript:alert(1)`,
		"\u202egnp.exe", `{{7*7}}`, `</title><script>1</script>`, strings.Repeat("A<b>", 1<<10),
	}
	for i, payload := range payloads {
		for _, name := range []string{"error", "error_description", "error_uri", "state", "iss", "code"} {
			back := parse(t, amy.trip("sandbox", northgate))
			q := url.Values{"state": {back.Query().Get("state")}, "iss": {back.Query().Get("iss")}, "error": {"access_denied"}}
			q.Set(name, payload)
			page := amy.get("/callback?" + q.Encode())
			if page.status >= 500 || strings.Contains(page.body, payload) || strings.Contains(page.body, "onload=alert") || strings.Contains(page.body, "<script") {
				t.Errorf("payload %d in %s: status %d, reflected", i, name, page.status)
			}
		}
	}
}

func TestA20InjectedCode(t *testing.T) {
	a := newApp(t)
	amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
	stolen := parse(t, bob.trip("sandbox", northgate)).Query().Get("code")
	back := parse(t, amy.trip("sandbox", northgate))
	q := back.Query()
	q.Set("code", stolen)
	amy.get("/callback?"+q.Encode()).want(a, 400, startAgain)
	if n := a.count("SELECT count(*) FROM connections"); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestA21PKCE(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	amy.begin("sandbox", northgate)
	challenges, states := map[string]bool{}, map[string]bool{}
	const n = 1000
	for range n {
		q := parse(t, amy.post("/connect/authorize").want(a, 303).location).Query()
		if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) != 43 {
			t.Fatalf("got %s", q.Encode())
		}
		challenges[q.Get("code_challenge")], states[q.Get("state")] = true, true
	}
	if len(challenges) != n || len(states) != n {
		t.Errorf("%d challenges and %d states of %d", len(challenges), len(states), n)
	}
}

func TestA22Issuer(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	for name, change := range map[string]func(q url.Values){
		"another":       func(q url.Values) { q.Set("iss", "https://auth.servicetitan.io") },
		"missing":       func(q url.Values) { q.Del("iss") },
		"empty":         func(q url.Values) { q.Set("iss", "") },
		"with a slash":  func(q url.Values) { q.Set("iss", q.Get("iss")+"/") },
		"in other case": func(q url.Values) { q.Set("iss", strings.ToUpper(q.Get("iss"))) },
		"on an error too": func(q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
			q.Set("iss", "https://evil.example")
		},
		"on another error": func(q url.Values) { q.Del("code"); q.Set("error", "server_error"); q.Del("iss") },
	} {
		t.Run(name, func(t *testing.T) {
			back := parse(t, amy.trip("sandbox", northgate))
			q := back.Query()
			change(q)
			before := a.standing()
			amy.get("/callback?"+q.Encode()).want(t, 400, startAgain)
			a.noEffect(before, "a wrong issuer")
		})
	}
}

func TestA24RedirectURIFromHeaders(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	amy.begin("sandbox", northgate)
	for _, name := range []string{"Host", "X-Forwarded-Host", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Original-URL"} {
		r := amy.request(http.MethodPost, "/connect/authorize", url.Values{})
		r.Header.Set(name, "evil.example")
		if name == "Host" {
			r.Host = "evil.example" // for which the jar has no cookies
			for _, c := range amy.client.Jar.Cookies(parse(t, a.url)) {
				r.AddCookie(c)
			}
		}
		got := parse(t, amy.send(r).want(a, 303).location).Query().Get("redirect_uri")
		if got != a.url+"/callback" {
			t.Errorf("%s made the redirect URI %s", name, got)
		}
	}
}

func TestA27StartedByAStrangersPage(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	amy.begin("sandbox", northgate)
	pending := a.count("SELECT count(*) FROM authorizations")
	for name, value := range map[string][2]string{
		"cross-site": {"Sec-Fetch-Site", "cross-site"}, "same-site": {"Sec-Fetch-Site", "same-site"},
		"null origin": {"Origin", "null"}, "other origin": {"Origin", "https://evil.example"}, "the issuer's origin": {"Origin", a.standIn.URL},
	} {
		r := amy.request(http.MethodPost, "/connect/authorize", url.Values{})
		r.Header.Set(value[0], value[1])
		amy.send(r).want(a, 403, "did not come from a page of ours")
		if n := a.count("SELECT count(*) FROM authorizations"); n != pending {
			t.Errorf("%s: a trip was begun", name)
		}
	}
	if got := amy.get("/connect/authorize"); got.status != 405 {
		t.Errorf("GET: status %d", got.status)
	}
}

func TestA28WrongTenant(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		page := amy.get(amy.atServiceTitan(amy.begin("sandbox", northgate), south, "Allow"))
		page.want(a, 409, "different ServiceTitan company", fmt.Sprint(northgate))
		page.want(a, 409, fmt.Sprint(south))
		if n := a.count("SELECT count(*) FROM connections"); n != 0 {
			t.Errorf("%d connections", n)
		}
		if n := a.sandbox.Count("/connect/revocation"); n != 1 {
			t.Errorf("%d revocations of the access that is not kept, want 1", n)
		}

		// On a reconnect the old access stays in use.
		path := amy.connect("sandbox", northgate)
		sealed := a.lookup("SELECT generation FROM credentials")
		review := amy.post(path+"/reconnect").want(a, 303).location
		authorize := amy.post("/connect/authorize", "choice", hidden(t, amy.get(review).body, "choice")).location
		amy.get(amy.atServiceTitan(authorize, south, "Allow")).want(a, 409, "different ServiceTitan company")
		if now := a.lookup("SELECT generation FROM credentials"); now != sealed {
			t.Error("the old credential was replaced")
		}
		amy.post(path+"/test").want(a, 303)
		amy.get(path).want(a, 200, "Test passed")
	})
}

// Before control is proved, all tenants answer alike; a tenant of another
// company is refused after it, without naming the company (A29).
func TestA29TenantOfAnotherCompany(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Alpine Air", "Amy"), a.signUp("B", "Bob")
		path := amy.connect("sandbox", northgate)
		taken := bob.get(bob.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(northgate)).want(a, 303).location)
		free := bob.get(bob.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(south)).want(a, 303).location)
		alike := func(page answer, tenant int) string {
			return strings.ReplaceAll(strings.ReplaceAll(page.body, fmt.Sprint(tenant), "TENANT"), hidden(t, page.body, "choice"), "CHOICE")
		}
		if alike(taken, northgate) != alike(free, south) {
			t.Error("the review tells a taken tenant from a free one")
		}
		page := bob.get(bob.trip("sandbox", northgate)).want(a, 409, "connected to another company")
		if strings.Contains(page.body, "Alpine") {
			t.Error("the page names the other company")
		}
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'tenant_conflict'"); n != 1 {
			t.Errorf("%d conflict events, want 1", n)
		}
		amy.get(path).want(a, 200, "Connected")
		if strings.Contains(amy.get(path).body, "Another company") {
			t.Error("the company is told of the conflict; it is for staff")
		}
		// Once let go, the tenant is free.
		amy.post(path+"/disconnect").want(a, 303)
		bob.connect("sandbox", northgate)
	})
}

// What the check call answers, each with its page.
func TestCheckCallAnswers(t *testing.T) {
	for kind, want := range map[sandbox.FaultKind]struct {
		status int
		page   string
	}{
		sandbox.Status401: {409, "did not accept the access"},
		sandbox.Status403: {409, "has not allowed Fieldbridge yet"},
		sandbox.Status404: {409, "does not know this tenant ID"},
		sandbox.Status429: {503, "asks us to wait"},
		sandbox.Status500: {503, "not answering"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			a := newApp(t)
			amy := a.signUp("A", "Amy")
			back := amy.trip("sandbox", northgate)
			a.sandbox.SetFault(sandbox.Fault{Kind: kind, Path: sandbox.PathBusinessUnits})
			amy.get(back).want(a, want.status, want.page)
			if n := a.count("SELECT count(*) FROM connections"); n != 0 {
				t.Errorf("%d connections", n)
			}
			if n := a.sandbox.Count("/connect/revocation"); n != 1 {
				t.Errorf("%d revocations of the access that is not kept, want 1", n)
			}
			a.sandbox.ClearFaults()
			amy.connect("sandbox", northgate)
		})
	}
}
