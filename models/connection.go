package models

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// State is where a connection stands in its life.
type State string

const (
	// Pending means that a guided setup is open and has no credential yet.
	Pending State = "pending"
	// Connected means that the last renewal and the last check worked.
	Connected State = "connected"
	// Degraded means that renewals or checks fail for a temporary reason and are retried.
	Degraded State = "degraded"
	// ReconnectNeeded means that ServiceTitan refused for good and a person must
	// act.
	ReconnectNeeded State = "reconnect_needed"
	// Disconnected means that a person ended the connection. Its secrets are
	// deleted.
	Disconnected State = "disconnected"
)

// Connection is one company's link to one tenant in one environment.
type Connection struct {
	ID          uuid.UUID `gorm:"primaryKey"`
	CompanyID   uuid.UUID
	Environment servicetitan.EnvironmentName
	TenantID    int64
	// TenantName is the company's name in ServiceTitan, from the check call.
	TenantName string
	// Nickname is the name that an owner gave the connection; empty if nobody did.
	Nickname string
	// BusinessUnits is the number of business units that the check call counted.
	BusinessUnits int
	Way           servicetitan.Way
	State         State
	// StateSince is the time of the last change of state. A database trigger sets
	// it.
	StateSince time.Time `gorm:"->"`
	// Reason is why the connection is in its state; empty while connected.
	Reason Reason
	// Scopes is what the token allows, separated by spaces (RFC 6749, section 3.3).
	Scopes string
	// SettingUp says that a guided setup is open.
	SettingUp bool
	// UpgradeNeeded says that Scopes lacks one that we need, because a new version
	// of the app waits for an admin to choose Upgrade to New Version.
	UpgradeNeeded bool
	// Generation counts the credentials that the connection has had. Only the
	// newest one counts.
	Generation      int64
	ConnectedByName string
	// ConnectedByID is the member who connected it; nil if our staff did.
	ConnectedByID *uuid.UUID
	ConnectedAt   time.Time
	// SecretAt is when the secret of the tenant's own client was entered; nil without
	// such a client.
	SecretAt *time.Time
	// OldSecret is the secret that SecretAt replaced, until somebody says that it was
	// deleted in ServiceTitan.
	OldSecret SecretSlot
	// SecretReminderAt is when staff want to be reminded to replace the secret; nil for
	// never.
	SecretReminderAt *time.Time
	// RenewedAt is when access was last granted or renewed.
	RenewedAt time.Time
	// ExpiresAt is when the access token expires.
	ExpiresAt time.Time
	// NextRenewalAt is when the keeper renews access or retries; nil if it does
	// not.
	NextRenewalAt *time.Time
	// LastUsedAt is when access was last asked for, to within ten minutes.
	LastUsedAt *time.Time
	// Failures counts the renewals in a row that failed for a temporary reason.
	Failures     int
	FailingSince *time.Time
	// UnansweredSince is since when the checks of the connection fail for a temporary
	// reason; nil if they do not.
	UnansweredSince *time.Time
	// TestedAt, TestPassed, and TestMillis describe the last test by a person.
	TestedAt       *time.Time
	TestPassed     bool
	TestMillis     int64
	DisconnectedAt *time.Time
	CreatedAt      time.Time
	// UpdatedAt is set from our clock, not by GORM.
	UpdatedAt time.Time `gorm:"autoUpdateTime:false"`
}

// ScopeList returns the scopes as a list.
func (c Connection) ScopeList() []string { return strings.Fields(c.Scopes) }

// UsesOwnClient reports whether the connection uses the tenant's own client,
// which somebody has to delete in ServiceTitan once it is no longer used.
func (c Connection) UsesOwnClient() bool {
	return c.Way != SignInWay && c.State != Pending && c.State != Disconnected
}

// MayWorkAgain reports whether the client ID and secret that are stored may work again
// after a refusal, once somebody has allowed the app in ServiceTitan.
func (c Connection) MayWorkAgain() bool {
	return c.State == ReconnectNeeded && c.UsesOwnClient() &&
		(c.Reason == ReasonNotAllowed || c.Reason == ReasonUnauthorized || c.Reason == ReasonTenantUnknown)
}

// Granted updates the connection with what new tokens say about it. Due is when
// they are next renewed.
func (c *Connection) Granted(tokens servicetitan.Tokens, required []string, due, now time.Time) {
	before := c.Scopes
	if tokens.Scopes != nil {
		c.Scopes = strings.Join(tokens.Scopes, " ")
	}
	c.RenewedAt, c.ExpiresAt, c.NextRenewalAt, c.UpdatedAt = now, tokens.ExpiresAt, &due, now
	// A check may have found that the API refuses a scope that tokens still list. Then the
	// same scopes in another token say nothing new.
	c.UpgradeNeeded = len(MissingAreas(c.ScopeList(), required)) > 0 || c.UpgradeNeeded && SameScopes(before, c.Scopes)
}

// Reason is the code of what went wrong. Package views has the text for each
// one.
type Reason string

const (
	// ReasonNone means that nothing is wrong.
	ReasonNone Reason = ""
	// ReasonUnavailable means that ServiceTitan did not answer, answered with a 5xx
	// status, or sent an answer that makes no sense.
	ReasonUnavailable Reason = "unavailable"
	// ReasonRateLimited means that ServiceTitan answered 429.
	ReasonRateLimited Reason = "rate_limited"
	// ReasonGrantRefused means that the token endpoint answered invalid_grant
	// (RFC 6749, section 5.2).
	ReasonGrantRefused Reason = "grant_refused"
	// ReasonClientRefused means that the token endpoint refuses the tenant's own
	// client.
	ReasonClientRefused Reason = "client_refused"
	// ReasonAnswerLost means that the answer to a renewal was lost, and the grant
	// with it.
	ReasonAnswerLost Reason = "answer_lost"
	// ReasonNotAllowed means that the API answers 403 for the tenant.
	ReasonNotAllowed Reason = "not_allowed"
	// ReasonUnauthorized means that the API answers 401 to a fresh token.
	ReasonUnauthorized Reason = "unauthorized"
	// ReasonTenantUnknown means that the API answers 404 for the tenant.
	ReasonTenantUnknown Reason = "tenant_unknown"
	// ReasonScopeMissing means that the API answers 403 to a test because the token
	// lacks the scope for it. The connection keeps working for the scopes that the
	// token has.
	ReasonScopeMissing Reason = "scope_missing"
	// ReasonSealBroken means that the stored credential cannot be decrypted.
	ReasonSealBroken Reason = "seal_broken"
	// ReasonOurSide means that our request, registration, or configuration is
	// wrong. Renewals are retried, and only we can fix the problem. It does not
	// change the state of a connection that uses the app's own registration.
	ReasonOurSide Reason = "our_side"
)

// ErrTooManyConnections says that the company has ConnectionsPerCompany
// connections.
var ErrTooManyConnections = errors.New("company has too many connections")

// OfRenewals says whether ServiceTitan refuses renewals for the reason. It refuses calls to
// the API for the others.
func (r Reason) OfRenewals() bool {
	return r == ReasonGrantRefused || r == ReasonClientRefused || r == ReasonAnswerLost
}

// addConnection adds a connection to its company. It returns
// ErrTooManyConnections if the company is full, and ErrNotFound if the company
// no longer exists.
func addConnection(tx *gorm.DB, c *Connection) error {
	var n int
	err := database.QueryRow(tx, "SELECT (SELECT count(*) FROM connections WHERE company_id = c.id) FROM companies c WHERE c.id = $1", []any{c.CompanyID}, &n)
	if err != nil {
		return fmt.Errorf("count connections: %w", err)
	}
	if n >= ConnectionsPerCompany {
		return ErrTooManyConnections
	}
	return connectionRow.Insert(tx, c)
}

var connectionRow = database.RowOf[Connection]()

// ConnectionsPerCompany is the most connections a company can have, including
// withdrawn and disconnected ones. No company has that many tenants.
const ConnectionsPerCompany = 200

// GetConnection returns one of the company's connections, or ErrNotFound.
func GetConnection(db *gorm.DB, companyID, id uuid.UUID) (Connection, error) {
	var connection Connection
	err := db.Where("id = ? AND company_id = ?", id, companyID).Take(&connection).Error
	return connection, database.Found(err, "get connection")
}

// Refreshable reports whether the connection is in a state that allows renewals.
func (c Connection) Refreshable() bool { return c.State == Connected || c.State == Degraded }
