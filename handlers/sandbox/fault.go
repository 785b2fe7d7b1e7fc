package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// FaultKind names a fault.
type FaultKind string

// These faults replace the answer, and no work is done. By default, the first three are
// about the API.
const (
	Status401 FaultKind = "status_401"
	Status403 FaultKind = "status_403"
	Status404 FaultKind = "status_404"
	Status429 FaultKind = "status_429" // with Retry-After, and the wait in the title
	Status500 FaultKind = "status_500"
	Status503 FaultKind = "status_503" // with Retry-After
	// Garbage is a 200 with a web page where JSON should be.
	Garbage FaultKind = "garbage"
	// CustomToken answers with the fault's Status, ContentType, and Body.
	CustomToken FaultKind = "custom_token"
	// ResetBefore drops the connection.
	ResetBefore FaultKind = "reset_before"
	// NoAnswer says nothing for half a minute, and then drops the connection.
	NoAnswer FaultKind = "no_answer"
)

// These faults let the work be done, and then spoil the answer.
const (
	// ResetAfter drops the connection, so that the answer is lost.
	ResetAfter FaultKind = "reset_after"
	// Hold holds the answer until Release.
	Hold FaultKind = "hold"
	// Slow delays the answer by the fault's Delay.
	Slow FaultKind = "slow"
	// MissingExpiresIn removes expires_in from a token response.
	MissingExpiresIn FaultKind = "missing_expires_in"
	// WrongType labels a JSON answer as text/html.
	WrongType FaultKind = "wrong_type"
	// Huge pads a JSON answer to more than 64 KiB.
	Huge FaultKind = "huge"
	// ClockSkew shifts the clock of the Date header and of the times in tokens by the
	// fault's Skew. It comes on top of any other fault.
	ClockSkew FaultKind = "clock_skew"
)

// These faults are about the consent.
const (
	// Deny answers access_denied although the visitor allows access.
	Deny FaultKind = "deny"
	// ExpiredCode returns a code that has expired.
	ExpiredCode FaultKind = "expired_code"
	// DeadRefresh makes a grant whose refresh token is refused.
	DeadRefresh FaultKind = "dead_refresh"
	// WrongIssuer names another issuer in the callback (RFC 9207).
	WrongIssuer FaultKind = "wrong_issuer"
	// NoIssuer names no issuer, although the metadata announces that one is named.
	NoIssuer FaultKind = "no_issuer"
)

// FaultKinds returns all kinds.
func FaultKinds() []FaultKind {
	return []FaultKind{
		Deny, ExpiredCode, DeadRefresh, WrongIssuer, NoIssuer, Status500, Status503, Status429, Slow, ResetBefore, NoAnswer, ResetAfter,
		Garbage, WrongType, Huge, MissingExpiresIn, Status401, Status403, Status404, ClockSkew, Hold, CustomToken,
	}
}

// Paths of a fault that meets more than one endpoint.
const (
	Everywhere = "*"
	// WholeAPI means every endpoint of the API.
	WholeAPI = "api"
)

const (
	// longestDelay is shorter than the time that servers allow for an answer.
	longestDelay = 30 * time.Second
	longestSkew  = 24 * time.Hour
)

// Fault is a planned fault.
type Fault struct {
	Kind FaultKind
	// Path is the endpoint: one of the Path constants, or Everywhere. Empty means the
	// endpoint that the kind is about, which is PathToken for most kinds.
	Path string
	// TenantID limits the fault to requests about one tenant. 0 means all tenants.
	TenantID int64
	// Percent limits the fault to a share of the tenants, which are always the same
	// ones. 0 means all. A request that is about no tenant does not meet such a fault.
	Percent int
	// Times is how many requests meet the fault. 0 means all, until it is switched off.
	// A request whose answer has nothing to spoil counts as met, but not as fired.
	Times int
	// RetryAfter is for Status429 and Status503. It is rounded to whole seconds, at
	// least one.
	RetryAfter time.Duration
	// Delay is for Slow, and Skew for ClockSkew.
	Delay, Skew time.Duration
	// Status, ContentType, and Body are the answer of a CustomToken.
	Status            int
	ContentType, Body string
}

// status returns the error status that a kind answers with, or 0.
func (k FaultKind) status() int {
	switch k {
	case Status401:
		return http.StatusUnauthorized
	case Status403:
		return http.StatusForbidden
	case Status404:
		return http.StatusNotFound
	case Status429:
		return http.StatusTooManyRequests
	case Status500:
		return http.StatusInternalServerError
	case Status503:
		return http.StatusServiceUnavailable
	}
	return 0
}

// ofConsent reports whether the kind is about the visitor's decision. Such a fault does
// not meet a request that only shows the question.
func (k FaultKind) ofConsent() bool {
	return slices.Contains([]FaultKind{Deny, ExpiredCode, DeadRefresh, WrongIssuer, NoIssuer}, k)
}

// isFlaw reports whether the consent plays the kind itself.
func (k FaultKind) isFlaw() bool { return k == Deny || k == ExpiredCode || k == DeadRefresh }

// path returns the endpoint that a kind is about.
func (k FaultKind) path() string {
	switch {
	case k.ofConsent():
		return PathAuthorize
	case k == Status401 || k == Status403 || k == Status404:
		return WholeAPI
	case k == ClockSkew:
		return Everywhere
	}
	return PathToken
}

// check returns what is wrong with a fault. It refuses a fault that could never fire,
// so that nobody waits for one.
func (f Fault) check(ts tenants) error {
	_, known := ts.byID(f.TenantID)
	switch {
	case !slices.Contains(FaultKinds(), f.Kind):
		return fmt.Errorf("there is no fault %q", f.Kind)
	case f.Path != Everywhere && f.Path != WholeAPI && !slices.Contains(endpoints(), f.Path):
		return fmt.Errorf("there is no endpoint %q", f.Path)
	case (f.Kind.ofConsent() || f.Kind == MissingExpiresIn) && f.Path != f.Kind.path():
		return fmt.Errorf("fault %s is only about %s", f.Kind, f.Kind.path())
	case f.TenantID != 0 && !known:
		return fmt.Errorf("tenant %d: %w", f.TenantID, ErrNoTenant)
	case f.Percent < 0 || f.Percent > 100:
		return errors.New("the share of companies must be from 0 to 100 percent")
	case f.Times < 0:
		return errors.New("the number of times cannot be negative")
	case f.RetryAfter < 0 || f.RetryAfter > longestSkew:
		return errors.New("Retry-After can be one day at most")
	case f.Kind == Slow && (f.Delay <= 0 || f.Delay > longestDelay):
		return fmt.Errorf("a delay must be more than 0 and at most %s", longestDelay)
	case f.Kind == ClockSkew && (f.Skew == 0 || f.Skew.Abs() > longestSkew):
		return errors.New("a skew must not be 0, and can be one day at most")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("an answer cannot have status %d", f.Status)
	}
	return nil
}
