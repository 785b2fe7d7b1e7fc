package servicetitan

import (
	"fmt"
	"strings"
	"time"
)

// ErrorKind is what an answer of ServiceTitan's means for us.
type ErrorKind string

const (
	// Unavailable: no answer, 5xx, a redirect, or nonsense. It will pass.
	Unavailable ErrorKind = "unavailable"
	// RateLimited: 429.
	RateLimited ErrorKind = "rate_limited"
	// GrantRefused: invalid_grant (RFC 6749, section 5.2). The code or refresh
	// token is dead for good.
	GrantRefused ErrorKind = "grant_refused"
	// ClientRefused: invalid_client or unauthorized_client. The client's own
	// registration is not accepted.
	ClientRefused ErrorKind = "client_refused"
	// RequestRefused: another error code of RFC 6749, section 5.2, such as
	// invalid_scope. Our request or registration is wrong.
	RequestRefused ErrorKind = "request_refused"
	// Misconfigured: the issuer's metadata contradicts our configuration.
	Misconfigured ErrorKind = "misconfigured"
	// Unauthorized: the API answers 401.
	Unauthorized ErrorKind = "unauthorized"
	// NotAllowed: the API answers 403: not connected for the tenant, disabled,
	// another tenant's token, or a scope is missing.
	NotAllowed ErrorKind = "not_allowed"
	// TenantUnknown: the API answers 404.
	TenantUnknown ErrorKind = "tenant_unknown"
)

// Error is a request to ServiceTitan that did not give what was asked. It
// holds nothing of the answer's text but what is safe to log.
type Error struct {
	Op     string // what was attempted
	Kind   ErrorKind
	Status int    // HTTP status, 0 without an answer
	Code   string // OAuth error code, if it is one of the RFC's
	// TraceID is what ServiceTitan's support asks for.
	TraceID string
	// RetryAfter is how long ServiceTitan asks us to wait; 0 if it does not say.
	RetryAfter time.Duration
	// AnswerLost says that the request may have been worked on although no
	// usable answer came: a rotated token may have been lost with it.
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

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// oauthErrors maps the error codes of RFC 6749, section 5.2.
var oauthErrors = map[string]ErrorKind{
	"invalid_grant":          GrantRefused,
	"invalid_client":         ClientRefused,
	"unauthorized_client":    ClientRefused,
	"invalid_request":        RequestRefused,
	"invalid_scope":          RequestRefused,
	"unsupported_grant_type": RequestRefused,
}
