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

// Faults that come instead of the answer; no work is done. The first three are
// about the API unless the fault says otherwise.
const (
	Status401 FaultKind = "status_401"
	Status403 FaultKind = "status_403"
	Status404 FaultKind = "status_404"
	Status429 FaultKind = "status_429" // with Retry-After, and the wait in the title
	Status500 FaultKind = "status_500"
	Status503 FaultKind = "status_503" // with Retry-After
	// Garbage is a 200 with a web page where JSON should be.
	Garbage FaultKind = "garbage"
	// CustomToken is Fault's Status, ContentType and Body, as they are.
	CustomToken FaultKind = "custom_token"
	// ResetBefore drops the connection.
	ResetBefore FaultKind = "reset_before"
)

// Faults that let the work be done and then spoil the answer.
const (
	// ResetAfter drops the connection, so that the answer is lost.
	ResetAfter FaultKind = "reset_after"
	// Hold keeps the answer back until Release.
	Hold FaultKind = "hold"
	// Slow keeps the answer back for Fault's Delay.
	Slow FaultKind = "slow"
	// MissingExpiresIn takes expires_in out of a token response.
	MissingExpiresIn FaultKind = "missing_expires_in"
	// WrongType calls a JSON answer text/html.
	WrongType FaultKind = "wrong_type"
	// Huge pads a JSON answer to more than 64 KiB.
	Huge FaultKind = "huge"
	// ClockSkew sets the clock of the Date header and of the times in tokens off
	// by Fault's Skew. It comes on top of any other fault.
	ClockSkew FaultKind = "clock_skew"
)

// Faults of the consent.
const (
	// Deny answers access_denied although the visitor allows access.
	Deny FaultKind = "deny"
	// ExpiredCode comes back with a code that has lapsed.
	ExpiredCode FaultKind = "expired_code"
	// DeadRefresh makes a grant whose refresh token is refused.
	DeadRefresh FaultKind = "dead_refresh"
	// WrongIssuer names another issuer on the way back (RFC 9207).
	WrongIssuer FaultKind = "wrong_issuer"
	// NoIssuer names none, although the metadata announces it.
	NoIssuer FaultKind = "no_issuer"
)

// FaultKinds are all there are.
func FaultKinds() []FaultKind {
	return []FaultKind{
		Deny, ExpiredCode, DeadRefresh, WrongIssuer, NoIssuer, Status500, Status503, Status429, Slow, ResetBefore, ResetAfter,
		Garbage, WrongType, Huge, MissingExpiresIn, Status401, Status403, Status404, ClockSkew, Hold, CustomToken,
	}
}

// Everywhere is every endpoint, for Fault's Path.
const Everywhere = "*"

const (
	// longestDelay is less than servers allow for an answer.
	longestDelay = 30 * time.Second
	longestSkew  = 24 * time.Hour
)

// Fault is a planned fault.
type Fault struct {
	Kind FaultKind
	// Path is the endpoint, one of the Path constants, or Everywhere. Empty means
	// the one that the kind is about, which mostly is PathToken.
	Path string
	// TenantID limits the fault to requests that concern a tenant; 0 means all.
	TenantID int64
	// Times is how many requests it meets; 0 means until it is taken back. One
	// whose answer has nothing to spoil is met too, but does not count as fired.
	Times int
	// RetryAfter goes with Status429 and Status503, in whole seconds, at least
	// one.
	RetryAfter time.Duration
	// Delay goes with Slow, Skew with ClockSkew.
	Delay, Skew time.Duration
	// Status, ContentType and Body are the answer of a CustomToken.
	Status            int
	ContentType, Body string
}

// status is the error status that a kind answers with, or 0.
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

// ofConsent says that the kind is about what the visitor decides, so it meets
// no request that only shows the question.
func (k FaultKind) ofConsent() bool {
	return slices.Contains([]FaultKind{Deny, ExpiredCode, DeadRefresh, WrongIssuer, NoIssuer}, k)
}

// isFlaw says that the consent plays the kind itself.
func (k FaultKind) isFlaw() bool { return k == Deny || k == ExpiredCode || k == DeadRefresh }

// path is the endpoint that a kind is about.
func (k FaultKind) path() string {
	switch {
	case k.ofConsent():
		return PathAuthorize
	case k == Status401 || k == Status403 || k == Status404:
		return PathBusinessUnits
	case k == ClockSkew:
		return Everywhere
	}
	return PathToken
}

// check says what is wrong with a fault. One that could never fire is refused,
// so that nobody waits for it.
func (f Fault) check(ts tenants) error {
	_, known := ts.byID(f.TenantID)
	switch {
	case !slices.Contains(FaultKinds(), f.Kind):
		return fmt.Errorf("there is no fault %q", f.Kind)
	case f.Path != Everywhere && !slices.Contains(endpoints(), f.Path):
		return fmt.Errorf("there is no endpoint %q", f.Path)
	case (f.Kind.ofConsent() || f.Kind == MissingExpiresIn) && f.Path != f.Kind.path():
		return fmt.Errorf("fault %s is about %s alone", f.Kind, f.Kind.path())
	case f.TenantID != 0 && !known:
		return fmt.Errorf("tenant %d: %w", f.TenantID, ErrNoTenant)
	case f.Times < 0:
		return errors.New("how often a fault comes cannot be negative")
	case f.RetryAfter < 0 || f.RetryAfter > longestSkew:
		return errors.New("a Retry-After is a day at most")
	case f.Kind == Slow && (f.Delay <= 0 || f.Delay > longestDelay):
		return fmt.Errorf("a delay is more than none and at most %s", longestDelay)
	case f.Kind == ClockSkew && (f.Skew == 0 || f.Skew.Abs() > longestSkew):
		return errors.New("a clock is off by something, and by a day at most")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("an answer cannot have status %d", f.Status)
	}
	return nil
}
