package sandbox

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"net/url"
)

// isForm reports whether the body has the content type of OAuth requests (RFC 6749,
// appendix B).
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// repeated reports whether a parameter occurs twice, which RFC 6749, sections 3.1 and
// 3.2, forbids.
func repeated(values url.Values) bool {
	for _, v := range values {
		if len(v) > 1 {
			return true
		}
	}
	return false
}

// client is the client that sends a request to the token endpoint.
type client struct {
	id string
	// tenantID is the tenant that the client belongs to, or 0 for the app's own
	// registration.
	tenantID int64
}

// authenticate checks the client's credentials in the body or in the Basic header (RFC
// 6749, section 2.3.1). refusal is an error code, or empty.
func (s *Sandbox) authenticate(r *http.Request) (c client, refusal string) {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	s.record(secret)
	if user, password, ok := r.BasicAuth(); ok {
		if secret != "" {
			return client{}, "invalid_request" // credentials in both places
		}
		user, userErr := url.QueryUnescape(user)
		password, passwordErr := url.QueryUnescape(password)
		if userErr != nil || passwordErr != nil || (id != "" && id != user) {
			return client{}, "invalid_client"
		}
		id, secret = user, password
		s.record(secret)
	}
	if same(id, s.options.ClientID) && same(secret, s.options.ClientSecret) {
		return client{id: id}, ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tenantID, ok := s.app.owner(id, secret)
	if !ok {
		return client{}, "invalid_client"
	}
	return client{id, tenantID}, ""
}

// same compares secrets in constant time. An empty want matches nothing, so that a
// forgotten option lets nobody in.
func same(got, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}
