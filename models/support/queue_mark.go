package support

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// MarkChange is the last thing that somebody did with an item of the queue.
type MarkChange string

// The changes.
const (
	ItemTaken    MarkChange = "taken"
	ItemGiven    MarkChange = "given"
	ItemReleased MarkChange = "released"
	ItemSnoozed  MarkChange = "snoozed"
	ItemWoken    MarkChange = "woken"
)

// Assigns reports whether the change is about who works on the item.
func (c MarkChange) Assigns() bool { return c == ItemTaken || c == ItemGiven || c == ItemReleased }

// QueueMark is the row of an item that somebody has changed.
type QueueMark struct {
	Source       string    `gorm:"primaryKey"`
	ItemID       uuid.UUID `gorm:"primaryKey"`
	CompanyID    uuid.UUID
	Version      int
	AssigneeID   *uuid.UUID
	SnoozedAt    *time.Time
	SnoozedUntil *time.Time
	SnoozeReason string
	Change       MarkChange
	ChangedByID  uuid.UUID
	ChangedAt    time.Time
}

// ItemRef identifies an item of the queue, as a page showed it.
type ItemRef struct {
	Kind ItemKind
	ID   uuid.UUID
	// Version is the one that the page showed.
	Version int
}

// ChangedError says that somebody else changed an item after a page had shown it.
type ChangedError struct {
	Change MarkChange
	// ByName is who changed it, and ToName is who works on it now. Both are empty if they
	// no longer belong to our staff.
	ByName, ToName string
	At             time.Time
}

// Error returns what happened, without names.
func (e *ChangedError) Error() string { return "item was " + string(e.Change) + " by somebody else" }

var (
	// ErrItemDone says that an item no longer waits.
	ErrItemDone = errors.New("item of the queue is done")
	// ErrNoColleague says that an item cannot be given to somebody who is not on our staff.
	ErrNoColleague = errors.New("person is not on our staff")
	// ErrSnoozeReason says that the reason to put an item off is too long or looks like a
	// secret.
	ErrSnoozeReason = errors.New("reason cannot be kept")
)

// LongestSnoozeReason is the most characters in the reason to put an item off.
const LongestSnoozeReason = 200

// Assign gives an item to a member of our staff, or to nobody if to is nil. It returns a
// *ChangedError if somebody else changed the item first.
func (s *Support) Assign(ctx context.Context, staff accounts.Staff, item ItemRef, to *uuid.UUID) error {
	return s.mark(ctx, staff, item, func(tx *gorm.DB, m *QueueMark) error {
		switch {
		case to == nil:
			m.Change = ItemReleased
		case *to == staff.UserID:
			m.Change = ItemTaken
		default:
			m.Change = ItemGiven
			known, err := isColleague(tx, *to)
			if err != nil {
				return err
			}
			if !known {
				return ErrNoColleague
			}
		}
		m.AssigneeID = to
		return nil
	})
}

// Snooze puts an item off until a time. It comes back by itself then, or as soon as
// something happens to it. The reason may be empty.
func (s *Support) Snooze(ctx context.Context, staff accounts.Staff, item ItemRef, until time.Time, reason string) error {
	reason = strings.TrimSpace(reason)
	if _, problem := ParseNote(reason); problem != NoteFine && problem != NoteEmpty || utf8.RuneCountInString(reason) > LongestSnoozeReason {
		return ErrSnoozeReason
	}
	return s.mark(ctx, staff, item, func(_ *gorm.DB, m *QueueMark) error {
		m.Change, m.SnoozedAt, m.SnoozedUntil, m.SnoozeReason = ItemSnoozed, &m.ChangedAt, &until, reason
		return nil
	})
}

// Wake brings back an item that was put off.
func (s *Support) Wake(ctx context.Context, staff accounts.Staff, item ItemRef) error {
	return s.mark(ctx, staff, item, func(_ *gorm.DB, m *QueueMark) error {
		m.Change, m.SnoozedAt, m.SnoozedUntil, m.SnoozeReason = ItemWoken, nil, nil, ""
		return nil
	})
}

// mark changes the mark of an item that still waits, if nobody has changed it since it was
// shown.
func (s *Support) mark(ctx context.Context, staff accounts.Staff, item ItemRef, change func(*gorm.DB, *QueueMark) error) error {
	i := slices.IndexFunc(itemKinds, QueueItem{Kind: item.Kind}.of)
	if i < 0 {
		return database.ErrNotFound
	}
	kind := itemKinds[i]
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		// The lock makes the second of two people see what the first one did.
		var companies []uuid.UUID
		err := database.ForUpdate(tx).Table(kind.table+" AS i").Where("i.id = ? AND "+kind.where, item.ID).Limit(1).Pluck("i.company_id", &companies).Error
		if err != nil {
			return fmt.Errorf("find item: %w", err)
		}
		if len(companies) == 0 {
			return ErrItemDone
		}
		m := QueueMark{Source: string(kind.source), ItemID: item.ID, CompanyID: companies[0]}
		var found []QueueMark
		if err := tx.Where("source = ? AND item_id = ?", m.Source, m.ItemID).Find(&found).Error; err != nil {
			return fmt.Errorf("find mark: %w", err)
		}
		if len(found) > 0 {
			m = found[0]
		}
		if m.Version != item.Version {
			return changedBy(tx, m)
		}
		m.Version, m.ChangedByID, m.ChangedAt = m.Version+1, staff.UserID, s.db.Now()
		if err := change(tx, &m); err != nil {
			return err
		}
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&m).Error
	})
	if err != nil {
		return fmt.Errorf("change item of the queue: %w", err)
	}
	return nil
}

// changedBy returns the error that says who changed an item.
func changedBy(tx *gorm.DB, m QueueMark) error {
	changed := &ChangedError{Change: m.Change, At: m.ChangedAt}
	var people []Colleague
	ids := []uuid.UUID{m.ChangedByID}
	if m.AssigneeID != nil {
		ids = append(ids, *m.AssigneeID)
	}
	if err := tx.Raw("SELECT id, name FROM users WHERE id IN ? AND staff_role <> ''", ids).Scan(&people).Error; err != nil {
		return fmt.Errorf("find staff: %w", err)
	}
	for _, p := range people {
		if p.ID == m.ChangedByID {
			changed.ByName = p.Name
		}
		if m.AssigneeID != nil && p.ID == *m.AssigneeID {
			changed.ToName = p.Name
		}
	}
	return changed
}

// ChangedItem is an item of the queue that a staff member changed.
type ChangedItem struct {
	Ref         ItemRef
	CompanyName string
	Change      MarkChange
	Mark        Mark
}

// Changed returns an item that a staff member was the last to change. ok is false if
// somebody else was.
func (s *Support) Changed(ctx context.Context, staff accounts.Staff, kind ItemKind, id uuid.UUID) (item ChangedItem, ok bool, err error) {
	i := slices.IndexFunc(itemKinds, QueueItem{Kind: kind}.of)
	if i < 0 {
		return item, false, nil
	}
	var rows []struct {
		CompanyName string
		Change      MarkChange
		Mark
	}
	err = s.db.Read(ctx).Raw(`SELECT c.name AS company_name, m.change, m.version, m.assignee_id, coalesce(a.name, '') AS assignee_name, m.snoozed_until, m.snooze_reason
		FROM queue_marks m JOIN companies c ON c.id = m.company_id LEFT JOIN users a ON a.id = m.assignee_id
		WHERE m.source = ? AND m.item_id = ? AND m.changed_by_id = ?`, itemKinds[i].source, id, staff.UserID).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return item, false, err
	}
	row := rows[0]
	return ChangedItem{Ref: ItemRef{Kind: kind, ID: id, Version: row.Version}, CompanyName: row.CompanyName, Change: row.Change, Mark: row.Mark}, true, nil
}

// SnoozeFor is how long an item is put off.
type SnoozeFor string

// The choices.
const (
	SnoozeHour     SnoozeFor = "hour"
	SnoozeTomorrow SnoozeFor = "tomorrow"
	SnoozeWeek     SnoozeFor = "week"
)

// SnoozesFor returns every choice, shortest first.
func SnoozesFor() []SnoozeFor { return []SnoozeFor{SnoozeHour, SnoozeTomorrow, SnoozeWeek} }

// backAt is the hour of the day at which an item comes back that is put off for days.
const backAt = 9 * time.Hour

// Until returns when an item comes back: an hour later, tomorrow at 9:00, or on the next
// Monday at 9:00, in the zone of now. ok is false for an unknown choice.
func (f SnoozeFor) Until(now time.Time) (until time.Time, ok bool) {
	switch f {
	case SnoozeHour:
		return now.Add(time.Hour), true
	case SnoozeTomorrow:
		return midnight(now).AddDate(0, 0, 1).Add(backAt), true
	case SnoozeWeek:
		return midnight(now).AddDate(0, 0, 1+(7-int(now.Weekday()))%7).Add(backAt), true
	}
	return time.Time{}, false
}
