package models

import (
	"time"

	"github.com/google/uuid"
)

// EventKind names what happened to a connection.
type EventKind string

const (
	EventConnected   EventKind = "connected"
	EventReconnected EventKind = "reconnected"
	// EventConnectFailed: a trip to ServiceTitan ended without a connection.
	EventConnectFailed    EventKind = "connect_failed"
	EventTestPassed       EventKind = "test_passed"
	EventTestFailed       EventKind = "test_failed"
	EventRetrying         EventKind = "retrying"
	EventRecovered        EventKind = "recovered"
	EventReconnectNeeded  EventKind = "reconnect_needed"
	EventDisconnected     EventKind = "disconnected"
	EventRevoked          EventKind = "revoked"
	EventRevocationFailed EventKind = "revocation_failed"
	// EventTenantConflict: another company tried to connect this tenant.
	// Only staff see it.
	EventTenantConflict EventKind = "tenant_conflict"
)

// Event is a line of a connection's timeline.
type Event struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	CompanyID uuid.UUID
	// ConnectionID is nil for what happened before there was a connection.
	ConnectionID *uuid.UUID
	Kind         EventKind
	// ActorName is who did it; empty when nobody did.
	ActorName string
	Reason    Reason
	// Outcome says how a failed trip to ServiceTitan ended.
	Outcome Outcome
	// Millis is how long ServiceTitan took to answer a test.
	Millis int64
	// SupportCode is the request that caused the event, as in the log.
	SupportCode string
	At          time.Time
}
