package support

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Support is what our staff do, across companies. Nothing that it returns holds a
// secret.
type Support struct {
	db          *database.DB
	keeper      *keeper.Keeper
	connections *connect.Connections
}

// New returns the desk of a database's connections.
func New(db *database.DB, keeper *keeper.Keeper, connections *connect.Connections) *Support {
	return &Support{db: db, keeper: keeper, connections: connections}
}

// ActorName is how companies read of what our staff did.
const ActorName = "Fieldbridge support"

// visitorFor acts for the company in the staff member's name.
func visitorFor(s accounts.Staff, companyID uuid.UUID) accounts.Visitor {
	return accounts.Visitor{UserID: s.UserID, Name: ActorName, CompanyID: companyID, StaffName: s.Name, SupportCode: s.SupportCode}
}

// eventBy is an event of what the staff member does about a connection.
func eventBy(s accounts.Staff, c models.Connection, kind models.EventKind, now time.Time) models.Event {
	return models.Event{
		CompanyID: c.CompanyID, ConnectionID: &c.ID, Kind: kind, ActorName: ActorName, StaffName: s.Name,
		SupportCode: s.SupportCode, At: now,
	}
}

// queueShown bounds each list of the queue.
const queueShown = 100

// QueuedSetup is a set-up that waits.
type QueuedSetup struct {
	models.Setup
	CompanyName string
	// Taken says that another company has the tenant connected.
	Taken bool
	// Proven says that the confirmation counts: there is one, and no other company
	// has appeared since.
	Proven bool
	// Others are other companies' connections to the tenant, in any state.
	Others []OtherRow `gorm:"-"`
}

// Task is something for staff to do by hand.
type Task struct {
	ID   uuid.UUID
	Kind models.TaskKind
	// Cause is the error code that ServiceTitan answers, or CauseMetadata, of a problem
	// on our side.
	Cause        string
	ConnectionID uuid.UUID
	CreatedAt    time.Time
	CompanyName  string
	Environment  servicetitan.EnvironmentName
	TenantID     int64
}

// Queue is what waits for us, what waits for companies, and what is to be done
// by hand, each with the oldest first.
type Queue struct {
	ForUs, ForCompanies []QueuedSetup
	Tasks               []Task
	// Upgrades work on without something that we need.
	Upgrades []Upgrade
}

// Upgrade is a connection whose company has yet to accept a new version of the
// app.
type Upgrade struct {
	ID          uuid.UUID
	CompanyName string
	Environment servicetitan.EnvironmentName
	TenantID    int64
}

// Queue returns what waits.
func (d *Support) Queue(ctx context.Context) (Queue, error) {
	var q Queue
	db := d.db.Read(ctx)
	var err error
	if q.ForUs, err = waiting(db, "s.waits_for = ?", models.Us); err != nil {
		return Queue{}, err
	}
	if q.ForCompanies, err = waiting(db, "s.waits_for = ?", models.TheCompany); err != nil {
		return Queue{}, err
	}
	if q.Tasks, err = openTasks(db, "", nil); err != nil {
		return Queue{}, err
	}
	err = db.Raw(`SELECT o.id, o.environment, o.tenant_id, c.name AS company_name
		FROM connections o JOIN companies c ON c.id = o.company_id
		WHERE o.upgrade_needed AND o.state IN ('connected', 'degraded') ORDER BY o.id LIMIT ?`, queueShown).Scan(&q.Upgrades).Error
	if err != nil {
		return Queue{}, fmt.Errorf("list upgrades: %w", err)
	}
	return q, nil
}

// waiting are the open set-ups that a condition picks, oldest first.
func waiting(db *gorm.DB, where string, arg any) ([]QueuedSetup, error) {
	var list []QueuedSetup
	err := db.Raw(`SELECT s.*, c.name AS company_name, EXISTS (
			SELECT 1 FROM connections o WHERE o.environment = s.environment AND o.tenant_id = s.tenant_id
			AND o.state NOT IN ('disconnected', 'pending') AND o.company_id <> s.company_id) AS taken, `+models.ProvenSQL+` AS proven
		FROM setups s JOIN companies c ON c.id = s.company_id
		WHERE s.closed_at IS NULL AND `+where+` ORDER BY s.since, s.id LIMIT ?`, arg, queueShown).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list set-ups: %w", err)
	}
	return list, addOthers(db, list)
}

// openTasks are those to be done, of one connection if one is named.
func openTasks(db *gorm.DB, where string, args []any) ([]Task, error) {
	var list []Task
	err := db.Raw(`SELECT t.id, t.kind, t.cause, t.connection_id, t.created_at, c.name AS company_name, o.environment, o.tenant_id
		FROM staff_tasks t JOIN connections o ON o.id = t.connection_id JOIN companies c ON c.id = t.company_id
		WHERE t.done_at IS NULL `+where+` ORDER BY t.id LIMIT ?`, append(args, queueShown)...).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	return list, nil
}
