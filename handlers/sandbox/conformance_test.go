package sandbox_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// An independent client goes through the whole life of a grant.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, style := range map[string]oauth2.AuthStyle{"secret in the body": oauth2.AuthStyleInParams, "secret in the header": oauth2.AuthStyleInHeader} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.config.Endpoint.AuthStyle = style
			verifier := oauth2.GenerateVerifier()
			q := s.decide(s.config.AuthCodeURL("a state & more", oauth2.S256ChallengeOption(verifier)), northgate, "allow")
			if q.Get("state") != "a state & more" || q.Get("iss") != s.url || len(q) != 3 {
				t.Errorf("callback has %v, want code, state and iss", q)
			}
			first, err := s.config.Exchange(s.asProgram(t.Context()), q.Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			if first.TokenType != "Bearer" || first.ExpiresIn != 900 || first.Extra("scope") != strings.Join(s.config.Scopes, " ") {
				t.Errorf("token response is %q, %d s, %v", first.TokenType, first.ExpiresIn, first.Extra("scope"))
			}
			s.wantAPI(northgate, first.AccessToken, http.StatusOK)

			second, err := s.refresh(t.Context(), first.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
				t.Error("refresh did not rotate the tokens")
			}
			s.wantAPI(northgate, second.AccessToken, http.StatusOK)
			s.wantAPI(northgate, first.AccessToken, http.StatusOK)

			if r := s.post("/connect/revocation", tokenForm("token", second.RefreshToken, "token_type_hint", "refresh_token")); r.status != http.StatusOK || r.body != "" {
				t.Errorf("revocation answers %d %q", r.status, r.body)
			}
			s.wantRefreshRefused(second.RefreshToken)
			s.wantAPI(northgate, second.AccessToken, http.StatusUnauthorized)
		})
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	s := start(t)
	want := map[string]any{
		"issuer":                                         s.url,
		"authorization_endpoint":                         s.url + "/connect/authorize",
		"token_endpoint":                                 s.url + "/connect/token",
		"revocation_endpoint":                            s.url + "/connect/revocation",
		"response_types_supported":                       []any{"code"},
		"response_modes_supported":                       []any{"query"},
		"grant_types_supported":                          []any{"authorization_code", "refresh_token", "client_credentials"},
		"code_challenge_methods_supported":               []any{"S256"},
		"scopes_supported":                               []any{"tn.crm.customers:r", "tn.crm.bookings:rw", "tn.stt.businessunits:r", "offline_access"},
		"token_endpoint_auth_methods_supported":          []any{"client_secret_post", "client_secret_basic"},
		"revocation_endpoint_auth_methods_supported":     []any{"client_secret_post", "client_secret_basic"},
		"authorization_response_iss_parameter_supported": true,
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		var got map[string]any
		if err := json.Unmarshal([]byte(s.get(path).body), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s says\n%v, want\n%v", path, got, want)
		}
	}
}

func TestAccessTokenLooksLikeServiceTitans(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.connect(northgate).AccessToken
	if len(token) < 800 || len(token) > 1400 {
		t.Errorf("access token has %d bytes, want about 1 KB", len(token))
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("access token has %d parts, want 3", len(parts))
	}
	var header, claims map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	if header["alg"] != "RS256" || header["typ"] != "at+jwt" {
		t.Errorf("header is %v", header)
	}
	now := float64(s.Now().Unix())
	if id, _ := claims["jti"].(string); !strings.HasPrefix(id, "stc_") {
		t.Errorf("jti is %q, want the canary", id)
	}
	delete(claims, "jti")
	want := map[string]any{
		"nbf": now, "iat": now, "exp": now + 900, "iss": s.url, "client_id": clientID, "tenant": "842193311",
		"scope": []any{"tn.crm.customers:r", "tn.crm.bookings:rw", "tn.stt.businessunits:r", "offline_access"},
	}
	if !reflect.DeepEqual(claims, want) {
		t.Errorf("claims are %v, want %v", claims, want)
	}
}

// issuedAt returns the iat claim of an answer's access token.
func issuedAt(s *stand, r reply) int64 {
	s.Helper()
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(r.body), &tokens); err != nil {
		s.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.Access, ".")[1])
	var claims struct {
		IssuedAt int64 `json:"iat"`
	}
	if err := errors.Join(err, json.Unmarshal(payload, &claims)); err != nil {
		s.Fatal(err)
	}
	return claims.IssuedAt
}

func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	s := start(t)
	code, verifier := s.code(northgate)
	token, err := s.config.Exchange(s.asProgram(t.Context()), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	s.wantAPI(northgate, token.AccessToken, http.StatusOK)
	found := map[string]bool{}
	for _, secret := range s.Secrets() {
		found[secret] = true
	}
	for name, secret := range map[string]string{
		"code": code, "verifier": verifier, "access token": token.AccessToken, "refresh token": token.RefreshToken,
		"client secret": clientSecret, "app key": appKey,
	} {
		if !found[secret] {
			t.Errorf("Secrets lacks the %s", name)
		}
	}
	for name, secret := range map[string]string{"code": code, "refresh token": token.RefreshToken} {
		if !strings.HasPrefix(secret, "stc_") {
			t.Errorf("%s does not begin with the canary", name)
		}
	}
	s.Reset()
	s.wantRefreshRefused(token.RefreshToken)
}

func TestGrantsEndAfterThirtyDays(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.connect(northgate)
	s.pass(30*24*time.Hour - time.Second)
	next, err := s.refresh(t.Context(), token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	s.pass(time.Second)
	s.wantRefreshRefused(next.RefreshToken)
}

func TestNoRefreshTokenWithoutOfflineAccess(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.config.Scopes = []string{"tn.crm.customers:r"}
	if token := s.connect(northgate); token.RefreshToken != "" || token.Extra("scope") != "tn.crm.customers:r" {
		t.Errorf("refresh token %t, scope %v", token.RefreshToken != "", token.Extra("scope"))
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		form    url.Values
		refused string // an error code, or empty for a 200
	}{
		"unknown token":      {tokenForm("token", "stc_unknown"), ""},
		"unknown hint":       {tokenForm("token", "stc_unknown", "token_type_hint", "id_token"), "unsupported_token_type"},
		"no token":           {tokenForm(), "invalid_request"},
		"doubled token":      {url.Values{"client_id": {clientID}, "client_secret": {clientSecret}, "token": {"a", "b"}}, "invalid_request"},
		"wrong client":       {tokenForm("token", "stc_unknown", "client_secret", "wrong"), "invalid_client"},
		"client not named":   {url.Values{"token": {"stc_unknown"}}, "invalid_client"},
		"access token lives": {tokenForm("token", "x.y.z", "token_type_hint", "access_token"), ""},
	}
	s := start(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := s.post("/connect/revocation", test.form)
			if test.refused != "" {
				s.wantRefused(r, test.refused)
			} else if r.status != http.StatusOK {
				t.Errorf("answer %d, want 200", r.status)
			}
		})
	}
	t.Run("wrong method", func(t *testing.T) {
		if r := s.get("/connect/revocation"); r.status != http.StatusMethodNotAllowed {
			t.Errorf("answer %d, want 405", r.status)
		}
	})
	t.Run("wrong content type", func(t *testing.T) {
		r := s.request(http.MethodPost, "/connect/revocation", tokenForm("token", "stc_unknown"))
		r.Header.Set("Content-Type", "application/json")
		if got := s.send(r); got.status != http.StatusUnsupportedMediaType {
			t.Errorf("answer %d, want 415", got.status)
		}
	})
}
