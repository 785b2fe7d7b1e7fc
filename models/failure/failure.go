package failure

import (
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Kept is how long failures are kept.
const Kept = 30 * 24 * time.Hour

// Kind says what went wrong. The API's kinds are the names of its problems. Pages have
// the same ones where they mean the same.
type Kind string

// The kinds that pages have besides the API's.
const (
	Busy               Kind = "busy"
	LacksRole          Kind = "lacks-role"
	NoMembership       Kind = "no-membership"
	OtherCompany       Kind = "other-company"
	ForeignOrigin      Kind = "foreign-origin"
	TooManyConnections Kind = "too-many-connections"
	// NotConnected says that an attempt to connect failed. Reason is its outcome.
	NotConnected Kind = "connect-failed"
	// StaffSignIn says that a member of staff could not sign in at their issuer.
	StaffSignIn Kind = "staff-sign-in"
	// HelpPage says that somebody looked at the help page, which shows a support code.
	// Nothing failed.
	HelpPage Kind = "help-page"
)

// The kinds that pages share with the API.
const (
	TooManyRequests        Kind = "too-many-requests"
	InvalidRequest         Kind = "invalid-request"
	NotFound               Kind = "not-found"
	CompanyLocked          Kind = "company-locked"
	WrongHost              Kind = "wrong-host"
	ConnectionEnded        Kind = "not-connected"
	ReconnectNeeded        Kind = "reconnect-needed"
	TokenUnavailable       Kind = "token-unavailable" // #nosec G101 -- a name, and no secret
	TemporarilyUnavailable Kind = "temporarily-unavailable"
	MethodNotAllowed       Kind = "method-not-allowed"
	TooLarge               Kind = "too-large"
	UnsupportedMediaType   Kind = "unsupported-media-type"
	Internal               Kind = "internal-error"
)

// Failure is a request that failed or was refused.
type Failure struct {
	ID          uuid.UUID `gorm:"primaryKey"`
	SupportCode string
	At          time.Time
	Method      string
	// Route is the pattern of the address, such as /connections/:id.
	Route  string
	Status int
	Kind   Kind
	// Reason is the reason of a connection's state, or the outcome of an attempt to
	// connect. It is empty for most kinds.
	Reason string
	// CompanyID, ConnectionID, UserID, and KeyID are nil where they are unknown.
	CompanyID    *uuid.UUID
	ConnectionID *uuid.UUID
	UserID       *uuid.UUID
	// Staff says that the user is one of our staff.
	Staff bool
	// KeyID is the API key of a back end.
	KeyID *uuid.UUID
	// Millis is how many milliseconds the answer took.
	Millis int64
}

// TableName returns the name of the table.
func (Failure) TableName() string { return "failures" }

// stranger says that nobody knows who made the request.
func (f Failure) stranger() bool { return f.CompanyID == nil && f.UserID == nil && f.KeyID == nil }

var row = database.RowOf[Failure]()
