package support

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
)

// StaffView is a connection as our staff see it.
type StaffView struct {
	Connection models.Connection
	// Check is what the checks of the connection have found; zero before the first.
	Check   models.Check
	Company accounts.Company
	Setup   *QueuedSetup // nil if none is open
	Tasks   []Task
	Events  []models.Event // newest first
	// Older says that there are events before these.
	Older  bool
	Days   []connect.RenewalDay // oldest first; none if it was never connected
	Stored keeper.Stored
	Mails  []SentMail
	Keys   []accounts.APIKey // the company's, without their hashes
	Owners []Person
	Looks  []Look
	Notes  []Note // newest first
	// Reads says which keys read the token, newest first.
	Reads []accounts.TokenReads
	// Calls are the hours of the last day in which programs made calls, newest first.
	Calls []calls.Hour
}

// SentMail is a mail about a connection that was sent, waits, or was given up.
type SentMail struct {
	Kind models.MailKind
	// To is the recipient's name, or the masked address if nobody has it.
	To        string
	SentAt    *time.Time
	NextTryAt *time.Time // nil if it was sent or given up
	CreatedAt time.Time
}

// Look says when a staff member last looked at a connection.
type Look struct {
	StaffName string
	At        time.Time
}

const (
	// eventsViewed is the most events on a staff page.
	eventsViewed = 15
	mailsShown   = 10
	looksShown   = 5
	// looksRead is how many of the newest looks are read to find the last one of each
	// staff member.
	looksRead  = 50
	keysShown  = 50
	ownersSeen = 20
)

// TimelinePlace is a place of a connection's timeline.
type TimelinePlace struct {
	Part models.TimelinePart
	// Before is the event before which the events are; nil for the newest.
	Before *uuid.UUID
}

// View returns one connection with the events at a place of its timeline, or
// ErrNotFound. It records that staff looked at the connection.
func (s *Support) View(ctx context.Context, staff accounts.Staff, id uuid.UUID, at TimelinePlace) (StaffView, error) {
	v, err := s.look(ctx, id, at)
	if err != nil {
		return StaffView{}, err
	}
	if err := s.lookedAt(ctx, staff, v.Connection); err != nil {
		return StaffView{}, err
	}
	return v, nil
}

// lookedAt records that staff looked at connections.
func (s *Support) lookedAt(ctx context.Context, staff accounts.Staff, connections ...models.Connection) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		for _, c := range connections {
			if err := models.RecordSeries(tx, eventBy(staff, c, models.EventStaffViewed, s.db.Now())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record view: %w", err)
	}
	return nil
}

func (s *Support) look(ctx context.Context, id uuid.UUID, at TimelinePlace) (v StaffView, err error) {
	db := s.db.Read(ctx)
	if v.Connection, v.Check, err = checkedConnection(db, id); err != nil {
		return v, err
	}
	if err := db.Where("id = ?", v.Connection.CompanyID).Take(&v.Company).Error; err != nil {
		return v, database.Found(err, "view company")
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
	// Looks are listed separately.
	if v.Events, v.Older, err = eventsBefore(db.Where("connection_id = ? AND kind <> 'staff_viewed' AND "+at.Part.Selects(), id), at.Before); err != nil {
		return v, err
	}
	if !v.Connection.ConnectedAt.IsZero() {
		if v.Days, err = s.connections.Health(ctx, v.Connection); err != nil {
			return v, err
		}
	}
	if v.Stored, err = keeper.StoredOf(db, id); err != nil {
		return v, err
	}
	if v.Mails, err = sentMails(db, id); err != nil {
		return v, err
	}
	if v.Keys, err = keysOf(db, v.Company.ID); err != nil {
		return v, err
	}
	if v.Owners, err = peopleOf(db.Where("m.role = 'owner'"), v.Company.ID, ownersSeen); err != nil {
		return v, err
	}
	if v.Looks, err = looks(db, id); err != nil {
		return v, err
	}
	if v.Reads, err = accounts.TokenReadsOf(db, id); err != nil {
		return v, err
	}
	if v.Calls, err = calls.HoursOf(db, id, s.db.Now()); err != nil {
		return v, err
	}
	v.Notes, err = notes(db, "connection_id = ?", id, notesShown)
	return v, err
}

// checkedConnection returns a connection, with what its checks have found.
func checkedConnection(db *gorm.DB, id uuid.UUID) (models.Connection, models.Check, error) {
	var row struct {
		models.Connection
		Check models.Check `gorm:"embedded;embeddedPrefix:check_"`
	}
	result := db.Raw(`SELECT c.*, k.due_at AS check_due_at, k.tried_at AS check_tried_at, k.answered_at AS check_answered_at,
			k.failures AS check_failures, k.failing_since AS check_failing_since, k.reason AS check_reason
		FROM connections c LEFT JOIN checks k ON k.connection_id = c.id WHERE c.id = ?`, id).Scan(&row)
	if result.Error == nil && result.RowsAffected == 0 {
		result.Error = gorm.ErrRecordNotFound
	}
	return row.Connection, row.Check, database.Found(result.Error, "find connection")
}

// eventsBefore returns the newest of the events that a query selects, newest first.
// If before is not nil, they are older than the event with that ID. Older says that
// there are more.
func eventsBefore(query *gorm.DB, before *uuid.UUID) (events []models.Event, older bool, err error) {
	if before != nil {
		query = query.Where("id < ?", *before)
	}
	if err := query.Order("id DESC").Limit(eventsViewed + 1).Find(&events).Error; err != nil {
		return nil, false, fmt.Errorf("view timeline: %w", err)
	}
	if len(events) > eventsViewed {
		return events[:eventsViewed], true, nil
	}
	return events, false, nil
}

func sentMails(db *gorm.DB, id uuid.UUID) ([]SentMail, error) {
	var rows []struct {
		SentMail
		Name, Recipient string
	}
	err := db.Raw(`SELECT m.kind, m.recipient, m.sent_at, m.next_try_at, m.created_at, coalesce(u.name, '') AS name
		FROM mails m LEFT JOIN users u ON u.email = m.recipient WHERE m.connection_id = ? AND m.channel = ? ORDER BY m.id DESC LIMIT ?`, id, models.MailChannel, mailsShown).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("view mails: %w", err)
	}
	mails := make([]SentMail, len(rows))
	for i, row := range rows {
		mails[i] = row.SentMail
		if mails[i].To = row.Name; row.Name == "" {
			mails[i].To = maskedEmail(row.Recipient)
		}
	}
	return mails, nil
}

// maskedEmail returns an address with its name reduced to the first letter.
func maskedEmail(email string) string {
	name, host, _ := strings.Cut(email, "@")
	for _, first := range name {
		return string(first) + "…@" + host
	}
	return "…"
}

// keysOf returns a company's API keys: first those that were not revoked, each newest
// first.
func keysOf(db *gorm.DB, companyID uuid.UUID) ([]accounts.APIKey, error) {
	var keys []accounts.APIKey
	err := db.Select("id", "company_id", "name", "reads", "last_used_at", "created_at", "expires_at", "revoked_at", "refused", "refused_at", "refused_address").
		Where("company_id = ?", companyID).Order("revoked_at IS NOT NULL, id DESC").Limit(keysShown).Find(&keys).Error
	if err != nil {
		return nil, fmt.Errorf("view API keys: %w", err)
	}
	return keys, nil
}

// looks returns the last look of each of the staff members who looked last.
func looks(db *gorm.DB, id uuid.UUID) ([]Look, error) {
	var all []Look
	err := db.Raw("SELECT staff_name, at FROM events WHERE connection_id = ? AND kind = 'staff_viewed' ORDER BY id DESC LIMIT ?", id, looksRead).Scan(&all).Error
	if err != nil {
		return nil, fmt.Errorf("view looks: %w", err)
	}
	var last []Look
	seen := map[string]bool{}
	for _, l := range all {
		if !seen[l.StaffName] && len(last) < looksShown {
			seen[l.StaffName] = true
			last = append(last, l)
		}
	}
	return last, nil
}
