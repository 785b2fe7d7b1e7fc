package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

func TestTokenRefuses(t *testing.T) {
	t.Parallel()
	const exchange = "authorization_code"
	tests := map[string]struct {
		change func(s *stand, form url.Values)
		code   string
	}{
		"wrong secret":          {func(_ *stand, f url.Values) { f.Set("client_secret", "wrong") }, "invalid_client"},
		"no secret":             {func(_ *stand, f url.Values) { f.Del("client_secret") }, "invalid_client"},
		"unknown client":        {func(_ *stand, f url.Values) { f.Set("client_id", "cid.other") }, "invalid_client"},
		"no grant type":         {func(_ *stand, f url.Values) { f.Del("grant_type") }, "invalid_request"},
		"unknown grant type":    {func(_ *stand, f url.Values) { f.Set("grant_type", "password") }, "unsupported_grant_type"},
		"client credentials":    {func(_ *stand, f url.Values) { f.Set("grant_type", "client_credentials") }, "unauthorized_client"},
		"no code":               {func(_ *stand, f url.Values) { f.Del("code") }, "invalid_request"},
		"unknown code":          {func(_ *stand, f url.Values) { f.Set("code", "stc_UNKNOWN") }, "invalid_grant"},
		"doubled code":          {func(_ *stand, f url.Values) { f.Add("code", "another") }, "invalid_request"},
		"no redirect":           {func(_ *stand, f url.Values) { f.Del("redirect_uri") }, "unauthorized_client"},
		"another redirect":      {func(_ *stand, f url.Values) { f.Set("redirect_uri", "http://localhost:8080/other?kept=1") }, "invalid_grant"},
		"no verifier":           {func(_ *stand, f url.Values) { f.Del("code_verifier") }, "invalid_request"},
		"wrong verifier":        {func(_ *stand, f url.Values) { f.Set("code_verifier", oauth2.GenerateVerifier()) }, "invalid_grant"},
		"short verifier":        {func(_ *stand, f url.Values) { f.Set("code_verifier", "short") }, "invalid_grant"},
		"code is a minute old":  {func(s *stand, _ url.Values) { s.pass(time.Minute) }, "invalid_grant"},
		"tenant withdrew":       {func(s *stand, _ url.Values) { s.RevokeGrants(northgate) }, "invalid_grant"},
		"refresh without token": {func(_ *stand, f url.Values) { f.Set("grant_type", "refresh_token") }, "invalid_request"},
		"refresh with a code": {func(_ *stand, f url.Values) {
			f.Set("grant_type", "refresh_token")
			f.Set("refresh_token", f.Get("code"))
		}, "invalid_grant"},
		"refresh with no family": {func(_ *stand, f url.Values) { f.Set("grant_type", "refresh_token"); f.Set("refresh_token", "stc_A.B") }, "invalid_grant"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			code, verifier := s.code(northgate)
			form := tokenForm("grant_type", exchange, "code", code, "code_verifier", verifier, "redirect_uri", redirectURI)
			test.change(s, form)
			s.wantRefused(s.post("/connect/token", form), test.code)
			if n := s.Count(sandbox.PathToken); n != 1 {
				t.Errorf("%d token requests, want 1", n)
			}
			if last := lastRequest(s); last.Error != test.code || last.Status != http.StatusBadRequest {
				t.Errorf("noted as %+v", last)
			}
		})
	}
}

func lastRequest(s *stand) sandbox.Request {
	all := s.Requests()
	return all[len(all)-1]
}

func TestTokenWantsAForm(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.wantRefused(s.get("/connect/token?grant_type=refresh_token"), "invalid_request")
	form := tokenForm("grant_type", "refresh_token", "refresh_token", "stc_A.B")
	r := s.request(http.MethodPost, "/connect/token", form)
	r.Header.Set("Content-Type", "application/json")
	s.wantRefused(s.send(r), "invalid_request")
	r = s.request(http.MethodPost, "/connect/token", form)
	r.SetBasicAuth(clientID, clientSecret)
	s.wantRefused(s.send(r), "invalid_request")
	// Parameters in the address do not replace those in the body (RFC 6749, section
	// 2.3.1).
	s.wantRefused(s.post("/connect/token?"+form.Encode(), url.Values{}), "invalid_client")
}

// When a code is used twice, the tokens from its first use end.
func TestCodeUsedTwiceEndsItsTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	code, verifier := s.code(northgate)
	token, err := s.config.Exchange(s.asProgram(t.Context()), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	other := s.connect(south)
	s.wantRefused(s.post("/connect/token", tokenForm("grant_type", "authorization_code", "code", code, "code_verifier", verifier, "redirect_uri", redirectURI)), "invalid_grant")
	s.wantRefreshRefused(token.RefreshToken)
	s.wantAPI(northgate, token.AccessToken, http.StatusUnauthorized)
	s.wantAPI(south, other.AccessToken, http.StatusOK)
}

// A try with another verifier uses up a stolen code.
func TestCodeIsGoodForOneTry(t *testing.T) {
	t.Parallel()
	s := start(t)
	code, verifier := s.code(northgate)
	form := tokenForm("grant_type", "authorization_code", "code", code, "code_verifier", oauth2.GenerateVerifier(), "redirect_uri", redirectURI)
	s.wantRefused(s.post("/connect/token", form), "invalid_grant")
	form.Set("code_verifier", verifier)
	s.wantRefused(s.post("/connect/token", form), "invalid_grant")
}

func TestCodeInParallel(t *testing.T) {
	t.Parallel()
	s := start(t)
	code, verifier := s.code(northgate)
	form := tokenForm("grant_type", "authorization_code", "code", code, "code_verifier", verifier, "redirect_uri", redirectURI)
	var won, lost int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			r, err := s.try(s.request(http.MethodPost, "/connect/token", form))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && r.status == http.StatusOK:
				won++
			case r.oauthError() == "invalid_grant":
				lost++
			}
		})
	}
	wg.Wait()
	if won != 1 || lost != 19 || s.Count(sandbox.PathToken) != 20 {
		t.Errorf("%d exchanges won and %d lost of %d, want 1 and 19 of 20", won, lost, s.Count(sandbox.PathToken))
	}
}

// A refresh token that is used twice ends its family.
func TestRefreshTokenUsedTwiceEndsItsFamily(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.connect(northgate)
	second, err := s.refresh(t.Context(), first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	s.wantRefreshRefused(first.RefreshToken)
	s.wantRefreshRefused(second.RefreshToken)
	s.wantAPI(northgate, second.AccessToken, http.StatusUnauthorized)
}

// Within the grace time, a client whose answer was lost can ask again.
func TestRefreshGrace(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *sandbox.Options) { o.RefreshGrace = 10 * time.Second })
	first := s.connect(northgate)
	for range 2 {
		if _, err := s.refresh(t.Context(), first.RefreshToken); err != nil {
			t.Fatal(err)
		}
	}
	s.pass(9 * time.Second)
	last, err := s.refresh(t.Context(), first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	s.pass(time.Second)
	s.wantRefreshRefused(first.RefreshToken)
	s.wantRefreshRefused(last.RefreshToken)
}

func TestRefreshScope(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.connect(northgate)
	form := tokenForm("grant_type", "refresh_token", "refresh_token", token.RefreshToken, "scope", "tn.crm.customers:rw")
	s.wantRefused(s.post("/connect/token", form), "invalid_scope")
	form.Set("scope", "tn.crm.customers:r")
	if r := s.post("/connect/token", form); r.status != http.StatusOK || !strings.Contains(r.body, `"scope":"tn.crm.customers:r"`) {
		t.Errorf("answer %d:\n%s", r.status, r.body)
	}
}
