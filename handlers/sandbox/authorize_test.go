package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// A wrong request is never redirected.
func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	s := start(t)
	tests := map[string]struct {
		change func(url.Values)
		code   string
	}{
		"no client":               {func(q url.Values) { q.Del("client_id") }, "unauthorized_client"},
		"unknown client":          {func(q url.Values) { q.Set("client_id", "cid.other") }, "unauthorized_client"},
		"no redirect":             {func(q url.Values) { q.Del("redirect_uri") }, "invalid_request"},
		"redirect elsewhere":      {func(q url.Values) { q.Set("redirect_uri", "https://attacker.example/callback") }, "invalid_request"},
		"redirect below":          {func(q url.Values) { q.Set("redirect_uri", redirectURI+"/more") }, "invalid_request"},
		"redirect with query":     {func(q url.Values) { q.Set("redirect_uri", redirectURI+"?a=b") }, "invalid_request"},
		"redirect in other case":  {func(q url.Values) { q.Set("redirect_uri", strings.ToUpper(redirectURI)) }, "invalid_request"},
		"redirect to other port":  {func(q url.Values) { q.Set("redirect_uri", "http://localhost:8081/callback") }, "invalid_request"},
		"redirect with userinfo":  {func(q url.Values) { q.Set("redirect_uri", "http://localhost:8080@attacker.example/callback") }, "invalid_request"},
		"response type token":     {func(q url.Values) { q.Set("response_type", "token") }, "unsupported_response_type"},
		"response mode fragment":  {func(q url.Values) { q.Set("response_mode", "fragment") }, "invalid_request"},
		"no scope":                {func(q url.Values) { q.Del("scope") }, "invalid_scope"},
		"scope not allowed":       {func(q url.Values) { q.Set("scope", "tn.crm.customers:r tn.acc.payments:rw") }, "invalid_scope"},
		"no challenge":            {func(q url.Values) { q.Del("code_challenge") }, "invalid_request"},
		"short challenge":         {func(q url.Values) { q.Set("code_challenge", "abc") }, "invalid_request"},
		"challenge not base64url": {func(q url.Values) { q.Set("code_challenge", strings.Repeat("+", 43)) }, "invalid_request"},
		"plain challenge":         {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"no challenge method":     {func(q url.Values) { q.Del("code_challenge_method") }, "invalid_request"},
		"doubled state":           {func(q url.Values) { q.Add("state", "another") }, "invalid_request"},
		"doubled redirect":        {func(q url.Values) { q.Add("redirect_uri", "https://attacker.example/") }, "invalid_request"},
	}
	good, err := url.Parse(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
	if err != nil {
		t.Fatal(err)
	}
	action, fields := s.form(s.signIn(good.String()))
	if !strings.HasPrefix(action, "/connect/authorize?") {
		t.Fatalf("consent posts to %s", action)
	}
	fields.Set("decision", "allow")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			q := good.Query()
			test.change(q)
			for step, r := range map[string]reply{
				"asking":     s.get("/connect/authorize?" + q.Encode()),
				"signing in": s.post("/signin?"+q.Encode(), url.Values{"email": {"a@example.test"}}),
				"allowing":   s.post("/connect/authorize?"+q.Encode(), fields),
			} {
				if r.status != http.StatusBadRequest || r.header.Get("Location") != "" || !strings.Contains(r.body, test.code) {
					t.Errorf("%s: answer %d, location %q, want a page with %s:\n%s", step, r.status, r.header.Get("Location"), test.code, r.body)
				}
			}
		})
	}
	if r := s.get("/connect/authorize?" + good.RawQuery + "&a=%zz"); r.status != http.StatusBadRequest {
		t.Errorf("a query that cannot be read is answered %d, want 400", r.status)
	}
}

func TestDeny(t *testing.T) {
	t.Parallel()
	s := start(t)
	q := s.decide(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), northgate, "deny")
	if q.Get("error") != "access_denied" || q.Get("error_description") == "" || q.Get("state") != "a-state" || q.Get("iss") != s.url || q.Has("code") {
		t.Errorf("callback has %v", q)
	}
}

func TestCallbackKeepsTheRegisteredQuery(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.config.RedirectURL = "http://localhost:8080/other?kept=1"
	q := s.decide(s.config.AuthCodeURL("", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), northgate, "allow")
	if q.Get("kept") != "1" || !q.Has("code") || q.Has("state") {
		t.Errorf("callback has %v", q)
	}
}

func TestConsentOffersTheHintedTenant(t *testing.T) {
	t.Parallel()
	for hint, want := range map[string]string{
		"": "842193311", "tenant:905118274": "905118274", "idp:x tenant:463205819": "463205819", "tenant:1": "842193311", "tenant:x": "842193311",
	} {
		t.Run(hint, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			page := s.signIn(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()), oauth2.SetAuthURLParam("acr_values", hint)))
			if _, fields := s.form(page); fields.Get("tenant") != want {
				t.Errorf("tenant %s is offered, want %s", fields.Get("tenant"), want)
			}
			for _, words := range []string{"View customers", "View and change bookings", "tn.crm.bookings:rw", "Empty company, no records", "admin@example.test"} {
				if !strings.Contains(page, words) {
					t.Errorf("%q is not on the consent page", words)
				}
			}
		})
	}
}

func TestConsentIsGuarded(t *testing.T) {
	t.Parallel()
	s := start(t)
	action, fields := s.form(s.signIn(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))))
	fields.Set("decision", "allow")
	with := func(name, value string) *http.Request {
		changed := url.Values{}
		for k, v := range fields {
			changed[k] = v
		}
		changed.Set(name, value)
		return s.request(http.MethodPost, action, changed)
	}
	crossSite := with("decision", "allow")
	crossSite.Header.Set("Sec-Fetch-Site", "cross-site")
	otherOrigin := with("decision", "allow")
	otherOrigin.Header.Set("Origin", "http://attacker.example")
	for name, test := range map[string]struct {
		request *http.Request
		status  int
	}{
		"from another site":   {crossSite, http.StatusForbidden},
		"from another origin": {otherOrigin, http.StatusForbidden},
		"no token":            {with("token", ""), http.StatusForbidden},
		"wrong token":         {with("token", "WRONG"), http.StatusForbidden},
		"unknown tenant":      {with("tenant", "1"), http.StatusBadRequest},
		"no decision":         {with("decision", ""), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			if r := s.send(test.request); r.status != test.status || r.header.Get("Location") != "" {
				t.Errorf("answer %d, location %q, want %d", r.status, r.header.Get("Location"), test.status)
			}
		})
	}
	t.Run("another browser", func(t *testing.T) {
		mine := s.browser
		defer func() { s.browser = mine }()
		s.browser = s.newBrowser()
		if r := s.post(action, fields); r.status != http.StatusForbidden || !strings.Contains(r.body, "Sign in") {
			t.Errorf("answer %d, want 403 and the sign-in page", r.status)
		}
	})
	if q := s.send(with("decision", "allow")).location(t).Query(); !q.Has("code") {
		t.Errorf("the same form in its own browser gives %v, want a code", q)
	}
	s.pass(9 * time.Hour)
	if r := s.post(action, fields); r.status != http.StatusForbidden {
		t.Errorf("an expired session is answered %d, want 403", r.status)
	}
}

func TestSignInWantsAnEmail(t *testing.T) {
	t.Parallel()
	s := start(t)
	action, fields := s.form(s.get(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))).body)
	if fields.Get("email") != "admin@example.test" {
		t.Errorf("email is %q", fields.Get("email"))
	}
	if r := s.post(action, url.Values{"email": {"<b>nobody"}}); r.status != http.StatusUnprocessableEntity || strings.Contains(r.body, "<b>nobody") {
		t.Errorf("answer %d:\n%s", r.status, r.body)
	}
	r := s.post(action, fields)
	cookie := r.header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("cookie is not %s", part)
		}
	}
}
