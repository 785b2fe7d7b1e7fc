package sandbox

import (
	"cmp"
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

// Grant types, as RFC 6749 names them.
const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantClient  = "client_credentials"
)

const scopeOfflineAccess = "offline_access"

// tokenRequest is a token request of a client that has been authenticated.
type tokenRequest struct {
	form url.Values
	by   client
	now  time.Time
	// skew is how far the times in the token are off.
	skew time.Duration
}

// token is the token endpoint.
func (s *Sandbox) token(a *answer, r *http.Request) {
	form := r.PostForm
	if r.Method != http.MethodPost || !isForm(r) || repeated(form) {
		a.refuse("invalid_request")
		return
	}
	s.record(form.Get("code"), form.Get("code_verifier"), form.Get("refresh_token"))
	by, refusal := s.authenticate(r)
	if refusal != "" {
		a.refuse(refusal)
		return
	}
	var granted tokens
	grantType := form.Get("grant_type")
	switch grantType {
	case grantCode, grantRefresh, grantClient:
		// The app's registration is for signing in, and a tenant's client is for the
		// tenant itself.
		if (grantType == grantClient) != (by.tenantID != 0) {
			refusal = "unauthorized_client"
		}
	case "":
		refusal = "invalid_request"
	default:
		refusal = "unsupported_grant_type"
	}
	if refusal == "" {
		asked := tokenRequest{form: form, by: by, now: s.now(), skew: a.skew}
		switch grantType {
		case grantCode:
			granted, refusal = s.exchange(asked)
		case grantRefresh:
			granted, refusal = s.renew(asked)
		default:
			granted, refusal = s.grantClient(asked)
		}
	}
	if refusal != "" {
		a.refuse(refusal)
		return
	}
	s.record(granted.AccessToken, granted.RefreshToken)
	a.json(http.StatusOK, granted)
}

// exchange trades a code for tokens (RFC 6749, section 4.1.3; RFC 7636, section 4.5).
func (s *Sandbox) exchange(asked tokenRequest) (granted tokens, refusal string) {
	form := asked.form
	if form.Get("redirect_uri") == "" {
		return tokens{}, "unauthorized_client" // ServiceTitan's kind of server does not answer invalid_request here
	}
	if form.Get("code") == "" || form.Get("code_verifier") == "" {
		return tokens{}, "invalid_request"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.grants.redeem(form.Get("code"), form.Get("redirect_uri"), form.Get("code_verifier"), asked.now)
	if of == nil {
		return tokens{}, "invalid_grant"
	}
	s.forgetTurned(of.tenantID, "withdrawn") // somebody has allowed it again
	return s.issue(of, of.scopes, asked), ""
}

// renew trades a refresh token for new tokens (RFC 6749, section 6).
func (s *Sandbox) renew(asked tokenRequest) (granted tokens, refusal string) {
	refresh := asked.form.Get("refresh_token")
	if refresh == "" {
		return tokens{}, "invalid_request"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.grants.use(refresh, s.settings, asked.now)
	if of == nil {
		return tokens{}, "invalid_grant"
	}
	scopes := of.scopes
	if narrower := strings.Fields(asked.form.Get("scope")); len(narrower) > 0 {
		if !within(narrower, of.scopes) {
			return tokens{}, "invalid_scope"
		}
		scopes = narrower
	}
	return s.issue(of, scopes, asked), ""
}

// grantClient gives a tenant's own client access to the tenant (RFC 6749, section 4.4).
// A request that names no scope gets everything that the tenant's admin has allowed.
func (s *Sandbox) grantClient(asked tokenRequest) (granted tokens, refusal string) {
	by := asked.by
	s.mu.Lock()
	defer s.mu.Unlock()
	install := s.app.installs[by.tenantID]
	if install.state != allowed { // it was taken back just now
		return tokens{}, "invalid_client"
	}
	scopes := s.app.scopes(install)
	if narrower := strings.Fields(asked.form.Get("scope")); len(narrower) > 0 {
		if !within(narrower, scopes) {
			return tokens{}, "invalid_scope"
		}
		scopes = narrower
	}
	return s.issue(&grant{clientID: by.id, tenantID: by.tenantID, scopes: scopes}, scopes, asked), ""
}

// issue makes the tokens of a grant. The caller holds the mutex.
func (s *Sandbox) issue(of *grant, scopes []string, asked tokenRequest) tokens {
	life := s.settings.AccessTokenLife
	scopes = s.app.limits[of.tenantID].listed(scopes)
	granted := tokens{
		AccessToken: s.newAccessToken(cmp.Or(of.clientID, s.options.ClientID), of.tenantID, scopes, asked.now.Add(asked.skew)),
		ExpiresIn:   int64(life / time.Second),
		TokenType:   "Bearer",
		Scope:       strings.Join(scopes, " "),
	}
	if slices.Contains(of.scopes, scopeOfflineAccess) {
		granted.RefreshToken = s.nextRefresh(of, asked)
	}
	s.grants.sweep(asked.now)
	s.grants.access[hash(granted.AccessToken)] = access{of, scopes, asked.now, asked.now.Add(life)}
	return granted
}

// nextRefresh returns the refresh token for an answer. It is a new one each time,
// unless rotation is off.
func (s *Sandbox) nextRefresh(of *grant, asked tokenRequest) string {
	if used := asked.form.Get("refresh_token"); s.settings.KeepRefreshTokens && used != "" {
		return used
	}
	return s.grants.rotate(of, s.settings, asked.now)
}

// within reports whether every scope is allowed.
func within(scopes, allowed []string) bool {
	return !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(allowed, scope) })
}
