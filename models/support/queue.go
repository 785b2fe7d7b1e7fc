package support

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// queueShown is the most entries in each list of the queue.
const queueShown = 100

// QueuedSetup is an open setup.
type QueuedSetup struct {
	models.Setup
	CompanyName string
	// Taken says that another company has the tenant connected.
	Taken bool
	// Proven says that the setup's proof counts (see models.ProvenSQL).
	Proven bool
	// Others are other companies' connections to the tenant, in any state.
	Others []OtherRow `gorm:"-"`
}

// Task is an open task for staff.
type Task struct {
	ID   uuid.UUID
	Kind models.TaskKind
	// Cause is the cause of a problem on our side: ServiceTitan's error code, or
	// models.CauseMetadata. It is empty for other kinds.
	Cause        string
	ConnectionID uuid.UUID
	CreatedAt    time.Time
	CompanyName  string
	Environment  servicetitan.EnvironmentName
	TenantID     int64
	// OldSecret is the secret to delete, if the connection has a newer one.
	OldSecret models.SecretSlot
}

// Queue has the setups that wait for us, the setups that wait for companies, and the
// tasks to do by hand. Each list has the oldest entries first.
type Queue struct {
	ForUs, ForCompanies []QueuedSetup
	Tasks               []Task
	// Reminders are client secrets that staff wanted to be reminded to replace by now.
	Reminders []Reminder
	// Upgrades are connections that work without a scope that we need.
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

// Queue returns the queue.
func (s *Support) Queue(ctx context.Context) (Queue, error) {
	var q Queue
	db := s.db.Read(ctx)
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
	if q.Reminders, err = dueReminders(db, s.db.Now()); err != nil {
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

// waiting returns the open setups that a condition selects, oldest first.
func waiting(db *gorm.DB, where string, arg any) ([]QueuedSetup, error) {
	var setups []QueuedSetup
	err := db.Raw(`SELECT s.*, c.name AS company_name, EXISTS (
			SELECT 1 FROM connections o WHERE o.environment = s.environment AND o.tenant_id = s.tenant_id
			AND o.state NOT IN ('disconnected', 'pending') AND o.company_id <> s.company_id) AS taken, `+models.ProvenSQL+` AS proven
		FROM setups s JOIN companies c ON c.id = s.company_id
		WHERE s.closed_at IS NULL AND `+where+` ORDER BY s.since, s.id LIMIT ?`, arg, queueShown).Scan(&setups).Error
	if err != nil {
		return nil, fmt.Errorf("list setups: %w", err)
	}
	return setups, addOthers(db, setups)
}

// openTasks returns the open tasks that a further condition selects, oldest first.
func openTasks(db *gorm.DB, where string, args []any) ([]Task, error) {
	var tasks []Task
	err := db.Raw(`SELECT t.id, t.kind, t.cause, t.connection_id, t.created_at, c.name AS company_name, o.environment, o.tenant_id, o.old_secret
		FROM staff_tasks t JOIN connections o ON o.id = t.connection_id JOIN companies c ON c.id = t.company_id
		WHERE t.done_at IS NULL `+where+` ORDER BY t.id LIMIT ?`, append(args, queueShown)...).Scan(&tasks).Error
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	return tasks, nil
}
