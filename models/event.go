package models

import (
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

// The kinds of events. The table audiences says who may see each one.
const (
	// EventConnected says that the first authorization of a connection worked.
	EventConnected EventKind = "connected"
	// EventReconnected says that a later authorization worked.
	EventReconnected EventKind = "reconnected"
	// EventConnectFailed says that an attempt to connect ended without a connection.
	EventConnectFailed EventKind = "connect_failed"
	EventTestPassed    EventKind = "test_passed"
	EventTestFailed    EventKind = "test_failed"
	// EventRetrying says that renewals or checks began to fail for a temporary reason.
	EventRetrying EventKind = "retrying"
	// EventRecovered says that renewals and checks work again.
	EventRecovered EventKind = "recovered"
	// EventCheckFailed says that a check was refused. The next one, soon after it, decides
	// whether anybody has to do something.
	EventCheckFailed     EventKind = "check_failed"
	EventReconnectNeeded EventKind = "reconnect_needed"
	// EventUpgradeNeeded says that the access lacks a scope that we need.
	EventUpgradeNeeded EventKind = "upgrade_needed"
	EventDisconnected  EventKind = "disconnected"
	// EventSecretReplaced says that a new secret of the tenant's own client is in use.
	EventSecretReplaced EventKind = "secret_replaced"
	// EventSecretFailed says that a new secret was tried and did not work.
	EventSecretFailed EventKind = "secret_failed"
	// EventRevoked says that ServiceTitan withdrew access that is no longer needed.
	EventRevoked          EventKind = "revoked"
	EventRevocationFailed EventKind = "revocation_failed"

	// The steps of a guided setup.

	EventSetupRequested   EventKind = "setup_requested"
	EventSetupTenantAdded EventKind = "setup_tenant_added"
	EventSetupAllowed     EventKind = "setup_allowed"
	EventSetupSentBack    EventKind = "setup_sent_back"
	EventSetupFailed      EventKind = "setup_failed"
	// EventSetupConfirmed says that an admin of the tenant confirmed that the
	// company controls it. Detail names the admin.
	EventSetupConfirmed EventKind = "setup_confirmed"
	EventSetupWithdrawn EventKind = "setup_withdrawn"

	// EventNamed says that an owner gave the connection a nickname. Detail is the
	// nickname; it is empty if the owner removed it.
	EventNamed EventKind = "named"

	// What our staff did.

	EventRefreshed     EventKind = "refreshed"
	EventRefreshFailed EventKind = "refresh_failed"
	EventLinkGiven     EventKind = "link_given"
	// EventReconnectMailed says that staff sent the mail that tells people to reconnect.
	// Detail is how many people it goes to.
	EventReconnectMailed EventKind = "reconnect_mailed"
	EventLocked          EventKind = "locked"
	EventUnlocked        EventKind = "unlocked"
	// EventSecretDeleted says that the client's secret, or the old one of two, was
	// deleted in ServiceTitan. The person is the company's if it has the client.
	EventSecretDeleted EventKind = "secret_deleted"
	// EventTenantRemoved says that staff removed the tenant ID from our app in the
	// developer portal.
	EventTenantRemoved EventKind = "tenant_removed"
	// EventTenantConflict says that another company tried to connect the tenant.
	EventTenantConflict EventKind = "tenant_conflict"
	// EventConflictSettled says that staff found out which company the tenant
	// belongs to.
	EventConflictSettled EventKind = "conflict_settled"
	// EventReminderSet and EventReminderEnded are about the reminder to replace a secret.
	// Detail is the day.
	EventReminderSet   EventKind = "reminder_set"
	EventReminderEnded EventKind = "reminder_ended"
	// EventReminded says that staff sent another mail that reminds the company of what it has
	// to do. Detail is how many people it goes to.
	EventReminded EventKind = "reminded"
	// EventNoted says that staff wrote a note.
	EventNoted EventKind = "noted"
	// EventStaffViewed says that staff looked at the connection.
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
	EventCheckFailed:      companyAndStaff,
	EventReconnectNeeded:  companyAndStaff,
	EventUpgradeNeeded:    companyAndStaff,
	EventDisconnected:     companyAndStaff,
	EventSecretReplaced:   companyAndStaff,
	EventSecretFailed:     companyAndStaff,
	EventRevoked:          companyAndStaff,
	EventRevocationFailed: companyAndStaff,
	EventSetupRequested:   companyAndStaff,
	EventSetupTenantAdded: companyAndStaff,
	EventSetupAllowed:     companyAndStaff,
	EventSetupSentBack:    companyAndStaff,
	EventSetupFailed:      companyAndStaff,
	EventSetupConfirmed:   companyAndStaff,
	EventSetupWithdrawn:   companyAndStaff,
	EventNamed:            companyAndStaff,
	EventRefreshed:        companyAndStaff,
	EventRefreshFailed:    companyAndStaff,
	EventLinkGiven:        companyAndStaff,
	EventReconnectMailed:  companyAndStaff,
	EventLocked:           companyAndStaff,
	EventUnlocked:         companyAndStaff,
	EventSecretDeleted:    companyAndStaff,
	EventTenantRemoved:    companyAndStaff,
	EventTenantConflict:   staffOnly,
	EventConflictSettled:  staffOnly,
	EventReminderSet:      staffOnly,
	EventReminderEnded:    staffOnly,
	EventReminded:         companyAndStaff,
	EventNoted:            staffOnly,
	EventStaffViewed:      staffOnly,
}

// companyEvents is worked out once, because every page of a connection asks for it.
var companyEvents = slices.DeleteFunc(slices.Sorted(maps.Keys(audiences)), func(kind EventKind) bool {
	return audiences[kind] != companyAndStaff
})

// CompanyEvents returns the kinds of events that a company may see. The caller must
// not change the result.
func CompanyEvents() []EventKind { return companyEvents }

// Event is a line of a connection's timeline.
type Event struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	CompanyID uuid.UUID
	// ConnectionID is nil for an event that belongs to no connection.
	ConnectionID *uuid.UUID
	Kind         EventKind
	// ActorName is the person who did it; empty if nobody did.
	ActorName string
	// StaffName is the member of our staff who did it. Companies see ActorName.
	StaffName string
	Reason    Reason
	// Outcome says how an attempt to connect failed.
	Outcome Outcome
	// Detail adds what the kind does not say, such as a person's name.
	Detail string
	// Repeats counts the equal events after the first one of a series. The first
	// was at FirstAt, the last at At.
	Repeats int
	FirstAt *time.Time
	// Millis is how many milliseconds ServiceTitan took to answer a test.
	Millis int64
	// SupportCode identifies the request that caused the event, as in the log.
	SupportCode string
	At          time.Time
}

var eventRow = database.RowOf[Event]()

// Record adds an event to the timeline, in the transaction of the change that the
// event describes.
func Record(tx *gorm.DB, e Event) error {
	e.ID = database.NewID()
	if err := eventRow.Insert(tx, &e); err != nil {
		return fmt.Errorf("record %s: %w", e.Kind, err)
	}
	return nil
}
