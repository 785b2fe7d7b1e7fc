package handlers_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// staffIssuer is an OpenID Connect issuer whose ID tokens a test may spoil.
type staffIssuer struct {
	*httptest.Server
	key    *rsa.PrivateKey
	claims map[string]any
	// sign makes the ID token.
	sign func(claims map[string]any) string
	// asked is the last authorization request.
	asked url.Values
}

func newStaffIssuer(t *testing.T) *staffIssuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &staffIssuer{key: key}
	i.sign = func(claims map[string]any) string { return i.signed(t, i.key, claims) }
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, body any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &i.key.PublicKey, KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		id, secret, ok := r.BasicAuth()
		if !ok || id != "fieldbridge" || secret != "stc_staff_secret" || r.FormValue("code") != "a-code" || r.FormValue("code_verifier") == "" {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		answer(w, map[string]any{"access_token": "stc_at", "token_type": "Bearer", "expires_in": 60, "id_token": i.sign(i.claims)})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// signed is an ID token by RS256.
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

// trip sends the browser to the issuer and returns the query of the way back.
func (i *staffIssuer) trip(b *browser) url.Values {
	b.Helper()
	to := parse(b.T, b.get("/staff/signin").want(b, 303, i.URL+"/authorize").location)
	i.asked = to.Query()
	now := b.clock.Now()
	i.claims = map[string]any{
		"iss": i.URL, "aud": "fieldbridge", "sub": "7", "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(),
		"nonce": i.asked.Get("nonce"), "email": "sam@fieldbridge.example", "email_verified": true,
	}
	return url.Values{"state": {i.asked.Get("state")}, "code": {"a-code"}}
}

// signStaffInAt starts the app anew, with staff sign-in at an issuer.
func (a *app) signStaffInAt(issuer string) {
	a.Helper()
	a.instance.staffIssuer = &handlers.StaffIssuer{Issuer: issuer, ClientID: "fieldbridge", ClientSecret: servicetitan.NewSecret("stc_staff_secret")}
	db := a.db
	a.serve(a.wire(slog.New(slog.NewTextHandler(a.log, nil))))
	a.db = db
}

// withStaffIssuer is the app with staff sign-in elsewhere.
func withStaffIssuer(t *testing.T) (*app, *staffIssuer) {
	t.Helper()
	a := newApp(t)
	i := newStaffIssuer(t)
	a.signStaffInAt(i.URL)
	return a, i
}

// Staff sign in at their own issuer; their password here works no more, and no
// second factor of ours is asked for.
func TestStaffSignInElsewhere(t *testing.T) {
	a, i := withStaffIssuer(t)
	link := a.addStaff("sam@fieldbridge.example", models.Support)
	a.newBrowser().get("/signin").want(a, 200, "Staff sign-in")
	a.newBrowser().get("/password/reset?token="+link).want(a, 404, "no longer valid")
	a.newBrowser().post("/password/reset", "token", link, "name", "Sam", "password", password).want(a, 404)

	b := a.newBrowser()
	back := i.trip(b)
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "fieldbridge", "redirect_uri": a.url + "/staff/signin/callback", "code_challenge_method": "S256", "scope": "openid email",
	} {
		if got := i.asked.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(i.asked.Get("state")) < 40 || len(i.asked.Get("nonce")) < 40 || len(i.asked.Get("code_challenge")) != 43 {
		t.Error("state, nonce or challenge is short")
	}
	b.get("/staff/signin/callback?"+back.Encode()).want(a, 303, "/staff")
	b.get("/staff").want(a, 200, "Needs attention now")
	a.clock.Add(16 * time.Minute)
	b.get("/staff").want(a, 303, "/signin") // as short as any staff session

	// The way back works once.
	again := a.newBrowser()
	back = i.trip(again)
	again.get("/staff/signin/callback?"+back.Encode()).want(a, 303)
	again.get("/staff/signin/callback?"+back.Encode()).want(a, 400, "Sign-in did not work")
	for _, secret := range []string{"stc_staff_secret", "stc_at", back.Get("state"), "a-code"} {
		if strings.Contains(a.log.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
	// Members sign in as before.
	amy := a.signUp("Northgate", "Amy")
	amy.post("/signout").want(a, 303)
	amy.post("/signin", "email", amy.email, "password", password).want(a, 303, "/connections")
}

// A password that staff had before lets nobody in, and is answered as a wrong
// one.
func TestStaffPasswordIsOffElsewhere(t *testing.T) {
	a := newApp(t)
	sam := a.staff("Sam", models.Support)
	wrong := a.newBrowser().post("/signin", "email", sam.email, "password", "another one altogether").want(a, 422)
	i := newStaffIssuer(t)
	a.signStaffInAt(i.URL)
	right := a.newBrowser().post("/signin", "email", sam.email, "password", password).want(a, 422)
	if !strings.Contains(right.body, "do not go together") || !strings.Contains(wrong.body, "do not go together") {
		t.Error("the answers differ")
	}
}

// Whatever is wrong with the way back or the ID token, nobody is signed in.
func TestStaffSignInRefused(t *testing.T) {
	a, i := withStaffIssuer(t)
	a.addStaff("sam@fieldbridge.example", models.Support)
	a.addStaff("gone@fieldbridge.example", models.Admin)
	if err := a.accounts().RemoveStaff(t.Context(), "gone@fieldbridge.example"); err != nil {
		t.Fatal(err)
	}
	amy := a.signUp("Northgate", "Amy")
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := i.sign
	tests := map[string]struct {
		spoil  func(back url.Values)
		status int
	}{
		"no state":         {func(v url.Values) { v.Del("state") }, 400},
		"empty state":      {func(v url.Values) { v.Set("state", "") }, 400},
		"wrong state":      {func(v url.Values) { v.Set("state", v.Get("state")[1:]) }, 400},
		"two states":       {func(v url.Values) { v.Add("state", v.Get("state")) }, 400},
		"too late":         {func(url.Values) { a.clock.Add(11 * time.Minute) }, 400},
		"another issuer":   {func(v url.Values) { v.Set("iss", "https://other.example") }, 400},
		"denied":           {func(v url.Values) { v.Set("error", "access_denied"); v.Del("code") }, 403},
		"no code":          {func(v url.Values) { v.Del("code") }, 403},
		"wrong code":       {func(v url.Values) { v.Set("code", "b-code") }, 403},
		"wrong nonce":      {func(url.Values) { i.claims["nonce"] = "x" }, 403},
		"no nonce":         {func(url.Values) { delete(i.claims, "nonce") }, 403},
		"wrong audience":   {func(url.Values) { i.claims["aud"] = "other" }, 403},
		"token of another": {func(url.Values) { i.claims["iss"] = "https://other.example" }, 403},
		"expired":          {func(url.Values) { i.claims["exp"] = a.clock.Now().Add(-time.Hour).Unix() }, 403},
		"not verified":     {func(url.Values) { i.claims["email_verified"] = false }, 403},
		"no word of it":    {func(url.Values) { delete(i.claims, "email_verified") }, 403},
		"unknown email":    {func(url.Values) { i.claims["email"] = "eve@fieldbridge.example" }, 403},
		"member's email":   {func(url.Values) { i.claims["email"] = amy.email }, 403},
		"removed":          {func(url.Values) { i.claims["email"] = "gone@fieldbridge.example" }, 403},
		"another's key":    {func(url.Values) { i.sign = func(c map[string]any) string { return i.signed(t, other, c) } }, 403},
		"unsigned": {func(url.Values) {
			i.sign = func(c map[string]any) string {
				token := strings.Split(sign(c), ".")
				return "eyJhbGciOiJub25lIn0." + token[1] + "."
			}
		}, 403},
		"no token": {func(url.Values) { i.sign = func(map[string]any) string { return "" } }, 403},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		tt := tests[name]
		t.Run(name, func(t *testing.T) {
			i.sign = sign
			b := a.newBrowser()
			back := i.trip(b)
			tt.spoil(back)
			b.get("/staff/signin/callback?"+back.Encode()).want(t, tt.status, "Sign-in did not work")
			b.get("/staff").want(t, 303, "/signin")
		})
	}
	i.sign = sign
	stolen := i.trip(a.newBrowser())
	a.newBrowser().get("/staff/signin/callback?"+stolen.Encode()).want(a, 400) // A2: in another browser
}

// Without an issuer there is no such sign-in; with one that is down there is a
// page that says so.
func TestStaffSignInNeedsItsIssuer(t *testing.T) {
	a := newApp(t)
	a.newBrowser().get("/staff/signin").want(a, 404)
	a.newBrowser().get("/staff/signin/callback?state=x&code=y").want(a, 404)
	a.signStaffInAt("http://127.0.0.1:1")
	a.newBrowser().get("/staff/signin").want(a, 503, "Sign-in did not work")
}
