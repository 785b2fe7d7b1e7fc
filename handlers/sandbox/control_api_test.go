package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// control sends a request like curl.
func (s *stand) control(method, path, body string) reply {
	s.Helper()
	return s.send(s.controlRequest(method, path, body))
}

func (s *stand) controlRequest(method, path, body string) *http.Request {
	s.Helper()
	r := s.request(method, "/control/"+path, nil)
	r.Body = io.NopCloser(strings.NewReader(body))
	r.ContentLength = int64(len(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// answers reads an answer of the control API.
func answers[T any](t *testing.T, r reply, status int) (into T) {
	t.Helper()
	if r.status != status {
		t.Fatalf("answer %d %s, want %d", r.status, r.body, status)
	}
	if err := json.Unmarshal([]byte(r.body), &into); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	return into
}

type faultAnswer struct {
	ID         int     `json:"id"`
	Kind       string  `json:"kind"`
	Path       string  `json:"path"`
	Tenant     int64   `json:"tenant"`
	Times      int     `json:"times"`
	RetryAfter float64 `json:"retry_after"`
	Met, Fired int
}

// A program's complete test: set a fault, meet it, count it, and clear it.
func TestControlFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.connect(northgate)
	made := answers[faultAnswer](t, s.control("POST", "faults", `{"kind":"status_503","tenant":842193311,"times":2,"retry_after":30}`), 201)
	if made != (faultAnswer{ID: made.ID, Kind: "status_503", Path: "/connect/token", Tenant: northgate, Times: 2, RetryAfter: 30}) {
		t.Errorf("made %+v", made)
	}
	if r := s.post("/connect/token", refreshForm(token)); r.status != 503 || r.header.Get("Retry-After") != "30" {
		t.Errorf("answer %d", r.status)
	}
	type list struct {
		Faults []faultAnswer
		Fired  map[string]int
	}
	got := answers[list](t, s.control("GET", "faults", ""), 200)
	if len(got.Faults) != 1 || got.Faults[0].Fired != 1 || got.Faults[0].Met != 1 || got.Fired["status_503"] != 1 || len(got.Fired) != len(sandbox.FaultKinds()) {
		t.Errorf("listed %+v", got)
	}
	one := "faults/" + strings.TrimSpace(jsonNumber(made.ID))
	if first, again := s.control("DELETE", one, ""), s.control("DELETE", one, ""); first.status != 204 || again.status != 404 {
		t.Errorf("taken back: %d, then %d", first.status, again.status)
	}
	s.control("POST", "faults", `{"kind":"custom_token","status":400,"content_type":"application/json","body":"{\"error\":\"invalid_client\"}"}`)
	s.wantRefused(s.post("/connect/token", refreshForm(token)), "invalid_client")
	s.control("POST", "faults", `{"kind":"slow","delay":0.001,"times":1,"path":"*"}`)
	s.control("POST", "faults", `{"kind":"clock_skew","skew":-60}`)
	if skew := s.Faults()[2].Skew; skew != -time.Minute {
		t.Errorf("skew is %s", skew)
	}
	if r := s.control("DELETE", "faults", ""); r.status != 204 || len(s.Faults()) != 0 {
		t.Errorf("all off: %d, %d are on", r.status, len(s.Faults()))
	}
	if empty := s.control("GET", "faults", "").body; !strings.Contains(empty, `"faults":[]`) {
		t.Errorf("no faults are %s", empty)
	}
}

func jsonNumber(n int) string {
	text, _ := json.Marshal(n)
	return string(text)
}

func TestControlRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.connect(northgate)
	s.wantRefreshRefused("stc_A.B")
	type list struct {
		Requests []struct {
			Method, Path, Error, Fault string
			Time                       time.Time
			Tenant                     int64
			Status                     int
			Parameters                 []sandbox.Parameter
			Took                       *float64 `json:"took_ms"`
		}
		Counts map[string]int
	}
	got := answers[list](t, s.control("GET", "requests", ""), 200)
	newest := got.Requests[0]
	if newest.Path != "/connect/token" || newest.Error != "invalid_grant" || newest.Status != 400 || newest.Method != "POST" || newest.Took == nil || !newest.Time.Equal(s.Now()) {
		t.Errorf("the newest is %+v", newest)
	}
	if len(newest.Parameters) != 4 || newest.Parameters[3] != (sandbox.Parameter{Name: "refresh_token", Value: "[redacted]"}) {
		t.Errorf("its parameters are %+v", newest.Parameters)
	}
	if second := got.Requests[1]; second.Tenant != northgate || got.Counts["/connect/token"] != 2 || got.Counts["/connect/revocation"] != 0 {
		t.Errorf("the one before is %+v, counts are %v", second, got.Counts)
	}
}

func TestControlSettings(t *testing.T) {
	t.Parallel()
	s := start(t)
	const begin = `{"access_token_life":900,"refresh_grace":0,"grace_until_used":false,"rotation":true}`
	if got := s.control("GET", "settings", "").body; got != begin {
		t.Errorf("settings are %s", got)
	}
	// Settings that the body does not name stay as they are.
	if got := s.control("POST", "settings", `{"refresh_grace":10}`).body; got != strings.Replace(begin, `"refresh_grace":0`, `"refresh_grace":10`, 1) {
		t.Errorf("settings are %s", got)
	}
	s.control("POST", "settings", `{"access_token_life":30,"grace_until_used":true,"rotation":false}`)
	if got := s.Settings(); got != (sandbox.Settings{AccessTokenLife: 30 * time.Second, RefreshGrace: 10 * time.Second, GraceUntilUsed: true, KeepRefreshTokens: true}) {
		t.Errorf("settings are %+v", got)
	}
	if r := s.control("POST", "reset", ""); r.status != 204 {
		t.Errorf("reset answers %d", r.status)
	}
	if got := s.control("GET", "settings", "").body; got != begin {
		t.Errorf("settings are %s after a reset", got)
	}
}

// Other programs' tests prepare what they need without a browser.
func TestControlTenants(t *testing.T) {
	t.Parallel()
	s := start(t)
	type done struct {
		Count        int
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		RefreshToken string `json:"refresh_token"`
	}
	do := func(path string) done {
		t.Helper()
		return answers[done](t, s.control("POST", "tenants/"+path, ""), 200)
	}
	do("738846120/allow") // it is not added at the start
	made := do("738846120/regenerate")
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {made.ClientID}, "client_secret": {made.ClientSecret}}
	own := s.ownToken(form).AccessToken
	s.wantAPI(harbor, own, http.StatusOK)
	granted := do("738846120/grant")
	token, err := s.refresh(t.Context(), granted.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if got := do("738846120/expire"); got.Count != 2 {
		t.Errorf("%d tokens expired, want 2", got.Count)
	}
	s.wantAPI(harbor, token.AccessToken, http.StatusUnauthorized)
	if got := do("all/withdraw"); got.Count != 2 {
		t.Errorf("%d withdrawn, want 2", got.Count)
	}
	s.wantRefused(s.post("/connect/token", form), "invalid_client")
	do("738846120/restore")
	s.ownToken(form)
	if got := do("738846120/new_version"); got.Count != 1 {
		t.Errorf("a new version waits for %d, want 1", got.Count)
	}
	do("738846120/revoke")
}

func TestControlRefusesNonsense(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct {
		method, path, body string
		status             int
	}{
		"no kind":            {"POST", "faults", `{}`, 422},
		"unknown kind":       {"POST", "faults", `{"kind":"boil"}`, 422},
		"unknown tenant":     {"POST", "faults", `{"kind":"status_500","tenant":1}`, 422},
		"misspelt":           {"POST", "faults", `{"kind":"status_500","tmies":1}`, 400},
		"an ID of its own":   {"POST", "faults", `{"kind":"status_500","id":1}`, 400},
		"huge delay":         {"POST", "faults", `{"kind":"slow","delay":1e300}`, 422},
		"two objects":        {"POST", "faults", `{"kind":"status_500"}{"kind":"status_500"}`, 400},
		"no object":          {"POST", "faults", `kind=status_500`, 400},
		"too long":           {"POST", "faults", `{"kind":"custom_token","body":"` + strings.Repeat("x", 64<<10) + `"}`, 413},
		"no life":            {"POST", "settings", `{"access_token_life":0}`, 422},
		"unknown setting":    {"POST", "settings", `{"life":30}`, 400},
		"no such fault":      {"DELETE", "faults/12", "", 404},
		"fault in words":     {"DELETE", "faults/first", "", 404},
		"no such action":     {"POST", "tenants/842193311/boil", "", 422},
		"no such tenant":     {"POST", "tenants/1/expire", "", 404},
		"not allowed yet":    {"POST", "tenants/842193311/regenerate", "", 422},
		"grant for all":      {"POST", "tenants/all/grant", "", 422},
		"regenerate for all": {"POST", "tenants/all/regenerate", "", 422},
		"nothing to restore": {"POST", "tenants/842193311/restore", "", 422},
		"action with a body": {"POST", "tenants/842193311/expire", `{"all":true}`, 400},
		"wrong method":       {"GET", "reset", "", 405},
		"nothing there":      {"GET", "boil", "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.control(test.method, test.path, test.body)
			if r.status != test.status {
				t.Errorf("answer %d %s, want %d", r.status, r.body, test.status)
			}
			if r.status < 404 && !strings.Contains(r.body, `{"error":"`) {
				t.Errorf("answer %s says no reason", r.body)
			}
		})
	}
	if n := len(s.Faults()); n != 0 {
		t.Errorf("%d faults are on", n)
	}
}

// No web page can use the control API, however it reaches it.
func TestControlIsForPrograms(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.connect(northgate)
	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"from another origin":      {func(r *http.Request) { r.Header.Set("Origin", "http://attacker.example") }, 403},
		"from our own origin":      {func(r *http.Request) { r.Header.Set("Origin", s.url) }, 403},
		"from nowhere":             {func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		"from another site":        {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"from another port":        {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, 403},
		"by another name":          {func(r *http.Request) { r.Host = "attacker.example" }, 421},
		"by another port's name":   {func(r *http.Request) { r.Host = "127.0.0.1:1" }, 421},
		"as a form":                {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 415},
		"as text":                  {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415},
		"as nothing":               {func(r *http.Request) { r.Header.Del("Content-Type") }, 415},
		"as JSON, from a terminal": {func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				path := map[string]string{"GET": "requests", "POST": "settings", "DELETE": "faults"}[method]
				r := s.controlRequest(method, path, "")
				test.change(r)
				want := test.status
				if method != "POST" && want == 415 { // it has no body
					want = 200
				}
				if method == "DELETE" && want == 200 {
					want = 204
				}
				if got := s.send(r); got.status != want {
					t.Errorf("%s: answer %d %s, want %d", method, got.status, got.body, want)
				}
			}
		})
	}
	s.wantAPI(northgate, token.AccessToken, http.StatusOK)
}
