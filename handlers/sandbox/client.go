package sandbox

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"net/url"
)

// isForm says that a body is what OAuth requests are made of (RFC 6749,
// appendix B).
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// repeated says that a parameter comes twice, which RFC 6749, sections 3.1 and
// 3.2, forbid.
func repeated(values url.Values) bool {
	for _, v := range values {
		if len(v) > 1 {
			return true
		}
	}
	return false
}

// authenticate checks who the client is, by the body or by Basic (RFC 6749,
// section 2.3.1). It returns an error code, or empty.
func (s *Sandbox) authenticate(r *http.Request) string {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	s.record(secret)
	if user, password, ok := r.BasicAuth(); ok {
		if secret != "" {
			return "invalid_request" // two ways at once
		}
		user, userErr := url.QueryUnescape(user)
		password, passwordErr := url.QueryUnescape(password)
		if userErr != nil || passwordErr != nil || (id != "" && id != user) {
			return "invalid_client"
		}
		id, secret = user, password
		s.record(secret)
	}
	if !same(id, s.options.ClientID) || !same(secret, s.options.ClientSecret) {
		return "invalid_client"
	}
	return ""
}

// same compares secrets. An empty one is like no other, so that an option that
// was forgotten opens nothing.
func same(got, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}
