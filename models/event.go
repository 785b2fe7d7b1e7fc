package models

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// EventKind names what happened to a connection.
type EventKind string

const (
	EventConnected   EventKind = "connected"
	EventReconnected EventKind = "reconnected"
	// EventConnectFailed: a trip to ServiceTitan ended without a connection.
	EventConnectFailed   EventKind = "connect_failed"
	EventTestPassed      EventKind = "test_passed"
	EventTestFailed      EventKind = "test_failed"
	EventRetrying        EventKind = "retrying"
	EventRecovered       EventKind = "recovered"
	EventReconnectNeeded EventKind = "reconnect_needed"
	// EventUpgradeNeeded: the access lacks a scope that we need.
	EventUpgradeNeeded    EventKind = "upgrade_needed"
	EventDisconnected     EventKind = "disconnected"
	EventRevoked          EventKind = "revoked"
	EventRevocationFailed EventKind = "revocation_failed"
	// The steps of a guided set-up.
	EventSetupRequested   EventKind = "setup_requested"
	EventSetupTenantAdded EventKind = "setup_tenant_added"
	EventSetupAllowed     EventKind = "setup_allowed"
	EventSetupSentBack    EventKind = "setup_sent_back"
	EventSetupFailed      EventKind = "setup_failed"
	// EventSetupConfirmed: an admin of the tenant confirmed that the company
	// controls it. Detail says who.
	EventSetupConfirmed EventKind = "setup_confirmed"
	EventSetupWithdrawn EventKind = "setup_withdrawn"
	// What our staff did for the company.
	EventRefreshed     EventKind = "refreshed"
	EventRefreshFailed EventKind = "refresh_failed"
	EventLinkGiven     EventKind = "link_given"
	EventLocked        EventKind = "locked"
	EventUnlocked      EventKind = "unlocked"
	// EventSecretDeleted and EventTenantRemoved: by hand, in the developer portal.
	EventSecretDeleted EventKind = "secret_deleted"
	EventTenantRemoved EventKind = "tenant_removed"
	// EventTenantConflict: another company tried to connect this tenant.
	EventTenantConflict EventKind = "tenant_conflict"
	// EventConflictSettled: staff found out whom the tenant belongs to.
	EventConflictSettled EventKind = "conflict_settled"
	// EventNoted: staff wrote a note.
	EventNoted EventKind = "noted"
	// EventStaffViewed: staff looked at the connection.
	EventStaffViewed EventKind = "staff_viewed"
)

// audience says who may see the events of a kind.
type audience int

const (
	// staffOnly comes first, so that it holds for a kind that has no row below.
	staffOnly audience = iota
	companyAndStaff
)

// audiences says who may see which kind of event. A new kind is hidden from
// companies until its row says otherwise.
var audiences = map[EventKind]audience{
	EventConnected:        companyAndStaff,
	EventReconnected:      companyAndStaff,
	EventConnectFailed:    companyAndStaff,
	EventTestPassed:       companyAndStaff,
	EventTestFailed:       companyAndStaff,
	EventRetrying:         companyAndStaff,
	EventRecovered:        companyAndStaff,
	EventReconnectNeeded:  companyAndStaff,
	EventUpgradeNeeded:    companyAndStaff,
	EventDisconnected:     companyAndStaff,
	EventRevoked:          companyAndStaff,
	EventRevocationFailed: companyAndStaff,
	EventSetupRequested:   companyAndStaff,
	EventSetupTenantAdded: companyAndStaff,
	EventSetupAllowed:     companyAndStaff,
	EventSetupSentBack:    companyAndStaff,
	EventSetupFailed:      companyAndStaff,
	EventSetupConfirmed:   companyAndStaff,
	EventSetupWithdrawn:   companyAndStaff,
	EventRefreshed:        companyAndStaff,
	EventRefreshFailed:    companyAndStaff,
	EventLinkGiven:        companyAndStaff,
	EventLocked:           companyAndStaff,
	EventUnlocked:         companyAndStaff,
	EventSecretDeleted:    companyAndStaff,
	EventTenantRemoved:    companyAndStaff,
	EventTenantConflict:   staffOnly,
	EventConflictSettled:  staffOnly,
	EventNoted:            staffOnly,
	EventStaffViewed:      staffOnly,
}

// CompanyEvents returns the kinds that a company may see.
func CompanyEvents() []EventKind {
	var kinds []EventKind
	for _, kind := range slices.Sorted(maps.Keys(audiences)) {
		if audiences[kind] == companyAndStaff {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// NewSupportCode names a request to people: in the log, on error pages, on
// timelines.
func NewSupportCode() string {
	text := rand.Text()
	return "FB-" + text[:4] + "-" + text[4:8]
}

// Event is a line of a connection's timeline.
type Event struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	CompanyID uuid.UUID
	// ConnectionID is nil for what happened before there was a connection.
	ConnectionID *uuid.UUID
	Kind         EventKind
	// ActorName is who did it; empty when nobody did.
	ActorName string
	// StaffName is who of our staff did it. The company sees ActorName.
	StaffName string
	Reason    Reason
	// Outcome says how a failed trip to ServiceTitan ended.
	Outcome Outcome
	// Detail is what the kind does not say, such as a person's name.
	Detail string
	// Repeats is how many equal events came after the first of a series, which was
	// at FirstAt. At is when the last was.
	Repeats int
	FirstAt *time.Time
	// Millis is how long ServiceTitan took to answer a test.
	Millis int64
	// SupportCode is the request that caused the event, as in the log.
	SupportCode string
	At          time.Time
}

// Record adds an event to the timeline in the transaction that it tells of.
func Record(tx *gorm.DB, e Event) error {
	e.ID = database.NewID()
	if err := tx.Create(&e).Error; err != nil {
		return fmt.Errorf("record %s: %w", e.Kind, err)
	}
	return nil
}
