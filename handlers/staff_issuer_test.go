package handlers_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// staffIssuer is an OpenID Connect issuer whose answers a test can spoil.
type staffIssuer struct {
	*httptest.Server
	key    *rsa.PrivateKey
	claims map[string]any
	// sign makes the ID token.
	sign func(claims map[string]any) string
	// asked is the last authorization request.
	asked url.Values
	// verifier is the last one that came with a code.
	verifier string

	mu sync.Mutex
	// spoil may answer in the issuer's place.
	spoil func(w http.ResponseWriter, r *http.Request) bool
	// metadata is added to that of discovery.
	metadata map[string]any
	requests map[string]int
	// codes are those that were handed out but not exchanged yet, with what was
	// requested.
	codes map[string]url.Values
}

func newStaffIssuer(t *testing.T) *staffIssuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &staffIssuer{key: key, requests: map[string]int{}, codes: map[string]url.Values{}}
	i.sign = func(claims map[string]any) string { return i.signed(t, i.key, claims) }
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, body any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		metadata := map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		}
		maps.Copy(metadata, i.metadata)
		answer(w, metadata)
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Issuer</title><link rel="icon" href="data:,"><main><h1>Issuer</h1><a href="%s">I am Sam</a></main>`,
			html.EscapeString(r.FormValue("redirect_uri")+"?"+i.answers(r.URL.Query(), time.Now()).Encode()))
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &i.key.PublicKey, KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if !i.redeems(r) {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		answer(w, map[string]any{"access_token": "stc_at", "token_type": "Bearer", "expires_in": 60, "id_token": i.sign(i.claims)})
	})
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.requests[r.URL.Path]++
		spoil := i.spoil
		i.mu.Unlock()
		if spoil == nil || !spoil(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(i.Close)
	return i
}

// redeems exchanges a code once, for the client, the redirect URI, and the verifier
// that it was issued for.
func (i *staffIssuer) redeems(r *http.Request) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, secret, ok := r.BasicAuth()
	asked, given := i.codes[r.FormValue("code")]
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || id != "fieldbridge" || secret != "stc_staff_secret" || !given || r.FormValue("redirect_uri") != asked.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != asked.Get("code_challenge") {
		return false
	}
	i.verifier = r.FormValue("code_verifier")
	delete(i.codes, r.FormValue("code"))
	return true
}

// count returns how often a path was requested.
func (i *staffIssuer) count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests[path]
}

// spoils makes a function answer in the issuer's place.
func (i *staffIssuer) spoils(spoil func(w http.ResponseWriter, r *http.Request) bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.spoil = spoil
}

// signed returns an ID token that is signed with RS256.
func (i *staffIssuer) signed(t *testing.T, key *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// trip sends the browser to the issuer and returns the query of the callback.
func (i *staffIssuer) trip(b *browser) url.Values {
	b.Helper()
	to := parse(b.T, b.get("/staff/signin").want(b, 303, i.URL+"/authorize").location)
	return i.answers(to.Query(), b.clock.Now())
}

// answers issues a code for a request, and decides what the ID token will be.
func (i *staffIssuer) answers(asked url.Values, now time.Time) url.Values {
	i.asked = asked
	i.claims = map[string]any{
		"iss": i.URL, "aud": "fieldbridge", "sub": "7", "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(),
		"nonce": asked.Get("nonce"), "email": "sam@fieldbridge.example", "email_verified": true,
	}
	code := "stc_code_" + rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.codes[code] = asked
	return url.Values{"state": {asked.Get("state")}, "code": {code}}
}

// signStaffInAt restarts the app with staff sign-in at an issuer, or with passwords
// if issuer is empty.
func (a *app) signStaffInAt(issuer string) {
	a.Helper()
	a.instance.staffIssuer = nil
	if issuer != "" {
		a.instance.staffIssuer = &handlers.StaffIssuer{Issuer: issuer, ClientID: "fieldbridge", ClientSecret: secret.New("stc_staff_secret")}
	}
	db := a.db
	a.serve(a.wire(slog.New(slog.NewTextHandler(a.log, nil))))
	a.db = db
}

// withStaffIssuer returns an app whose staff sign in at an issuer.
func withStaffIssuer(t *testing.T) (*app, *staffIssuer) {
	t.Helper()
	a := newApp(t)
	i := newStaffIssuer(t)
	a.signStaffInAt(i.URL)
	return a, i
}

// An issuer that does not answer, or answers nonsense, is asked again soon, with
// one request for everyone. Nobody is sent there, and its text stays out of the
// log.
func TestStaffIssuerThatIsNone(t *testing.T) {
	answers := map[string]func(i *staffIssuer) func(w http.ResponseWriter, r *http.Request) bool{
		"500": func(*staffIssuer) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool {
				http.Error(w, "stc_words "+strings.Repeat("x", 10<<10), http.StatusInternalServerError)
				return true
			}
		},
		"too long": func(*staffIssuer) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool {
				_, _ = io.WriteString(w, `{"issuer":"`+strings.Repeat("x", 1<<20))
				return true
			}
		},
		"redirect": func(i *staffIssuer) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/elsewhere" {
					return false
				}
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
				return true
			}
		},
	}
	for name, metadata := range map[string]map[string]any{
		"another issuer":              {"issuer": "https://other.example"},
		"token endpoint by http":      {"token_endpoint": "http://tokens.example/token"},
		"authorize endpoint by http":  {"authorization_endpoint": "http://login.example/authorize"},
		"keys by http":                {"jwks_uri": "http://keys.example/keys"},
		"no token endpoint":           {"token_endpoint": ""},
		"endpoint that is no address": {"authorization_endpoint": "javascript:alert(1)"},
	} {
		answers[name] = func(i *staffIssuer) func(http.ResponseWriter, *http.Request) bool {
			i.metadata = metadata
			return nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		t.Run(name, func(t *testing.T) {
			a, i := withStaffIssuer(t)
			a.addStaff("sam@fieldbridge.example", accounts.Support)
			i.spoils(answers[name](i))
			for range 3 {
				got := a.newBrowser().get("/staff/signin").want(a, 503, "Sign-in did not work")
				if got.header.Get("Retry-After") == "" || !supportCode.MatchString(got.body) {
					t.Error("it does not say when to try again, or has no support code")
				}
			}
			if n := i.count("/.well-known/openid-configuration"); n != 1 {
				t.Errorf("asked %d times at once", n)
			}
			if i.count("/elsewhere") != 0 {
				t.Error("a redirect was followed")
			}
			for line := range strings.Lines(a.log.String()) {
				if len(line) > 1000 || strings.Contains(line, "stc_words") {
					t.Errorf("a line of the log is the issuer's: %.200s", line)
				}
			}
			a.clock.Add(6 * time.Second)
			i.spoils(nil)
			i.metadata = nil
			b := a.newBrowser()
			b.get("/staff/signin/callback?"+i.trip(b).Encode()).want(a, 303, "/staff")
		})
	}
}

// While the issuer hangs, everyone gets an answer. A person who gives up does not
// take it from the others.
func TestStaffIssuerThatHangs(t *testing.T) {
	a, i := withStaffIssuer(t)
	asked, release := make(chan struct{}, 8), make(chan struct{})
	i.spoils(func(http.ResponseWriter, *http.Request) bool {
		asked <- struct{}{}
		<-release
		return false
	})
	hasty := a.newBrowser()
	ctx, hangUp := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if resp, err := hasty.client.Do(hasty.request(http.MethodGet, "/staff/signin", nil).WithContext(ctx)); err == nil {
			_ = resp.Body.Close()
			t.Error("it was answered")
		}
	})
	<-asked
	statuses := make([]int, 5)
	for n := range statuses {
		all.Go(func() { statuses[n] = a.newBrowser().get("/staff/signin").status })
	}
	hangUp()
	close(release)
	all.Wait()
	for _, status := range statuses {
		if status != 303 {
			t.Errorf("answered %v", statuses)
			break
		}
	}
	if n := i.count("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// The metadata is read again, so that the issuer can move its endpoints. While the
// issuer is down, the old ones are used.
func TestStaffIssuerMoves(t *testing.T) {
	a, i := withStaffIssuer(t)
	to := func() string { return a.newBrowser().get("/staff/signin").want(a, 303).location }
	if !strings.HasPrefix(to(), i.URL+"/authorize?") {
		t.Errorf("leads to %s", to())
	}
	i.metadata = map[string]any{"authorization_endpoint": i.URL + "/moved"}
	if !strings.HasPrefix(to(), i.URL+"/authorize?") {
		t.Error("the metadata is requested each time")
	}
	a.clock.Add(time.Hour)
	if !strings.HasPrefix(to(), i.URL+"/moved?") {
		t.Error("an hour later the old endpoint counts")
	}
	i.spoils(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	a.clock.Add(time.Hour)
	if !strings.HasPrefix(to(), i.URL+"/moved?") {
		t.Error("while the issuer is away, nothing counts")
	}
	i.spoils(nil)
	i.metadata = map[string]any{"issuer": "https://other.example"}
	a.clock.Add(time.Minute)
	a.newBrowser().get("/staff/signin").want(a, 503)
}

// The issuer's own name is required if its metadata announces it (RFC 9207, section
// 2.4).
func TestStaffIssuerAnnouncesItself(t *testing.T) {
	a, i := withStaffIssuer(t)
	a.addStaff("sam@fieldbridge.example", accounts.Support)
	i.metadata = map[string]any{"authorization_response_iss_parameter_supported": true}
	b := a.newBrowser()
	b.get("/staff/signin/callback?"+i.trip(b).Encode()).want(a, 400)
	back := i.trip(b)
	back.Set("iss", i.URL)
	b.get("/staff/signin/callback?"+back.Encode()).want(a, 303, "/staff")
}

// Whatever the token endpoint answers, nobody is signed in, the secret goes nowhere
// else, and the page comes soon.
func TestStaffTokenAnswers(t *testing.T) {
	a, i := withStaffIssuer(t)
	a.addStaff("sam@fieldbridge.example", accounts.Support)
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter)
		status int
	}{
		"redirect": {func(w http.ResponseWriter) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, 403},
		"too long": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"access_token":"`+strings.Repeat("x", 1<<20)) }, 503},
		"not JSON": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "stc_words") }, 503},
		"no token": {func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"access_token":"stc_at","token_type":"Bearer"}`)
		}, 403},
		"ID token bad": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"access_token":"stc_at","id_token":7}`) }, 403},
		"500":          {func(w http.ResponseWriter) { http.Error(w, "stc_words", http.StatusInternalServerError) }, 503},
		"401":          {func(w http.ResponseWriter) { http.Error(w, `{"error":"stc_words"}`, http.StatusUnauthorized) }, 403},
		"hung up":      {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, 503},
	} {
		t.Run(name, func(t *testing.T) {
			i.spoils(nil)
			b := a.newBrowser()
			back := i.trip(b)
			before := i.count("/token")
			i.spoils(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/token" {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				tt.answer(w)
				return true
			})
			b.get("/staff/signin/callback?"+back.Encode()).want(t, tt.status, "Sign-in did not work")
			b.get("/staff").want(t, 303, "/signin")
			if n := i.count("/token") - before; n != 1 {
				t.Errorf("the code was sent %d times", n)
			}
		})
	}
	if elsewhere.Load() != 0 {
		t.Error("the secret was sent to another address")
	}
	for _, secret := range []string{"stc_words", "stc_at", "stc_code_", "stc_staff_secret"} {
		if strings.Contains(a.log.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}

// The app reads the keys again when one is new. If the keys cannot be read, nobody
// gets in.
func TestStaffIssuerChangesKeys(t *testing.T) {
	a, i := withStaffIssuer(t)
	a.addStaff("sam@fieldbridge.example", accounts.Support)
	signIn := func(status int) {
		t.Helper()
		b := a.newBrowser()
		b.get("/staff/signin/callback?"+i.trip(b).Encode()).want(a, status)
	}
	signIn(303)
	var err error
	if i.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	i.spoils(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/keys" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	signIn(403)
	i.spoils(nil)
	signIn(303)
}

// Staff go to their issuer, which is another site, and come back, in a real
// browser.
func TestBrowserStaffSignInElsewhere(t *testing.T) {
	a, i := withStaffIssuer(t)
	a.addStaff("sam@fieldbridge.example", accounts.Support)
	c := a.contractor(t)
	c.Goto(a.url + "/signin")
	c.inspect("sign-in-staff-elsewhere")
	c.Click("Staff sign-in", "I am Sam")
	c.Click("I am Sam", "Needs attention now")
	if at := c.Address(); strings.Contains(at, "code=") || strings.Contains(at, "state=") {
		t.Errorf("the address holds a code: %s", at)
	}
	c.Choose(`[popovertarget="account"]`)
	c.Click("Sign out", "Staff sign-in")
	c.Click("Staff sign-in", "I am Sam")
	if err := a.accounts().RemoveStaff(t.Context(), accounts.CommandLine("root"), "sam@fieldbridge.example"); err != nil {
		t.Fatal(err)
	}
	c.Expect("403")
	c.Click("I am Sam", "Only people that an admin has added")
	c.inspect("staff-sign-in-failed")
	i.spoils(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	a.signStaffInAt(i.URL)
	c.Expect("503")
	c.Click("Try again", "does not answer")
	c.inspect("staff-issuer-away")
}
