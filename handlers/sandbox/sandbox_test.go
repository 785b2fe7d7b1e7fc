package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox/sandboxtest"
)

const (
	northgate = 842193311
	south     = 905118274
	empty     = 463205819

	clientID     = "cid.test"
	clientSecret = "cs1.stc_test_client_secret"
	appKey       = "ak1.stc_test_app_key"
	redirectURI  = "http://localhost:8080/callback"
)

// stand is a running sandbox with a browser.
type stand struct {
	*testing.T
	*sandboxtest.Sandbox
	clock
	url     string
	browser *http.Client // keeps cookies and does not follow redirects
	config  oauth2.Config
}

// clock shows the same time until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func start(t *testing.T, change ...func(*sandbox.Options)) *stand {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	s := &stand{T: t, url: "http://" + server.Listener.Addr().String()}
	s.now = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	o := sandbox.Options{
		URL: s.url, ClientID: clientID, ClientSecret: clientSecret, AppKey: appKey,
		RedirectURIs: []string{redirectURI, "http://localhost:8080/other?kept=1"},
		Scopes:       []string{"tn.crm.customers:r", "tn.crm.bookings:rw", "tn.stt.businessunits:r", "offline_access"},
		Now:          s.Now,
	}
	for _, f := range change {
		f(&o)
	}
	s.Sandbox = sandboxtest.NewRecording(o)
	server.Config.Handler = s.Sandbox
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(s.Release)
	s.browser = s.newBrowser()
	s.config = oauth2.Config{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURL: redirectURI, Scopes: o.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: s.url + "/connect/authorize", TokenURL: s.url + "/connect/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	return s
}

// transport returns a transport of its own. Any test's server closes the idle
// connections of the default one when the server ends.
func (s *stand) transport() http.RoundTripper {
	transport := &http.Transport{}
	s.Cleanup(transport.CloseIdleConnections)
	return transport
}

// asProgram makes x/oauth2 use a client of its own.
func (s *stand) asProgram(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: s.transport()})
}

func (s *stand) newBrowser() *http.Client {
	s.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	return &http.Client{Transport: s.transport(), Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// reply is an answer that was read completely.
type reply struct {
	status int
	header http.Header
	body   string
}

// location returns the target of a redirect.
func (r reply) location(t *testing.T) *url.URL {
	t.Helper()
	if r.status != http.StatusSeeOther {
		t.Fatalf("status %d, want 303:\n%s", r.status, r.body)
	}
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (s *stand) request(method, path string, form url.Values) *http.Request {
	s.Helper()
	if strings.HasPrefix(path, "/") {
		path = s.url + path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(s.Context(), method, path, body)
	if err != nil {
		s.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (s *stand) send(r *http.Request) reply {
	s.Helper()
	a, err := s.try(r)
	if err != nil {
		s.Fatal(err)
	}
	return a
}

// try is like send, for answers that may be lost.
func (s *stand) try(r *http.Request) (reply, error) {
	resp, err := s.browser.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}, err
}

func (s *stand) get(path string) reply {
	s.Helper()
	return s.send(s.request(http.MethodGet, path, nil))
}

func (s *stand) post(path string, form url.Values) reply {
	s.Helper()
	return s.send(s.request(http.MethodPost, path, form))
}

// form reads the form on a page: its address, and its fields as a browser would send
// them without a button.
func (s *stand) form(page string) (action string, fields url.Values) {
	s.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		s.Fatal(err)
	}
	fields = url.Values{}
	for n := range root.Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		_, checked := attr["checked"]
		switch {
		case n.Data == "form":
			action = attr["action"]
		case n.Data == "input" && (attr["type"] != "radio" || checked):
			fields.Set(attr["name"], attr["value"])
		}
	}
	if action == "" {
		s.Fatalf("no form on the page:\n%s", page)
	}
	return action, fields
}

// signIn signs the browser in if necessary, and returns the consent page.
func (s *stand) signIn(authorizeURL string) (consentPage string) {
	s.Helper()
	page := s.get(authorizeURL).body
	action, fields := s.form(page)
	if fields.Has("tenant") {
		return page
	}
	back := s.post(action, fields).location(s.T)
	return s.get(back.String()).body
}

// decide answers the consent page for a tenant.
func (s *stand) decide(authorizeURL string, tenantID int64, decision string) url.Values {
	s.Helper()
	action, fields := s.form(s.signIn(authorizeURL))
	fields.Set("tenant", strconv.FormatInt(tenantID, 10))
	fields.Set("decision", decision)
	return s.post(action, fields).location(s.T).Query()
}

// code goes through the consent, and returns a code with its verifier.
func (s *stand) code(tenantID int64) (code, verifier string) {
	s.Helper()
	verifier = oauth2.GenerateVerifier()
	q := s.decide(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(verifier)), tenantID, "allow")
	return q.Get("code"), verifier
}

// connect goes through the whole flow, and returns the tokens.
func (s *stand) connect(tenantID int64) *oauth2.Token {
	s.Helper()
	code, verifier := s.code(tenantID)
	token, err := s.config.Exchange(s.asProgram(s.Context()), code, oauth2.VerifierOption(verifier))
	if err != nil {
		s.Fatal(err)
	}
	return token
}

func (s *stand) refresh(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	return s.config.TokenSource(s.asProgram(ctx), &oauth2.Token{RefreshToken: refreshToken}).Token()
}

// tokenForm returns a token request of the registered client.
func tokenForm(pairs ...string) url.Values {
	form := url.Values{"client_id": {clientID}, "client_secret": {clientSecret}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// oauthError returns the code of the token endpoint's error, or an empty string.
func (r reply) oauthError() string {
	var body struct {
		Error string `json:"error"`
	}
	if r.status != http.StatusBadRequest || json.Unmarshal([]byte(r.body), &body) != nil {
		return ""
	}
	return body.Error
}

func (s *stand) wantRefused(r reply, code string) {
	s.Helper()
	if r.oauthError() != code {
		s.Errorf("answer %d %s, want 400 and %s", r.status, r.body, code)
	}
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		s.Errorf("Cache-Control is %q, want no-store", got)
	}
}

// wantRefreshRefused checks that a refresh token no longer works.
func (s *stand) wantRefreshRefused(refreshToken string) {
	s.Helper()
	s.wantRefused(s.post("/connect/token", tokenForm("grant_type", "refresh_token", "refresh_token", refreshToken)), "invalid_grant")
}

func (s *stand) businessUnits(tenantID int64, query, accessToken string) reply {
	s.Helper()
	r := s.request(http.MethodGet, "/settings/v2/tenant/"+strconv.FormatInt(tenantID, 10)+"/business-units"+query, nil)
	r.Header.Set("Authorization", "Bearer "+accessToken)
	r.Header.Set("ST-App-Key", appKey)
	return s.send(r)
}

func (s *stand) wantAPI(tenantID int64, accessToken string, status int) {
	s.Helper()
	if got := s.businessUnits(tenantID, "", accessToken); got.status != status {
		s.Errorf("API answers %d, want %d:\n%s", got.status, status, got.body)
	}
}
