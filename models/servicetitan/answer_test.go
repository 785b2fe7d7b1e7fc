package servicetitan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// issuer is a server whose token endpoint answers what a test sets.
type issuer struct {
	*httptest.Server
	hits  atomic.Int32
	other atomic.Int32 // requests that reached another host
}

func newIssuer(t *testing.T, answer http.HandlerFunc) (*issuer, *servicetitan.Client) {
	t.Helper()
	i := &issuer{}
	mux := http.NewServeMux()
	mux.HandleFunc("/connect/", func(w http.ResponseWriter, r *http.Request) {
		i.hits.Add(1)
		answer(w, r)
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i, i.client(t)
}

func (i *issuer) client(t *testing.T) *servicetitan.Client {
	t.Helper()
	base, err := url.Parse(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	return servicetitan.NewClient(servicetitan.Environment{
		Name: servicetitan.Production, AuthURL: base, APIURL: base, ClientID: "cid.test",
		ClientSecret: secret.New("cs1.canary"), AppKey: secret.New("ak1.canary"), Scopes: []string{"a:r"},
	}, servicetitan.NewTransport(), time.Now)
}

func answering(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func good(field string) string {
	return `{"access_token":"acc","token_type":"Bearer","refresh_token":"ref"` + field + `}`
}

// For each answer of a token endpoint, the expected error. Neither Exchange nor Refresh
// accepts an answer that is not a valid token.
func TestHostileTokenAnswers(t *testing.T) {
	const passing, lost = servicetitan.Unavailable, true
	tests := []struct {
		name         string
		status       int
		contentType  string
		body         string
		kind         servicetitan.ErrorKind
		lost         bool
		statusWanted int
	}{
		{"empty", 200, "application/json", "", passing, lost, 200},
		{"no content", 204, "application/json", "", passing, false, 204},
		{"HTML", 200, "text/html", "<html>canary_body</html>", passing, lost, 200},
		{"form", 200, "application/x-www-form-urlencoded", "access_token=acc&token_type=Bearer", passing, lost, 200},
		{"JSON as text", 200, "text/plain", good(""), passing, lost, 200},
		{"array", 200, "application/json", "[]", passing, lost, 200},
		{"string", 200, "application/json", `"acc"`, passing, lost, 200},
		{"null", 200, "application/json", "null", passing, lost, 200},
		{"byte order mark", 200, "application/json", "\ufeff" + good(""), passing, lost, 200},
		{"trailing junk", 200, "application/json", good("") + "x", passing, lost, 200},
		{"two objects", 200, "application/json", good("") + good(""), passing, lost, 200},
		{"cut in the middle", 200, "application/json", good("")[:30], passing, lost, 200},
		{"duplicate key", 200, "application/json", good(`,"access_token":"other"`), passing, lost, 200},
		{"wrong case", 200, "application/json", `{"Access_Token":"acc","token_type":"Bearer"}`, passing, lost, 200},
		{"token is a number", 200, "application/json", `{"access_token":5,"token_type":"Bearer"}`, passing, lost, 200},
		{"no token", 200, "application/json", `{"token_type":"Bearer"}`, passing, lost, 200},
		{"empty token", 200, "application/json", `{"access_token":"","token_type":"Bearer"}`, passing, lost, 200},
		{"line break in token", 200, "application/json", `{"access_token":"a\r\nX: y","token_type":"Bearer"}`, passing, lost, 200},
		{"NUL in token", 200, "application/json", `{"access_token":"a\u0000","token_type":"Bearer"}`, passing, lost, 200},
		{"not ASCII", 200, "application/json", `{"access_token":"ü","token_type":"Bearer"}`, passing, lost, 200},
		{"strange refresh token", 200, "application/json", `{"access_token":"a","refresh_token":"b c","token_type":"Bearer"}`, passing, lost, 200},
		{"token of 33 KiB", 200, "application/json", `{"access_token":"` + strings.Repeat("a", 33<<10) + `","token_type":"Bearer"}`, passing, lost, 200},
		{"answer of 64 KiB and a byte", 200, "application/json", strings.Repeat(" ", 64<<10) + "{", passing, lost, 200},
		{"deep nesting", 200, "application/json", `{"x":` + strings.Repeat("[", 30000), passing, lost, 200},
		{"no token type", 200, "application/json", `{"access_token":"acc"}`, passing, lost, 200},
		{"MAC token", 200, "application/json", `{"access_token":"acc","token_type":"mac"}`, passing, lost, 200},
		{"200 with an error", 200, "application/json", good(`,"error":"invalid_grant"`), passing, lost, 200},
		{"400 HTML", 400, "text/html", "<p>canary_body", passing, false, 400},
		{"400 invalid_grant", 400, "application/json", `{"error":"invalid_grant"}`, servicetitan.GrantRefused, false, 400},
		{"400 invalid_client", 400, "application/json", `{"error":"invalid_client"}`, servicetitan.ClientRefused, false, 400},
		{"401 invalid_client", 401, "application/json", `{"error":"invalid_client"}`, servicetitan.ClientRefused, false, 401},
		{"400 unauthorized_client", 400, "application/json", `{"error":"unauthorized_client"}`, servicetitan.ClientRefused, false, 400},
		{"400 invalid_scope", 400, "application/json", `{"error":"invalid_scope"}`, servicetitan.RequestRefused, false, 400},
		{"400 invalid_request", 400, "application/json", `{"error":"invalid_request"}`, servicetitan.RequestRefused, false, 400},
		{"400 unsupported_grant_type", 400, "application/json", `{"error":"unsupported_grant_type"}`, servicetitan.RequestRefused, false, 400},
		{"400 unknown code", 400, "application/json", `{"error":"canary_code"}`, passing, false, 400},
		{"400 code within text", 400, "application/json", `{"error":"not invalid_grant at all"}`, passing, false, 400},
		{"500 that says invalid_grant", 500, "application/json", `{"error":"invalid_grant"}`, passing, false, 500},
		{"403", 403, "application/json", `{"error":"invalid_grant"}`, passing, false, 403},
		{"418", 418, "application/json", `{}`, passing, false, 418},
		{"429", 429, "application/json", `{}`, servicetitan.RateLimited, false, 429},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newIssuer(t, answering(tt.status, tt.contentType, tt.body))
			calls := map[string]func() (servicetitan.Tokens, error){
				"exchange": func() (servicetitan.Tokens, error) {
					return client.Exchange(t.Context(), secret.New("canary_c"), servicetitan.NewVerifier(), "http://localhost/callback")
				},
				"refresh": func() (servicetitan.Tokens, error) {
					return client.Refresh(t.Context(), secret.New("canary_r"))
				},
			}
			for name, call := range calls {
				before := server.hits.Load()
				_, err := call()
				e, ok := errors.AsType[*servicetitan.Error](err)
				if !ok {
					t.Fatalf("%s: got error %v, want a servicetitan.Error", name, err)
				}
				if e.Kind != tt.kind || e.AnswerLost != tt.lost || e.Status != tt.statusWanted {
					t.Errorf("%s: got %s, lost %t, status %d; want %s, %t, %d", name, e.Kind, e.AnswerLost, e.Status, tt.kind, tt.lost, tt.statusWanted)
				}
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("%s: the error quotes the answer or a secret: %v", name, err)
				}
				if sent := server.hits.Load() - before; sent != 1 {
					t.Errorf("%s: %d requests for one call", name, sent)
				}
			}
		})
	}
}

// Lifetimes that servers send, and how they are understood.
func TestExpiresIn(t *testing.T) {
	tests := []struct {
		field   string
		want    time.Duration
		guessed bool
	}{
		{`,"expires_in":900`, 15 * time.Minute, false},
		{``, 15 * time.Minute, true},
		{`,"expires_in":null`, 15 * time.Minute, true},
		{`,"expires_in":0`, 15 * time.Minute, true},
		{`,"expires_in":-5`, 15 * time.Minute, true},
		{`,"expires_in":true`, 15 * time.Minute, true},
		{`,"expires_in":"900"`, 15 * time.Minute, false},
		{`,"expires_in":900.0`, 15 * time.Minute, false},
		{`,"expires_in":9e2`, 15 * time.Minute, false},
		{`,"expires_in":"soon"`, 15 * time.Minute, true},
		{`,"expires_in":5`, time.Minute, false},
		{`,"expires_in":9223372036854775808`, 24 * time.Hour, false},
		{`,"expires_in":1e30`, 24 * time.Hour, false},
	}
	for _, tt := range tests {
		t.Run(tt.field, func(t *testing.T) {
			_, client := newIssuer(t, answering(200, "application/json;charset=UTF-8", good(tt.field)))
			before := time.Now()
			tokens, err := client.Refresh(t.Context(), secret.New("r"))
			if err != nil {
				t.Fatal(err)
			}
			early, late := before.Add(tt.want), time.Now().Add(tt.want)
			if tokens.ExpiresAt.Before(early) || tokens.ExpiresAt.After(late) || tokens.GuessedExpiry != tt.guessed {
				t.Errorf("expires in %s (guessed %t), want %s (%t)", tokens.ExpiresAt.Sub(before), tokens.GuessedExpiry, tt.want, tt.guessed)
			}
		})
	}
}

func TestTokensOfASoundAnswer(t *testing.T) {
	long := strings.Repeat("x", 16<<10)
	body := fmt.Sprintf(`{"access_token":%q,"token_type":"bEaReR","expires_in":900,"scope":"a:r b:rw"}`, long)
	_, client := newIssuer(t, answering(200, "application/json", body))
	tokens, err := client.Refresh(t.Context(), secret.New("old"))
	if err != nil {
		t.Fatal(err)
	}
	if tokens.Access.Reveal() != long {
		t.Error("a token of 16 KiB did not come through whole")
	}
	if !tokens.Refresh.IsZero() {
		t.Error("the old refresh token is handed out as if the answer had one")
	}
	if got := strings.Join(tokens.Scopes, " "); got != "a:r b:rw" {
		t.Errorf("scopes %q", got)
	}
}

// No call follows a redirect.
func TestRedirects(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var server *issuer
			other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { server.other.Add(1) }))
			defer other.Close()
			server = &issuer{}
			server.Server = httptest.NewServer(http.RedirectHandler(other.URL, status))
			defer server.Close()
			client := server.client(t)
			secret := secret.New("r")
			_, refreshed := client.Refresh(t.Context(), secret)
			_, checked := client.Account(t.Context(), secret, 7)
			for what, err := range map[string]error{"refresh": refreshed, "revoke": client.Revoke(t.Context(), secret), "check": checked} {
				if e, ok := errors.AsType[*servicetitan.Error](err); !ok || e.Kind != servicetitan.Unavailable {
					t.Errorf("%s: got %v, want Unavailable", what, err)
				}
			}
			if n := server.other.Load(); n != 0 {
				t.Errorf("the other host saw %d requests", n)
			}
		})
	}
}

// Metadata that would send secrets to another host is refused.
func TestLyingDiscovery(t *testing.T) {
	type document map[string]any
	sound := func(base string) document {
		return document{
			"issuer": base, "authorization_endpoint": base + "/a", "token_endpoint": base + "/t",
			"revocation_endpoint": base + "/r", "authorization_response_iss_parameter_supported": true,
		}
	}
	tests := []struct {
		name    string
		change  func(document, string)
		refused bool
	}{
		{"sound", func(document, string) {}, false},
		{"other issuer", func(d document, _ string) { d["issuer"] = "https://evil.example" }, true},
		{"issuer with a slash", func(d document, base string) { d["issuer"] = base + "/" }, true},
		{"token endpoint on another host", func(d document, _ string) { d["token_endpoint"] = "https://evil.example/t" }, true},
		{"no token endpoint", func(d document, _ string) { delete(d, "token_endpoint") }, true},
		{"revocation on another host", func(d document, _ string) { d["revocation_endpoint"] = "http://evil.example/r" }, true},
		{"no revocation", func(d document, _ string) { delete(d, "revocation_endpoint") }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := &issuer{}
			server.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				d := sound(server.URL)
				tt.change(d, server.URL)
				_ = json.NewEncoder(w).Encode(d)
			}))
			defer server.Close()
			_, err := server.client(t).Endpoints(t.Context())
			e, _ := errors.AsType[*servicetitan.Error](err)
			if refused := e != nil && e.Kind == servicetitan.Misconfigured; refused != tt.refused {
				t.Errorf("got %v, want refused %t", err, tt.refused)
			}
		})
	}
}

func TestEndpointsWithoutDiscovery(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"not found": http.NotFound,
		"down":      answering(503, "text/plain", ""),
		"5 MB":      answering(200, "application/json", strings.Repeat(" ", 5<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			server := &issuer{}
			server.Server = httptest.NewServer(handler)
			defer server.Close()
			got, err := server.client(t).Endpoints(t.Context())
			want := servicetitan.Endpoints{
				Authorize: server.URL + "/connect/authorize", Token: server.URL + "/connect/token",
				Revocation: server.URL + "/connect/revocation",
			}
			if err != nil || got != want {
				t.Errorf("got %+v, %v; want the documented paths", got, err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		name, header, body string
		want               time.Duration
	}{
		{"seconds", "30", `{}`, 30 * time.Second},
		{"in the title", "", `{"title":"Rate limit is exceeded. Try again in 42 seconds"}`, 42 * time.Second},
		{"neither", "", `{"title":"Rate limit is exceeded."}`, 0},
		{"garbage", "soon", `{}`, 0},
		{"negative", "-3", `{}`, 0},
		{"longer than we wait", "1000000000", `{}`, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := &issuer{}
			server.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.header != "" {
					w.Header().Set("Retry-After", tt.header)
				}
				answering(429, "application/problem+json", tt.body)(w, r)
			}))
			defer server.Close()
			_, err := server.client(t).Account(t.Context(), secret.New("a"), 7)
			e, ok := errors.AsType[*servicetitan.Error](err)
			if !ok || e.Kind != servicetitan.RateLimited || e.RetryAfter != tt.want {
				t.Errorf("got %v, want to wait %s", err, tt.want)
			}
		})
	}
}

func FuzzTokenAnswer(f *testing.F) {
	f.Add(good(`,"expires_in":900`))
	f.Add(`{"access_token":"a","access_token":"b"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		_, client := newIssuer(t, answering(200, "application/json", body))
		tokens, err := client.Refresh(t.Context(), secret.New("r"))
		if err == nil && (tokens.Access.IsZero() || tokens.ExpiresAt.IsZero()) {
			t.Errorf("took %q for a sound answer", body)
		}
	})
}
