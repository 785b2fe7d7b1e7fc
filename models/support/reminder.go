package support

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// RemindedAtOnce is the most connections whose companies are reminded at once.
	RemindedAtOnce = 50
	// remindedAgainAfter is the least time between two mails about a connection.
	remindedAgainAfter = 24 * time.Hour
	// recordShown is the most reminders on a page of the record.
	recordShown = 50
)

// remindersOfStaff limits how often a staff member can send reminders.
var remindersOfStaff = accounts.Limit{Name: "reminders", Tries: 30, Per: time.Hour}

// ErrTooManyReminders says that reminders for more than RemindedAtOnce connections were
// asked for.
var ErrTooManyReminders = errors.New("too many reminders at once")

// Skip is the reason why no reminder is sent about a connection.
type Skip string

// The reasons, in the order in which they are looked for.
const (
	NotSkipped Skip = ""
	// NothingToDo means that nothing waits for the company.
	NothingToDo Skip = "nothing_to_do"
	// CompanyLocked means that mails to the company wait until it is unlocked.
	CompanyLocked Skip = "locked"
	// OutageUnderWay means that ServiceTitan fails for many connections, so the company
	// could not do what the mail asks for.
	OutageUnderWay Skip = "outage"
	// MailedLately means that a mail about the connection was sent in the last 24 hours,
	// or is about to be.
	MailedLately Skip = "mailed_lately"
	// NobodyToMail means that nobody of the company has a proven address.
	NobodyToMail Skip = "nobody"
	// InboxesFull means that everybody who would get the mail has got too many today.
	InboxesFull Skip = "inboxes_full"
)

// MailReminder is a mail that reminds a company of what it has to do for a connection.
type MailReminder struct {
	Connection ListedConnection
	Kind       models.MailKind
	Reason     models.Reason
	To         []models.Recipient
	// Skip says why the mail is not sent; empty if it is.
	Skip Skip
	// LastAt is when the last mail of the last 24 hours was queued; nil if there was none.
	LastAt *time.Time
}

// Mail returns the mail as the outbox sends it, for a preview of its words.
func (r MailReminder) Mail() models.OutgoingMail {
	return models.OutgoingMail{
		Mail:        models.Mail{Kind: r.Kind, Reason: r.Reason, CompanyID: r.Connection.CompanyID, ConnectionID: r.Connection.ID},
		CompanyName: r.Connection.CompanyName, TenantName: r.Connection.TenantName, TenantID: r.Connection.TenantID, Environment: r.Connection.Environment,
	}
}

// PreviewReminders returns what SendReminders would do now. Unknown connections are left
// out.
func (s *Support) PreviewReminders(ctx context.Context, ids []uuid.UUID) ([]MailReminder, error) {
	if len(ids) > RemindedAtOnce {
		return nil, ErrTooManyReminders
	}
	return reminders(s.db.Read(ctx), ids, s.db.Now())
}

// SendReminders queues a mail about each connection whose company has something to do:
// reconnect, take its step in a guided setup, or allow a new version of the app. It
// records who sent it, and returns each connection with the people who get the mail, or
// with the reason why there is none. A staff member can send only so many within an hour.
// The error is ErrTooManyReminders if there are more than RemindedAtOnce connections.
func (s *Support) SendReminders(ctx context.Context, staff accounts.Staff, ids []uuid.UUID) ([]MailReminder, error) {
	if len(ids) > RemindedAtOnce {
		return nil, ErrTooManyReminders
	}
	var list []MailReminder
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		// The lock makes the second of two requests see the mails of the first.
		var locked []uuid.UUID
		if err := database.ForUpdate(tx).Model(&models.Connection{}).Where("id IN ?", ids).Order("id").Pluck("id", &locked).Error; err != nil {
			return fmt.Errorf("lock connections: %w", err)
		}
		now := s.db.Now()
		if err := remindersOfStaff.Take(tx, staff.UserID.String(), now); err != nil {
			return err
		}
		var err error
		if list, err = reminders(tx, ids, now); err != nil {
			return err
		}
		for _, r := range list {
			if err := r.send(tx, staff, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("send reminders: %w", err)
	}
	return list, nil
}

// send queues the mail and records who sent it.
func (r MailReminder) send(tx *gorm.DB, staff accounts.Staff, now time.Time) error {
	if r.Skip != NotSkipped {
		return nil
	}
	if err := models.QueueReminder(tx, r.Connection.Connection, r.Kind, r.Reason, r.To, now); err != nil {
		return err
	}
	event := eventBy(staff, r.Connection.Connection, models.EventReminded, now)
	if r.Kind == models.MailReconnectNeeded {
		event.Kind = models.EventReconnectMailed
	}
	event.Detail = strconv.Itoa(len(r.To))
	return models.Record(tx, event)
}

// reminders returns the reminders about some connections, in the same order.
func reminders(db *gorm.DB, ids []uuid.UUID, now time.Time) ([]MailReminder, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	places := make([]place, len(ids))
	for i, id := range ids {
		places[i] = place{ID: id}
	}
	listed, err := fetch(db, places)
	if err != nil {
		return nil, err
	}
	b, err := readBackground(db, listed, now)
	if err != nil {
		return nil, err
	}
	list := make([]MailReminder, len(listed))
	for i, c := range listed {
		list[i] = b.reminder(c)
	}
	return list, nil
}

// background is what decides about reminders besides the connections.
type background struct {
	setups map[uuid.UUID]*models.Setup
	people map[uuid.UUID][]models.Recipient
	mailed map[uuid.UUID]time.Time
	// room is how many more mails each address can get today.
	room    map[string]int
	outages []servicetitan.EnvironmentName
}

func readBackground(db *gorm.DB, listed []ListedConnection, now time.Time) (b background, err error) {
	ids, connections := make([]uuid.UUID, len(listed)), make([]models.Connection, len(listed))
	for i, c := range listed {
		ids[i], connections[i] = c.ID, c.Connection
	}
	var setups []models.Setup
	if err := db.Where("connection_id IN ? AND closed_at IS NULL", ids).Find(&setups).Error; err != nil {
		return b, fmt.Errorf("find setups: %w", err)
	}
	b.setups = map[uuid.UUID]*models.Setup{}
	for i := range setups {
		b.setups[setups[i].ConnectionID] = &setups[i]
	}
	if b.people, err = models.RecipientsFor(db, connections); err != nil {
		return b, err
	}
	var emails []string
	for _, people := range b.people {
		for _, p := range people {
			emails = append(emails, p.Email)
		}
	}
	if b.room, err = models.InboxRoom(db, emails, now); err != nil {
		return b, err
	}
	if b.mailed, err = mailedLately(db, ids, now); err != nil {
		return b, err
	}
	if err := db.Raw("SELECT DISTINCT environment FROM outages WHERE ended_at IS NULL").Scan(&b.outages).Error; err != nil {
		return b, fmt.Errorf("find outages: %w", err)
	}
	return b, nil
}

// mailedLately returns when the last mail went out that asks the company to do something,
// for each connection that had one within remindedAgainAfter. A mail that still waits
// counts from when it was queued.
func mailedLately(db *gorm.DB, ids []uuid.UUID, now time.Time) (map[uuid.UUID]time.Time, error) {
	var rows []struct {
		ConnectionID uuid.UUID
		CreatedAt    time.Time
		SentAt       *time.Time
	}
	err := db.Raw(`SELECT connection_id, created_at, sent_at FROM mails
		WHERE connection_id IN ? AND kind <> ? AND (next_try_at IS NOT NULL OR sent_at > ?)`,
		ids, models.MailWorksAgain, now.Add(-remindedAgainAfter)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("find last mails: %w", err)
	}
	last := map[uuid.UUID]time.Time{}
	for _, row := range rows {
		at := row.CreatedAt
		if row.SentAt != nil {
			at = *row.SentAt
		}
		if at.After(last[row.ConnectionID]) {
			last[row.ConnectionID] = at
		}
	}
	return last, nil
}

// reminder returns the reminder about a connection. Its mails take from the room that the
// next ones have.
func (b background) reminder(c ListedConnection) MailReminder {
	r := MailReminder{Connection: c}
	var ok bool
	r.Kind, r.Reason, ok = models.ReminderOf(c.Connection, b.setups[c.ID])
	known := b.people[c.ID]
	r.To = slices.DeleteFunc(slices.Clone(known), func(p models.Recipient) bool { return b.room[p.Email] == 0 })
	if at, mailed := b.mailed[c.ID]; mailed {
		r.LastAt = &at
	}
	switch {
	case !ok:
		r.Skip = NothingToDo
	case c.CompanyLockedAt != nil:
		r.Skip = CompanyLocked
	case slices.Contains(b.outages, c.Environment):
		r.Skip = OutageUnderWay
	case r.LastAt != nil:
		r.Skip = MailedLately
	case len(known) == 0:
		r.Skip = NobodyToMail
	case len(r.To) == 0:
		r.Skip = InboxesFull
	default:
		for _, p := range r.To {
			b.room[p.Email]--
		}
	}
	return r
}

// SentReminder is an entry of the record of reminders.
type SentReminder struct {
	ID           uuid.UUID
	ConnectionID uuid.UUID
	CompanyName  string
	Environment  servicetitan.EnvironmentName
	TenantID     int64
	StaffName    string
	Kind         models.EventKind
	// People is the number of people who were sent the mail.
	People string
	At     time.Time
}

// ReminderRecord returns the reminders that staff sent, newest first. If before is not
// nil, they are older than the one with that ID. Older says that there are more.
func (s *Support) ReminderRecord(ctx context.Context, before *uuid.UUID) (list []SentReminder, older bool, err error) {
	at := uuid.Max
	if before != nil {
		at = *before
	}
	err = s.db.Read(ctx).Raw(`SELECT e.id, e.connection_id, c.name AS company_name, o.environment, o.tenant_id, e.staff_name, e.kind, e.detail AS people, e.at
		FROM events e JOIN connections o ON o.id = e.connection_id JOIN companies c ON c.id = e.company_id
		WHERE e.kind IN ('reconnect_mailed', 'reminded') AND e.id < ? ORDER BY e.id DESC LIMIT ?`, at, recordShown+1).Scan(&list).Error
	if err != nil {
		return nil, false, fmt.Errorf("list reminders: %w", err)
	}
	if len(list) > recordShown {
		return list[:recordShown], true, nil
	}
	return list, false, nil
}
