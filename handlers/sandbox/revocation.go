package sandbox

import "net/http"

// revoke is the revocation endpoint (RFC 7009). It knows only refresh tokens, which all
// belong to the app's own registration. Access tokens stay valid until they expire.
func (s *Sandbox) revoke(a *answer, r *http.Request) {
	form := r.PostForm
	if !isForm(r) {
		a.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	s.record(form.Get("token"))
	by, refusal := s.authenticate(r)
	if refusal != "" {
		a.refuse(refusal)
		return
	}
	if form.Get("token") == "" || repeated(form) {
		a.refuse("invalid_request")
		return
	}
	if hint := form.Get("token_type_hint"); hint != "" && hint != "refresh_token" && hint != "access_token" {
		a.refuse("unsupported_token_type")
		return
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if family := s.grants.familyOf(form.Get("token")); family != nil && by.tenantID == 0 {
		s.grants.end(family, revoked, now)
	}
	a.WriteHeader(http.StatusOK)
}
