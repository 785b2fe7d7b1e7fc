package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tokens is a successful token response (RFC 6749, section 5.1).
type tokens struct {
	AccessToken  string `json:"access_token"`
	ExpiresIn    int64  `json:"expires_in"`
	TokenType    string `json:"token_type"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
}

// token is the token endpoint.
func (s *Sandbox) token(a *answer, r *http.Request) {
	form := r.PostForm
	if r.Method != http.MethodPost || !isForm(r) || repeated(form) {
		a.refuse("invalid_request")
		return
	}
	s.record(form.Get("code"), form.Get("code_verifier"), form.Get("refresh_token"))
	if refusal := s.authenticate(r); refusal != "" {
		a.refuse(refusal)
		return
	}
	var granted tokens
	var refusal string
	switch form.Get("grant_type") {
	case "authorization_code":
		granted, refusal = s.exchange(form)
	case "refresh_token":
		granted, refusal = s.renew(form)
	case "client_credentials":
		refusal = "unauthorized_client" // the client is registered for sign-in only
	case "":
		refusal = "invalid_request"
	default:
		refusal = "unsupported_grant_type"
	}
	if refusal != "" {
		a.refuse(refusal)
		return
	}
	s.record(granted.AccessToken, granted.RefreshToken)
	a.json(http.StatusOK, granted)
}

// exchange trades a code (RFC 6749, section 4.1.3; RFC 7636, section 4.5).
func (s *Sandbox) exchange(form url.Values) (granted tokens, refusal string) {
	if form.Get("redirect_uri") == "" {
		return tokens{}, "unauthorized_client" // not invalid_request: so answers ServiceTitan's kind of server
	}
	if form.Get("code") == "" || form.Get("code_verifier") == "" {
		return tokens{}, "invalid_request"
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.grants.redeem(form.Get("code"), form.Get("redirect_uri"), form.Get("code_verifier"), now)
	if of == nil {
		return tokens{}, "invalid_grant"
	}
	return s.issue(of, of.scopes, now), ""
}

// renew trades a refresh token (RFC 6749, section 6).
func (s *Sandbox) renew(form url.Values) (granted tokens, refusal string) {
	if form.Get("refresh_token") == "" {
		return tokens{}, "invalid_request"
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.grants.use(form.Get("refresh_token"), s.options.RefreshGrace, now)
	if of == nil {
		return tokens{}, "invalid_grant"
	}
	scopes := of.scopes
	if narrower := strings.Fields(form.Get("scope")); len(narrower) > 0 {
		if !within(narrower, of.scopes) {
			return tokens{}, "invalid_scope"
		}
		scopes = narrower
	}
	return s.issue(of, scopes, now), ""
}

// issue makes the tokens of a grant. The caller holds the mutex.
func (s *Sandbox) issue(of *grant, scopes []string, now time.Time) tokens {
	granted := tokens{
		AccessToken: s.newAccessToken(of.tenantID, scopes, now),
		ExpiresIn:   int64(s.options.AccessTokenLife / time.Second),
		TokenType:   "Bearer",
		Scope:       strings.Join(scopes, " "),
	}
	if slices.Contains(of.scopes, "offline_access") {
		granted.RefreshToken = s.grants.rotate(of, s.options.RefreshGrace, now)
	}
	s.grants.sweep(now)
	s.grants.access[hash(granted.AccessToken)] = access{of, now.Add(s.options.AccessTokenLife)}
	return granted
}

// within says that every scope is among those allowed.
func within(scopes, allowed []string) bool {
	return !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(allowed, scope) })
}
