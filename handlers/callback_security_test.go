package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestDuplicatedParameters(t *testing.T) {
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

func TestErrorsAndContradictions(t *testing.T) {
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
			again.want(t, tt.status, tt.page) // the state is used up
			a.noEffect(before, tt.name)
		})
	}
}

// otherScripts returns a page without the scripts of ours that any page may have.
func otherScripts(body string) string {
	return regexp.MustCompile(`<script src="/static/(form\.[0-9a-f]+\.js"|app\.[0-9a-f]+\.js" data-session="[0-9a-f/-]*") defer></script>`).ReplaceAllString(body, "")
}

func TestReflectedText(t *testing.T) {
	a := newApp(t)
	payloads := []string{
		`<svg onload=alert(1)>`, `"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `javascript:alert(1)`,
		"\u202egnp.exe", `{{7*7}}`, `</title><script>1</script>`, strings.Repeat("A<b>", 1<<10),
	}
	for i, payload := range payloads {
		amy := a.signUp("A", "Amy") // a user may go to ServiceTitan 30 times an hour
		for _, name := range []string{"error", "error_description", "error_uri", "state", "iss", "code"} {
			back := parse(t, amy.trip("sandbox", northgate))
			q := url.Values{"state": {back.Query().Get("state")}, "iss": {back.Query().Get("iss")}, "error": {"access_denied"}}
			q.Set(name, payload)
			page := amy.get("/callback?" + q.Encode())
			if page.status >= 500 || strings.Contains(page.body, payload) || strings.Contains(page.body, "onload=alert") || strings.Contains(otherScripts(page.body), "<script") {
				t.Errorf("payload %d in %s: status %d, reflected", i, name, page.status)
			}
		}
	}
}

func TestInjectedCode(t *testing.T) {
	a := newApp(t)
	amy, bob := a.signUp("A", "Amy"), a.signUp("B", "Bob")
	stolen := parse(t, bob.trip("sandbox", northgate)).Query().Get("code")
	back := parse(t, amy.trip("sandbox", northgate))
	q := back.Query()
	q.Set("code", stolen)
	amy.get("/callback?"+q.Encode()).want(a, 400, "ServiceTitan’s approval expired")
	if n := a.count("SELECT count(*) FROM connections"); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestPKCE(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	amy.begin("sandbox", northgate)
	challenges, states := map[string]bool{}, map[string]bool{}
	const n = 1000
	for i := range n {
		if i%20 == 0 {
			a.exec("DELETE FROM throttles") // as if an hour had passed
		}
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

func TestIssuer(t *testing.T) {
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

func TestRedirectURIFromHeaders(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("A", "Amy")
	amy.begin("sandbox", northgate)
	for _, name := range []string{"X-Forwarded-Host", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Original-URL"} {
		r := amy.request(http.MethodPost, "/connect/authorize", url.Values{})
		r.Header.Set(name, "evil.example")
		got := parse(t, amy.send(r).want(a, 303).location).Query().Get("redirect_uri")
		if got != a.url+"/callback" {
			t.Errorf("%s made the redirect URI %s", name, got)
		}
	}
}

func TestStartedByAStrangersPage(t *testing.T) {
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
		amy.send(r).want(a, 403, "did not come from one of our pages")
		if n := a.count("SELECT count(*) FROM authorizations"); n != pending {
			t.Errorf("%s: an authorization was begun", name)
		}
	}
	if got := amy.get("/connect/authorize"); got.status != 405 {
		t.Errorf("GET: status %d", got.status)
	}
}
