package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// authorizeWith returns the answer to an authorization request after a change.
func (s *stand) authorizeWith(change func(url.Values)) reply {
	s.Helper()
	u, err := url.Parse(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
	if err != nil {
		s.Fatal(err)
	}
	q := u.Query()
	change(q)
	return s.get("/connect/authorize?" + q.Encode())
}

// exchangeForm returns a token request for a fresh code.
func (s *stand) exchangeForm() url.Values {
	s.Helper()
	code, verifier := s.code(northgate)
	return tokenForm("grant_type", "authorization_code", "code", code, "code_verifier", verifier, "redirect_uri", redirectURI)
}

// wantPage checks that the answer is a page with the error code, and not a redirect.
func (s *stand) wantPage(r reply, code string) {
	s.Helper()
	if r.status != http.StatusBadRequest || r.header.Get("Location") != "" || !strings.Contains(r.body, code) {
		s.Errorf("answer %d to %q, want a page with %s", r.status, r.header.Get("Location"), code)
	}
}

// granted returns the fields of a token response.
func (s *stand) granted(r reply) map[string]any {
	s.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(r.body), &fields); err != nil || r.status != http.StatusOK {
		s.Fatalf("answer %d %s: %v", r.status, r.body, err)
	}
	return fields
}

func (s *stand) metadata() map[string]any {
	s.Helper()
	return s.granted(s.get("/.well-known/oauth-authorization-server"))
}

// TestRules checks the rules that Fieldbridge relies on, by RFC and section, with a
// client that was not written for the sandbox.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, rule := range []struct {
		rfc, section, says string
		holds              func(s *stand)
	}{
		{"RFC 6749", "2.3.1", "a client may authenticate in the body or by Basic, whose parts are form-encoded", func(s *stand) {
			for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInParams, oauth2.AuthStyleInHeader} {
				s.config.Endpoint.AuthStyle = style
				s.connect(northgate)
			}
		}},
		{"RFC 6749", "2.3", "a client must not use two ways at once", func(s *stand) {
			r := s.request(http.MethodPost, "/connect/token", tokenForm("grant_type", "refresh_token", "refresh_token", s.NewGrant(northgate)))
			r.SetBasicAuth(clientID, clientSecret)
			s.wantRefused(s.send(r), "invalid_request")
		}},
		{"RFC 6749", "2.3.1", "credentials in the address do not count", func(s *stand) {
			form := tokenForm("grant_type", "refresh_token", "refresh_token", s.NewGrant(northgate))
			s.wantRefused(s.post("/connect/token?"+form.Encode(), url.Values{}), "invalid_client")
		}},
		{"RFC 6749", "3.1", "a parameter that is not known is ignored", func(s *stand) {
			if r := s.authorizeWith(func(q url.Values) { q.Set("ui_locales", "en") }); r.status != http.StatusOK {
				s.Errorf("answer %d", r.status)
			}
			form := s.exchangeForm()
			form.Set("resource", "https://api.example")
			s.granted(s.post("/connect/token", form))
		}},
		{"RFC 6749", "3.1", "a parameter must not come twice", func(s *stand) {
			s.wantPage(s.authorizeWith(func(q url.Values) { q.Add("scope", "offline_access") }), "invalid_request")
		}},
		{"RFC 6749", "3.1.1", "response_type is required, and only code is supported", func(s *stand) {
			s.wantPage(s.authorizeWith(func(q url.Values) { q.Set("response_type", "token") }), "unsupported_response_type")
			s.wantPage(s.authorizeWith(func(q url.Values) { q.Del("response_type") }), "unsupported_response_type")
		}},
		{"RFC 6749", "3.1.2.3", "the redirect URI is compared with those registered, character by character (RFC 3986, 6.2.1)", func(s *stand) {
			for _, other := range []string{redirectURI + "/", redirectURI + "?a=b", strings.Replace(redirectURI, "http:", "HTTP:", 1), strings.Replace(redirectURI, "localhost", "127.0.0.1", 1)} {
				s.wantPage(s.authorizeWith(func(q url.Values) { q.Set("redirect_uri", other) }), "invalid_request")
			}
		}},
		{"RFC 6749", "3.1.2.4", "a browser is not sent to a redirect URI that is not registered", func(s *stand) {
			s.wantPage(s.authorizeWith(func(q url.Values) { q.Set("redirect_uri", "https://attacker.example/") }), "invalid_request")
			s.wantPage(s.authorizeWith(func(q url.Values) { q.Set("client_id", "cid.other") }), "unauthorized_client")
		}},
		{"RFC 6749", "3.2", "the token endpoint accepts only POST, and no parameter twice", func(s *stand) {
			form := s.exchangeForm()
			s.wantRefused(s.get("/connect/token?"+form.Encode()), "invalid_request")
			form.Add("grant_type", "authorization_code")
			s.wantRefused(s.post("/connect/token", form), "invalid_request")
		}},
		{"RFC 6749", "3.3", "the scope granted is told", func(s *stand) {
			s.config.Scopes = []string{"offline_access", "tn.crm.customers:r"}
			if got := s.connect(northgate).Extra("scope"); got != "offline_access tn.crm.customers:r" {
				s.Errorf("scope is %v", got)
			}
			s.wantPage(s.authorizeWith(func(q url.Values) { q.Set("scope", "tn.acc.payments:rw") }), "invalid_scope")
		}},
		{"RFC 6749", "4.1.2", "state comes back as it was sent", func(s *stand) {
			for _, state := range []string{"a-state", "a state & more=%", "ünïcode/+?#"} {
				q := s.decide(s.config.AuthCodeURL(state, oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), northgate, "allow")
				if q.Get("state") != state || len(q["state"]) != 1 {
					s.Errorf("state %q comes back as %q", state, q["state"])
				}
			}
		}},
		{"RFC 6749", "4.1.2", "a code is good once, and a second use ends what the first was given", func(s *stand) {
			form := s.exchangeForm()
			first := s.granted(s.post("/connect/token", form))
			s.wantRefused(s.post("/connect/token", form), "invalid_grant")
			s.wantRefreshRefused(first["refresh_token"].(string))
			s.wantAPI(northgate, first["access_token"].(string), http.StatusUnauthorized)
		}},
		{"RFC 6749", "4.1.2", "a code expires soon, at most ten minutes after it was issued", func(s *stand) {
			form := s.exchangeForm()
			s.pass(time.Minute)
			s.wantRefused(s.post("/connect/token", form), "invalid_grant")
		}},
		{"RFC 6749", "4.1.2.1", "a denial comes back as access_denied, with the state", func(s *stand) {
			q := s.decide(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), northgate, "deny")
			if q.Get("error") != "access_denied" || q.Get("state") != "a-state" || q.Has("code") {
				s.Errorf("callback has %v", q)
			}
		}},
		{"RFC 6749", "4.1.3", "the redirect URI of the exchange is that of the request", func(s *stand) {
			form := s.exchangeForm()
			form.Set("redirect_uri", "http://localhost:8080/other?kept=1")
			s.wantRefused(s.post("/connect/token", form), "invalid_grant")
		}},
		{"RFC 6749", "4.1.4", "a code gives an access token, and with offline_access a refresh token", func(s *stand) {
			if token := s.connect(northgate); token.AccessToken == "" || token.RefreshToken == "" {
				s.Error("a token is missing")
			}
			s.config.Scopes = []string{"tn.crm.customers:r"}
			if token := s.connect(northgate); token.AccessToken == "" || token.RefreshToken != "" {
				s.Error("a refresh token without offline_access")
			}
		}},
		{"RFC 6749", "4.4.3", "client credentials give an access token, and should give no refresh token", func(s *stand) {
			own := s.ownClient(northgate)
			config := clientcredentials.Config{
				ClientID: own.Get("client_id"), ClientSecret: own.Get("client_secret"), TokenURL: s.config.Endpoint.TokenURL,
			}
			token, err := config.Token(s.Context())
			if err != nil || token.RefreshToken != "" {
				s.Fatalf("refresh token %q, error %v", token.RefreshToken, err)
			}
			s.wantAPI(northgate, token.AccessToken, http.StatusOK)
		}},
		{"RFC 6749", "5.1", "tokens come as JSON that is not to be stored, with token_type and expires_in", func(s *stand) {
			r := s.post("/connect/token", s.exchangeForm())
			got := s.granted(r)
			if r.header.Get("Content-Type") != "application/json" || r.header.Get("Cache-Control") != "no-store" {
				s.Errorf("headers are %v", r.header)
			}
			if got["token_type"] != "Bearer" || got["expires_in"] != 900.0 {
				s.Errorf("token_type %v, expires_in %v", got["token_type"], got["expires_in"])
			}
		}},
		{"RFC 6749", "5.2", "a refusal is a 400 with one of the codes, as JSON", func(s *stand) {
			for code, change := range map[string]func(url.Values){
				"invalid_request":        func(f url.Values) { f.Del("code") },
				"invalid_client":         func(f url.Values) { f.Set("client_secret", "wrong") },
				"invalid_grant":          func(f url.Values) { f.Set("code", "stc_UNKNOWN") },
				"unauthorized_client":    func(f url.Values) { f.Set("grant_type", "client_credentials") },
				"unsupported_grant_type": func(f url.Values) { f.Set("grant_type", "password") },
			} {
				form := s.exchangeForm()
				change(form)
				s.wantRefused(s.post("/connect/token", form), code)
			}
		}},
		{"RFC 6749", "6", "a refresh token gives new tokens, and is replaced by the one that comes with them", func(s *stand) {
			first := s.connect(northgate)
			second, err := s.refresh(s.Context(), first.RefreshToken)
			if err != nil || second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
				s.Fatalf("not renewed: %v", err)
			}
			if _, err := s.refresh(s.Context(), second.RefreshToken); err != nil {
				s.Error(err)
			}
		}},
		{"RFC 6749", "6", "a renewal may ask for less, and not for more", func(s *stand) {
			form := refreshForm(s.connect(northgate))
			form.Set("scope", "tn.acc.payments:rw")
			s.wantRefused(s.post("/connect/token", form), "invalid_scope")
			form.Set("scope", "tn.crm.customers:r")
			if got := s.granted(s.post("/connect/token", form))["scope"]; got != "tn.crm.customers:r" {
				s.Errorf("scope is %v", got)
			}
		}},
		{"RFC 6749", "10.4", "a refresh token is bound to its client", func(s *stand) {
			form := refreshForm(s.connect(northgate))
			own := s.ownClient(northgate)
			form.Set("client_id", own.Get("client_id"))
			form.Set("client_secret", own.Get("client_secret"))
			s.wantRefused(s.post("/connect/token", form), "unauthorized_client")
		}},

		{"RFC 7636", "4.3", "the challenge is sent with S256; plain is refused", func(s *stand) {
			s.wantPage(s.authorizeWith(func(q url.Values) { q.Set("code_challenge_method", "plain") }), "invalid_request")
			s.wantPage(s.authorizeWith(func(q url.Values) { q.Del("code_challenge_method") }), "invalid_request")
		}},
		{"RFC 7636", "4.4.1", "a request without a challenge is refused", func(s *stand) {
			s.wantPage(s.authorizeWith(func(q url.Values) { q.Del("code_challenge") }), "invalid_request")
		}},
		{"RFC 7636", "4.5", "a code that was asked for with a challenge needs the verifier", func(s *stand) {
			form := s.exchangeForm()
			form.Del("code_verifier")
			s.wantRefused(s.post("/connect/token", form), "invalid_request")
		}},
		{"RFC 7636", "4.6", "a verifier that does not fit the challenge is invalid_grant", func(s *stand) {
			form := s.exchangeForm()
			form.Set("code_verifier", oauth2.GenerateVerifier())
			s.wantRefused(s.post("/connect/token", form), "invalid_grant")
		}},
		{"RFC 7636", "appendix B", "the example of the RFC is computed right", func(s *stand) {
			u := s.config.AuthCodeURL("a-state", oauth2.SetAuthURLParam("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), oauth2.SetAuthURLParam("code_challenge_method", "S256"))
			code := s.decide(u, northgate, "allow").Get("code")
			if _, err := s.config.Exchange(s.asProgram(s.Context()), code, oauth2.VerifierOption("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")); err != nil {
				s.Error(err)
			}
		}},

		{"RFC 7009", "2.1", "revoking wants the client, and takes a hint", func(s *stand) {
			token := s.connect(northgate).RefreshToken
			s.wantRefused(s.post("/connect/revocation", url.Values{"token": {token}}), "invalid_client")
			if _, err := s.refresh(s.Context(), token); err != nil {
				s.Error("it was revoked all the same:", err)
			}
		}},
		{"RFC 7009", "2.1", "a refresh token takes the access tokens of its grant with it", func(s *stand) {
			token, other := s.connect(northgate), s.connect(northgate)
			if r := s.post("/connect/revocation", tokenForm("token", token.RefreshToken, "token_type_hint", "refresh_token")); r.status != http.StatusOK {
				s.Errorf("answer %d", r.status)
			}
			s.wantRefreshRefused(token.RefreshToken)
			s.wantAPI(northgate, token.AccessToken, http.StatusUnauthorized)
			s.wantAPI(northgate, other.AccessToken, http.StatusOK)
		}},
		{"RFC 7009", "2.2", "a token that is not known, or revoked already, is answered 200", func(s *stand) {
			token := s.connect(northgate).RefreshToken
			for _, again := range []string{"stc_unknown", token, token} {
				if r := s.post("/connect/revocation", tokenForm("token", again)); r.status != http.StatusOK || r.body != "" {
					s.Errorf("answer %d %q", r.status, r.body)
				}
			}
		}},
		{"RFC 7009", "2.2.1", "a kind of token that cannot be revoked is unsupported_token_type", func(s *stand) {
			s.wantRefused(s.post("/connect/revocation", tokenForm("token", "x", "token_type_hint", "id_token")), "unsupported_token_type")
		}},

		{"RFC 8414", "2", "the metadata names the endpoints, which are those in use", func(s *stand) {
			m := s.metadata()
			endpoint := oauth2.Endpoint{AuthURL: m["authorization_endpoint"].(string), TokenURL: m["token_endpoint"].(string), AuthStyle: oauth2.AuthStyleInParams}
			s.config.Endpoint = endpoint
			token := s.connect(northgate)
			r := s.request(http.MethodPost, m["revocation_endpoint"].(string), tokenForm("token", token.RefreshToken))
			if got := s.send(r); got.status != http.StatusOK {
				s.Errorf("revocation answers %d", got.status)
			}
			s.wantRefreshRefused(token.RefreshToken)
		}},
		{"RFC 8414", "2", "the metadata announces what is supported: code, S256, both ways to authenticate, the grants", func(s *stand) {
			m := s.metadata()
			for name, value := range map[string]string{
				"response_types_supported": "code", "code_challenge_methods_supported": "S256",
				"token_endpoint_auth_methods_supported": "client_secret_basic", "revocation_endpoint_auth_methods_supported": "client_secret_post",
				"grant_types_supported": "refresh_token", "scopes_supported": "offline_access",
			} {
				if list, _ := m[name].([]any); !slices.Contains(list, any(value)) {
					s.Errorf("%s is %v, without %s", name, m[name], value)
				}
			}
		}},
		{"RFC 8414", "3.3", "the issuer named is the one that was asked", func(s *stand) {
			if m := s.metadata(); m["issuer"] != s.url {
				s.Errorf("issuer is %v", m["issuer"])
			}
		}},

		{"RFC 9207", "2", "the answer names its issuer, be it a code or an error", func(s *stand) {
			for _, decision := range []string{"allow", "deny"} {
				q := s.decide(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), northgate, decision)
				if len(q["iss"]) != 1 || q.Get("iss") != s.url {
					s.Errorf("%s: iss is %v", decision, q["iss"])
				}
			}
		}},
		{"RFC 9207", "3", "the metadata announces it, and names the same issuer", func(s *stand) {
			m := s.metadata()
			q := s.decide(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), northgate, "allow")
			if m["authorization_response_iss_parameter_supported"] != true || m["issuer"] != q.Get("iss") {
				s.Errorf("metadata says %v and %v, iss is %s", m["authorization_response_iss_parameter_supported"], m["issuer"], q.Get("iss"))
			}
		}},

		{"RFC 6750", "2.1", "the API takes the access token as a Bearer", func(s *stand) {
			s.wantAPI(northgate, s.connect(northgate).AccessToken, http.StatusOK)
		}},
		{"RFC 6750", "3", "an access token that is not good is a 401 that names the scheme", func(s *stand) {
			r := s.businessUnits(northgate, "", "x.y.z")
			if r.status != http.StatusUnauthorized || r.header.Get("WWW-Authenticate") != "Bearer" {
				s.Errorf("answer %d, WWW-Authenticate %q", r.status, r.header.Get("WWW-Authenticate"))
			}
		}},
		{"RFC 9700", "4.12", "the way back is a 303, so that the browser does not post the form on", func(s *stand) {
			action, fields := s.form(s.signIn(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))))
			fields.Set("decision", "allow")
			if r := s.post(action, fields); r.status != http.StatusSeeOther {
				s.Errorf("answer %d", r.status)
			}
		}},
		{"RFC 9700", "4.14.2", "a refresh token that is used twice ends its family", func(s *stand) {
			first := s.connect(northgate)
			second, err := s.refresh(s.Context(), first.RefreshToken)
			if err != nil {
				s.Fatal(err)
			}
			s.wantRefreshRefused(first.RefreshToken)
			s.wantRefreshRefused(second.RefreshToken)
		}},
		{"RFC 9700", "4.16", "the question cannot be put into another page's frame", func(s *stand) {
			r := s.get(s.config.AuthCodeURL("a-state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
			if !strings.Contains(r.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				s.Error("it can")
			}
		}},
	} {
		t.Run(rule.rfc+", "+rule.section+": "+rule.says, func(t *testing.T) {
			t.Parallel()
			rule.holds(start(t))
		})
	}
}
