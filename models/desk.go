package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Desk is what our staff do, across companies. Nothing that it returns holds a
// secret.
type Desk struct{ connections *Connections }

// NewDesk returns the desk of a database's connections.
func NewDesk(c *Connections) *Desk { return &Desk{connections: c} }

// supportName is how companies read of what our staff did.
const supportName = "Fieldbridge support"

// visitor acts for the company in the staff member's name.
func (s Staff) visitor(companyID uuid.UUID) Visitor {
	return Visitor{UserID: s.UserID, Name: supportName, CompanyID: companyID, StaffName: s.Name, SupportCode: s.SupportCode}
}

// queueShown bounds each list of the queue.
const queueShown = 100

// QueuedSetup is a set-up that waits.
type QueuedSetup struct {
	Setup
	CompanyName string
	// Taken says that another company has the tenant connected.
	Taken bool
}

// Task is something for staff to do by hand.
type Task struct {
	ID           uuid.UUID
	Kind         TaskKind
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
func (d *Desk) Queue(ctx context.Context) (Queue, error) {
	var q Queue
	db := d.connections.db.Read(ctx)
	var err error
	if q.ForUs, err = waiting(db, "s.waits_for = ?", Us); err != nil {
		return Queue{}, err
	}
	if q.ForCompanies, err = waiting(db, "s.waits_for = ?", TheCompany); err != nil {
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
			AND o.state NOT IN ('disconnected', 'pending') AND o.company_id <> s.company_id) AS taken
		FROM setups s JOIN companies c ON c.id = s.company_id
		WHERE s.closed_at IS NULL AND `+where+` ORDER BY s.since, s.id LIMIT ?`, arg, queueShown).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list set-ups: %w", err)
	}
	return list, nil
}

// openTasks are those to be done, of one connection if one is named.
func openTasks(db *gorm.DB, where string, args []any) ([]Task, error) {
	var list []Task
	err := db.Raw(`SELECT t.id, t.kind, t.connection_id, t.created_at, c.name AS company_name, o.environment, o.tenant_id
		FROM staff_tasks t JOIN connections o ON o.id = t.connection_id JOIN companies c ON c.id = t.company_id
		WHERE t.done_at IS NULL `+where+` ORDER BY t.id LIMIT ?`, append(args, queueShown)...).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	return list, nil
}

// StaffView is a connection as our staff see it.
type StaffView struct {
	Connection  Connection
	CompanyName string
	Setup       *QueuedSetup // nil if none is open
	Tasks       []Task
	Events      []Event // newest first
}

// View is one connection. That it was looked at is recorded.
func (d *Desk) View(ctx context.Context, staff Staff, id uuid.UUID) (StaffView, error) {
	v, err := d.look(ctx, id)
	if err != nil {
		return StaffView{}, err
	}
	err = d.connections.db.Write(ctx, func(tx *gorm.DB) error {
		return record(tx, Event{
			CompanyID: v.Connection.CompanyID, ConnectionID: &id, Kind: EventStaffViewed,
			ActorName: supportName, StaffName: staff.Name, SupportCode: staff.SupportCode, At: d.connections.db.Now(),
		})
	})
	if err != nil {
		return StaffView{}, fmt.Errorf("record view: %w", err)
	}
	return v, nil
}

func (d *Desk) look(ctx context.Context, id uuid.UUID) (v StaffView, err error) {
	db := d.connections.db.Read(ctx)
	if err := db.Where("id = ?", id).Take(&v.Connection).Error; err != nil {
		return v, found(err, "view connection")
	}
	setups, err := waiting(db, "s.connection_id = ?", id)
	if err != nil {
		return v, err
	}
	if len(setups) > 0 {
		v.Setup = &setups[0]
	}
	if v.Tasks, err = openTasks(db, "AND t.connection_id = ?", []any{id}); err != nil {
		return v, err
	}
	if err := db.Raw("SELECT name FROM companies WHERE id = ?", v.Connection.CompanyID).Scan(&v.CompanyName).Error; err != nil {
		return v, fmt.Errorf("view company: %w", err)
	}
	// Who has looked is for the audit, not for the one who looks.
	err = db.Where("connection_id = ? AND kind <> ?", id, EventStaffViewed).Order("id DESC").Limit(eventsShown).Find(&v.Events).Error
	if err != nil {
		return v, fmt.Errorf("view timeline: %w", err)
	}
	return v, nil
}
