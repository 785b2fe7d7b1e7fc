package models

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// State is where a connection stands in its life.
type State string

const (
	// Pending: a guided set-up is under way, and there is nothing to connect with
	// yet.
	Pending State = "pending"
	// Connected: the last renewal worked.
	Connected State = "connected"
	// Degraded: renewals fail for a passing reason and are tried again.
	Degraded State = "degraded"
	// ReconnectNeeded: ServiceTitan refused for good; a person must act.
	ReconnectNeeded State = "reconnect_needed"
	// Disconnected: by a person's wish; the secrets are gone.
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
	// BusinessUnits is how many the check call counted.
	BusinessUnits int
	Way           servicetitan.Way
	State         State
	// StateSince is since when; the database keeps it.
	StateSince time.Time `gorm:"->"`
	// Reason is why the state is what it is; empty while connected.
	Reason Reason
	// Scopes is what the token allows, separated by spaces (RFC 6749, section 3.3).
	Scopes string
	// SettingUp: a guided set-up is open.
	SettingUp bool
	// UpgradeNeeded: a scope that we need is not among them, because a new version
	// of the app waits for an admin's Upgrade to New Version.
	UpgradeNeeded bool
	// Generation counts the credentials this connection has had; only the newest
	// is believed.
	Generation      int64
	ConnectedByName string
	// ConnectedByID is the member who connected it; nil if our staff did.
	ConnectedByID *uuid.UUID
	ConnectedAt   time.Time
	// RenewedAt is when access was last granted or renewed.
	RenewedAt time.Time
	// ExpiresAt is when the access token lapses.
	ExpiresAt time.Time
	// NextRenewalAt is when access is renewed by itself, or tried to be renewed
	// again; nil when never.
	NextRenewalAt *time.Time
	// LastUsedAt is when access was last asked for, to within ten minutes.
	LastUsedAt *time.Time
	// Failures counts the renewals that failed in a row for a passing reason.
	Failures     int
	FailingSince *time.Time
	// TestedAt, TestPassed and TestMillis tell of the last test by a person.
	TestedAt       *time.Time
	TestPassed     bool
	TestMillis     int64
	DisconnectedAt *time.Time
	CreatedAt      time.Time
	// UpdatedAt is by our clock, not by GORM’s.
	UpdatedAt time.Time `gorm:"autoUpdateTime:false"`
}

// ScopeList is the scopes one by one.
func (c Connection) ScopeList() []string { return strings.Fields(c.Scopes) }

// UsesOwnClient says whether there is a client of the tenant's to delete in
// ServiceTitan once it is no longer used.
func (c Connection) UsesOwnClient() bool {
	return c.Way != SignInWay && c.State != Pending && c.State != Disconnected
}

// Granted notes what new tokens say of the connection.
func (c *Connection) Granted(tokens servicetitan.Tokens, required []string, due, now time.Time) {
	if tokens.Scopes != nil {
		c.Scopes = strings.Join(tokens.Scopes, " ")
	}
	c.RenewedAt, c.ExpiresAt, c.NextRenewalAt, c.UpdatedAt = now, tokens.ExpiresAt, &due, now
	c.UpgradeNeeded = len(MissingAreas(c.ScopeList(), required)) > 0
}

// Reason is the code of what went wrong; pages put it into words.
type Reason string

const (
	ReasonNone Reason = ""
	// ReasonUnavailable: ServiceTitan did not answer, or answered 5xx or nonsense.
	ReasonUnavailable Reason = "unavailable"
	// ReasonRateLimited: ServiceTitan answered 429.
	ReasonRateLimited Reason = "rate_limited"
	// ReasonGrantRefused: the token endpoint answered invalid_grant.
	ReasonGrantRefused Reason = "grant_refused"
	// ReasonClientRefused: the token endpoint refuses the tenant's own client.
	ReasonClientRefused Reason = "client_refused"
	// ReasonAnswerLost: a renewal's answer was lost and the grant with it.
	ReasonAnswerLost Reason = "answer_lost"
	// ReasonNotAllowed: the API answers 403 for the tenant.
	ReasonNotAllowed Reason = "not_allowed"
	// ReasonUnauthorized: the API answers 401 to a fresh token.
	ReasonUnauthorized Reason = "unauthorized"
	// ReasonTenantUnknown: the API answers 404 for the tenant.
	ReasonTenantUnknown Reason = "tenant_unknown"
	// ReasonScopeMissing: the API answers 403 to a test, and the token lacks its
	// scope. It ends no connection, which works on for what the token allows.
	ReasonScopeMissing Reason = "scope_missing"
	// ReasonSealBroken: the stored credential cannot be opened.
	ReasonSealBroken Reason = "seal_broken"
	// ReasonOurSide: our request, registration, or configuration is wrong. Renewals
	// are tried again, and only we can put it right. A connection that uses the
	// app's own registration has it without a change of its state.
	ReasonOurSide Reason = "our_side"
)

// ErrTooManyConnections says that a company has as many as it can.
var ErrTooManyConnections = errors.New("company has too many connections")

// addConnection adds a connection to its company. It returns
// ErrTooManyConnections if the company is full, and ErrNotFound if that is gone: the database's own columns of it would be at fault first.
func addConnection(tx *gorm.DB, c *Connection) error {
	if err := tx.Select("id").Where("id = ?", c.CompanyID).Take(&accounts.Company{}).Error; err != nil {
		return database.Found(err, "find company")
	}
	var n int64
	if err := tx.Model(&Connection{}).Where("company_id = ?", c.CompanyID).Count(&n).Error; err != nil {
		return fmt.Errorf("count connections: %w", err)
	}
	if n >= ConnectionsPerCompany {
		return ErrTooManyConnections
	}
	return tx.Create(c).Error
}

// ConnectionsPerCompany bounds a company's connections, those that were withdrawn or
// disconnected included; nobody has so many tenants.
const ConnectionsPerCompany = 200

func GetConnection(db *gorm.DB, companyID, id uuid.UUID) (Connection, error) {
	var connection Connection
	err := db.Where("id = ? AND company_id = ?", id, companyID).Take(&connection).Error
	return connection, database.Found(err, "get connection")
}

// Refreshable says whether a renewal can help the connection.
func (c Connection) Refreshable() bool { return c.State == Connected || c.State == Degraded }
