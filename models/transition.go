package models

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Transition is one change of a connection, with the person who made it and the
// reason.
type Transition struct {
	What Change
	At   time.Time
	// By is the person who made the change; zero if nobody did.
	By accounts.Actor
	// Reason is why access failed; empty for any other change.
	Reason Reason
	// SessionID is the connect session through which the change came; uuid.Nil if it
	// came otherwise.
	SessionID uuid.UUID
	// Edit sets the fields that change besides the state; nil if there are none.
	Edit func(*Connection)
	// With writes other rows that belong to the change; nil if there are none. It
	// runs after the connection is saved and before the event is recorded.
	With func(tx *gorm.DB, c Connection) error
}

// Apply changes a connection's state; nothing else does. It saves the connection,
// closes a task that no longer applies, records the event, and queues the
// messages to back ends and people, all in the caller's transaction. The caller has locked the row, or has
// made the connection and not saved it. If the change cannot happen in the
// connection's state, Apply changes nothing and happened is false.
func Apply(tx *gorm.DB, c *Connection, t Transition) (happened bool, err error) {
	to, ok := c.next(t.What)
	if !ok {
		return false, nil
	}
	before := *c
	t.apply(c, to)
	if err := t.save(tx, before, c); err != nil {
		return false, fmt.Errorf("change connection to %s: %w", to, err)
	}
	if t.What == Refused || t.What == LetGo {
		if err := endChecks(tx, *c); err != nil {
			return false, err
		}
	}
	if t.What == PutBack {
		if err := resumeChecks(tx, *c); err != nil {
			return false, err
		}
	}
	if t.With != nil {
		if err := t.With(tx, *c); err != nil {
			return false, err
		}
	}
	moved := to != before.State
	if moved && before.State == Degraded && before.Way != SignInWay {
		if err := endOurSide(tx, *c, t.At); err != nil {
			return false, err
		}
	}
	if moved || !t.What.byItself() {
		err := Record(tx, Event{
			CompanyID: c.CompanyID, ConnectionID: &c.ID, Kind: t.eventKind(before), ActorName: t.By.Name, StaffName: t.By.StaffName,
			Reason: t.Reason, SupportCode: t.By.SupportCode, At: t.At,
		})
		if err != nil {
			return false, err
		}
	}
	if err := t.queueNotices(tx, before, *c); err != nil {
		return false, err
	}
	return true, queueMessages(tx, before, *c, t.At)
}

// apply sets the new state and the fields that depend on it.
func (t Transition) apply(c *Connection, to State) {
	c.State, c.UpdatedAt = to, t.At
	switch t.What {
	case Requested:
		c.SettingUp = true
		if to == Pending {
			c.Reason, c.DisconnectedAt = ReasonNone, nil
		}
	case Authorized, SecretReplaced:
		c.Reason, c.FailingSince, c.Failures, c.UnansweredSince, c.DisconnectedAt = ReasonNone, nil, 0, nil, nil
	case Renewed:
		c.FailingSince, c.Failures, c.DisconnectedAt = nil, 0, nil
		if c.UnansweredSince == nil {
			c.Reason = ReasonNone
		} else if c.Reason == ReasonOurSide {
			c.Reason = ReasonUnavailable // no check fails because of us
		}
	case FailedTemporarily:
		c.Reason = t.Reason
		c.FailingSince = cmp.Or(c.FailingSince, &t.At)
	case Answered:
		if c.UnansweredSince = nil; c.FailingSince == nil {
			c.Reason = ReasonNone
		}
	case Unanswered:
		if c.UnansweredSince = cmp.Or(c.UnansweredSince, &t.At); c.FailingSince == nil {
			c.Reason = t.Reason
		}
	case Refused:
		c.Reason, c.NextRenewalAt = t.Reason, nil
		c.FailingSince = cmp.Or(c.FailingSince, c.UnansweredSince, &t.At)
		c.UnansweredSince = nil
	case PutBack:
		if c.Reason.OfRenewals() {
			c.Failures = max(c.Failures, 1)
		} else if c.UnansweredSince = c.FailingSince; c.Failures == 0 { // only checks failed
			c.FailingSince = nil
		}
		c.Reason = t.Reason
	case LetGo:
		c.Reason, c.FailingSince, c.UnansweredSince, c.NextRenewalAt, c.DisconnectedAt = ReasonNone, nil, nil, nil, &t.At
		c.SecretAt, c.OldSecret, c.SecretReminderAt = nil, NoSecret, nil
	}
	if t.Edit != nil {
		t.Edit(c)
	}
}

// RenewalColumns are the columns that a renewal writes if the state and the reason
// stay the same. No index of the staff lists has any of them, so such a renewal
// updates none of those indexes.
var RenewalColumns = []string{
	"scopes", "upgrade_needed", "generation", "renewed_at", "expires_at", "next_renewal_at", "failures", "failing_since", "updated_at",
}

func (t Transition) save(tx *gorm.DB, before Connection, c *Connection) error {
	switch {
	case before.State == "":
		return addConnection(tx, c)
	case (t.What == Renewed || t.What == FailedTemporarily) && c.State == before.State && c.Reason == before.Reason:
		return tx.Select(RenewalColumns).Updates(c).Error
	}
	// The columns of the unique key never change. Writing them anyway would make
	// PostgreSQL lock the row as if they did, because of the table's trigger, and
	// every insert that refers to the row would wait.
	return tx.Select("*").Omit("CompanyID", "Environment", "TenantID").Updates(c).Error
}

// byItself reports whether renewals or checks cause the change again and again without a
// person. Such a change is recorded as an event only if the state changes.
func (c Change) byItself() bool {
	return c == Renewed || c == FailedTemporarily || c == Answered || c == Unanswered
}

// eventKind returns the kind of event that records the change.
func (t Transition) eventKind(before Connection) EventKind {
	switch t.What {
	case Requested:
		return EventSetupRequested
	case Authorized:
		if before.ConnectedAt.IsZero() { // new, or pending until now
			return EventConnected
		}
		return EventReconnected
	case SecretReplaced:
		return EventSecretReplaced
	case Renewed, Answered:
		return EventRecovered
	case FailedTemporarily, Unanswered, PutBack:
		return EventRetrying
	case Refused:
		return EventReconnectNeeded
	case LetGo:
		if before.State == Pending {
			return EventSetupWithdrawn
		}
		return EventDisconnected
	}
	return ""
}

// queueMessages queues the messages to people about a change.
func queueMessages(tx *gorm.DB, before, c Connection, now time.Time) error {
	switch {
	case c.State == ReconnectNeeded && before.State != ReconnectNeeded:
		if err := queueMails(tx, c, MailReconnectNeeded, c.Reason, now); err != nil {
			return err
		}
	case c.State == Degraded && before.State == ReconnectNeeded:
		if err := dropReconnectMails(tx, c); err != nil {
			return err
		}
	case c.State == Connected && before.State == ReconnectNeeded:
		if err := queueWorksAgain(tx, c, before.FailingSince, now); err != nil {
			return err
		}
	case c.State == Connected && before.State == Degraded:
		// Somebody was told to reconnect if the outage was found too late for PutBack.
		if err := tellThoseWhoWereTold(tx, c, earlier(before.FailingSince, before.UnansweredSince), now); err != nil {
			return err
		}
	}
	if c.UpgradeNeeded && !before.UpgradeNeeded {
		if err := Record(tx, Event{CompanyID: c.CompanyID, ConnectionID: &c.ID, Kind: EventUpgradeNeeded, At: now}); err != nil {
			return err
		}
		return queueMails(tx, c, MailUpgradeNeeded, ReasonNone, now)
	}
	return nil
}

// earlier returns the earlier of two times, of which each may be nil.
func earlier(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}
