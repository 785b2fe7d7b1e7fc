package servicetitan

import (
	"fmt"
	"strings"
	"time"
)

// ErrorKind classifies how a request to ServiceTitan failed.
type ErrorKind string

const (
	// Unavailable is no answer, a 5xx, a redirect, or an answer that makes no sense. It
	// passes by itself.
	Unavailable ErrorKind = "unavailable"
	// RateLimited is a 429.
	RateLimited ErrorKind = "rate_limited"
	// GrantRefused is invalid_grant (RFC 6749, section 5.2). The code or refresh token
	// will never work again.
	GrantRefused ErrorKind = "grant_refused"
	// ClientRefused is invalid_client or unauthorized_client. The server does not accept
	// the client itself.
	ClientRefused ErrorKind = "client_refused"
	// RequestRefused is another error code of RFC 6749, section 5.2, such as
	// invalid_scope. Our request or registration is wrong.
	RequestRefused ErrorKind = "request_refused"
	// Misconfigured says that the issuer's metadata contradicts our configuration.
	Misconfigured ErrorKind = "misconfigured"
	// Unauthorized is a 401 from the API.
	Unauthorized ErrorKind = "unauthorized"
	// NotAllowed is a 403 from the API. The app is not connected for the tenant or is
	// disabled, the token is for another tenant, or a scope is missing.
	NotAllowed ErrorKind = "not_allowed"
	// TenantUnknown is a 404 from the API.
	TenantUnknown ErrorKind = "tenant_unknown"
)

// Error is a failed request to ServiceTitan. Of the answer's text, it holds only what
// is safe to log.
type Error struct {
	Op     string // what was attempted
	Kind   ErrorKind
	Status int    // HTTP status, 0 without an answer
	Code   string // OAuth error code, if the RFC defines it
	// TraceID identifies the request for ServiceTitan's support.
	TraceID string
	// RetryAfter is how long ServiceTitan asks us to wait; 0 if it does not say.
	RetryAfter time.Duration
	// AnswerLost says that the server may have done the work although no usable answer
	// came. A new refresh token may be lost with the answer.
	AnswerLost bool
	Err        error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Op, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " (%s)", e.Code)
	}
	if e.TraceID != "" {
		fmt.Fprintf(&b, " (trace %s)", e.TraceID)
	}
	if e.AnswerLost {
		b.WriteString(" (answer lost)")
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// oauthErrors maps the error codes of RFC 6749, section 5.2, to kinds.
var oauthErrors = map[string]ErrorKind{
	"invalid_grant":          GrantRefused,
	"invalid_client":         ClientRefused,
	"unauthorized_client":    ClientRefused,
	"invalid_request":        RequestRefused,
	"invalid_scope":          RequestRefused,
	"unsupported_grant_type": RequestRefused,
}
