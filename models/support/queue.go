package support

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// queueShown is the most setups or tasks of a connection.
	queueShown = 100
	// ItemsShown is the most items on a page of the queue.
	ItemsShown = 50
)

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

// QueueItem is something that waits for our staff or for a company.
type QueueItem struct {
	Kind ItemKind
	// ID identifies the item among those of its kind.
	ID         uuid.UUID
	Connection ListedConnection
	// Since is when it began to wait. Due is when staff should have acted; nil for a kind
	// that is never late.
	Since time.Time
	Due   *time.Time
	Mark  Mark
	// Setup or Task is set if the item is one.
	Setup *QueuedSetup
	Task  *Task
	// Contact is when staff and the company were last in touch about the connection.
	Contact Contact
}

// Late reports whether the item should have been done by now.
func (i QueueItem) Late(now time.Time) bool { return i.Due != nil && !i.Due.After(now) }

// Mark says who works on an item of the queue, and until when it is put off.
type Mark struct {
	// Version counts the changes. It is zero for an item that nobody has changed.
	Version int
	// AssigneeID and AssigneeName are nil and empty if nobody works on the item.
	AssigneeID   *uuid.UUID
	AssigneeName string
	// SnoozedUntil is nil unless the item is put off.
	SnoozedUntil *time.Time
	SnoozeReason string
}

// Contact is when staff and a company were last in touch. A time is nil if there was
// nothing of its kind.
type Contact struct {
	// MailedAt is when the last mail about the connection was sent. NotedAt is when staff
	// wrote the last note, and CalledAt when they last reached an admin to find out who
	// controls the tenant.
	MailedAt, NotedAt, CalledAt *time.Time
}

// QueuePage is a page of the queue. Before and After lead to the pages around it; they are
// zero where there is none.
type QueuePage struct {
	Items         []QueueItem
	Before, After Cursor
	Counts        QueueCounts
	// Colleagues are the people who can be given an item.
	Colleagues []Colleague
	Saved      []SavedView
}

// Colleague is a member of our staff.
type Colleague struct {
	ID   uuid.UUID
	Name string
}

// Queue returns the items at a cursor, those that are due first at the beginning.
func (s *Support) Queue(ctx context.Context, staff accounts.Staff, f QueueFilter, at Cursor) (QueuePage, error) {
	return s.queue(ctx, staff, f, at, ItemsShown)
}

func (s *Support) queue(ctx context.Context, staff accounts.Staff, f QueueFilter, at Cursor, limit int) (QueuePage, error) {
	db, now := s.db.Read(ctx), s.db.Now()
	page, err := queuePlaces(db, staff, f, at, now, limit)
	if err != nil {
		return page, err
	}
	if err := complete(db, page.Items); err != nil {
		return page, err
	}
	if page.Counts, err = countQueue(db, staff, f.Group, now); err != nil {
		return page, err
	}
	if page.Colleagues, err = colleagues(db); err != nil {
		return page, err
	}
	page.Saved, err = savedViews(db, staff, QueueSaved)
	return page, err
}

// colleaguesShown is the most people who are offered.
const colleaguesShown = 200

func colleagues(db *gorm.DB) ([]Colleague, error) {
	var list []Colleague
	err := db.Raw("SELECT id, name FROM users WHERE staff_role <> '' AND disabled_at IS NULL ORDER BY email LIMIT ?", colleaguesShown).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list staff: %w", err)
	}
	return list, nil
}

// isColleague reports whether somebody is on our staff and can sign in.
func isColleague(db *gorm.DB, id uuid.UUID) (bool, error) {
	var n int
	err := db.Raw("SELECT count(*) FROM users WHERE id = ? AND staff_role <> '' AND disabled_at IS NULL", id).Scan(&n).Error
	if err != nil {
		return false, fmt.Errorf("find staff member: %w", err)
	}
	return n > 0, nil
}

// complete reads what items show besides their places.
func complete(db *gorm.DB, items []QueueItem) error {
	if len(items) == 0 {
		return nil
	}
	places := make([]place, len(items))
	ids := make(map[itemSource][]uuid.UUID)
	for i, item := range items {
		places[i] = place{ID: item.Connection.ID}
		ids[item.source()] = append(ids[item.source()], item.ID)
	}
	listed, err := fetch(db, places)
	if err != nil {
		return err
	}
	connections := map[uuid.UUID]ListedConnection{}
	for _, c := range listed {
		connections[c.ID] = c
	}
	contacts, err := contactsOf(db, places)
	if err != nil {
		return err
	}
	setups, tasks := map[uuid.UUID]*QueuedSetup{}, map[uuid.UUID]*Task{}
	if len(ids[fromSetup]) > 0 {
		list, err := waiting(db, "s.id IN ?", ids[fromSetup])
		if err != nil {
			return err
		}
		for i := range list {
			setups[list[i].ID] = &list[i]
		}
	}
	if len(ids[fromTask]) > 0 {
		list, err := openTasks(db, "AND t.id IN ?", []any{ids[fromTask]})
		if err != nil {
			return err
		}
		for i := range list {
			tasks[list[i].ID] = &list[i]
		}
	}
	for i := range items {
		item := &items[i]
		item.Contact = contacts[item.Connection.ID]
		item.Connection = connections[item.Connection.ID]
		item.Setup, item.Task = setups[item.ID], tasks[item.ID]
	}
	return nil
}

// contactsOf returns when staff and companies were last in touch, by connection.
func contactsOf(db *gorm.DB, places []place) (map[uuid.UUID]Contact, error) {
	ids := make([]uuid.UUID, len(places))
	for i, p := range places {
		ids[i] = p.ID
	}
	var rows []struct {
		ID uuid.UUID
		Contact
	}
	err := db.Raw(`SELECT o.id,
			(SELECT m.sent_at FROM mails m WHERE m.connection_id = o.id AND m.sent_at IS NOT NULL ORDER BY m.id DESC LIMIT 1) AS mailed_at,
			(SELECT n.created_at FROM notes n WHERE n.connection_id = o.id ORDER BY n.id DESC LIMIT 1) AS noted_at,
			(SELECT s.proven_reached_at FROM setups s WHERE s.connection_id = o.id AND s.proven_reached_at IS NOT NULL ORDER BY s.id DESC LIMIT 1) AS called_at
		FROM connections o WHERE o.id IN ?`, ids).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("find last contacts: %w", err)
	}
	contacts := map[uuid.UUID]Contact{}
	for _, row := range rows {
		contacts[row.ID] = row.Contact
	}
	return contacts, nil
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
