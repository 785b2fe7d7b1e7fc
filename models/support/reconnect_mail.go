package support

import (
	"cmp"
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
)

// MailProblem is the reason why staff cannot send a reconnect mail now.
type MailProblem string

// The problems with a reconnect mail.
const (
	MailFine MailProblem = ""
	// MailNotNeeded says that the connection does not wait for a reconnect.
	MailNotNeeded MailProblem = "not_needed"
	// MailLocked says that the company is locked, so that its people cannot reconnect.
	MailLocked MailProblem = "locked"
	// MailOutage says that the environment has an outage, in which nobody should reconnect.
	MailOutage MailProblem = "outage"
	// MailWaits says that such a mail has not been sent yet.
	MailWaits MailProblem = "waits"
	// MailTooSoon says that staff have sent one within MailAgain.
	MailTooSoon MailProblem = "too_soon"
	// MailNobody says that nobody at the company can get it.
	MailNobody MailProblem = "nobody"
)

// MailAgain is how long after one reconnect mail staff can send the next one for the same
// connection.
const MailAgain = 24 * time.Hour

// mailsOfStaff limits how many reconnect mails a staff member can send.
var mailsOfStaff = accounts.Limit{Name: "staff-reconnect-mail", Tries: 60, Per: time.Hour}

// ReconnectMail is the mail that tells people of a company to reconnect, before it is sent.
type ReconnectMail struct {
	Connection models.Connection
	Company    accounts.Company
	// To are the people who get it. The company has chosen them.
	To []models.Recipient
	// Problem says why it cannot be sent now. It is MailFine if it can.
	Problem MailProblem
	// LastAt is when staff last sent one within MailAgain; nil if they did not.
	LastAt *time.Time
}

// ReconnectMail returns to whom the reconnect mail of a connection would go, and whether
// it can be sent now.
func (s *Support) ReconnectMail(ctx context.Context, id uuid.UUID) (ReconnectMail, error) {
	db := s.db.Read(ctx)
	connection, err := s.connection(ctx, id)
	if err != nil {
		return ReconnectMail{}, err
	}
	return reconnectMail(db, connection, s.db.Now())
}

// errUnsent rolls back the transaction of a mail that cannot be sent.
var errUnsent = errors.New("the mail cannot be sent")

// SendReconnectMail queues the reconnect mail of a connection, and records who sent it. The
// result's Problem says why nothing was sent. The error is a ThrottledError if the staff
// member has sent too many.
func (s *Support) SendReconnectMail(ctx context.Context, staff accounts.Staff, id uuid.UUID) (m ReconnectMail, err error) {
	connection, err := s.connection(ctx, id)
	if err != nil {
		return m, err
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		// The lock makes the second of two requests see the mail of the first.
		current, err := models.GetConnection(database.ForUpdate(tx), connection.CompanyID, id)
		if err != nil {
			return err
		}
		now := s.db.Now()
		if m, err = reconnectMail(tx, current, now); err != nil {
			return err
		}
		if m.Problem != MailFine {
			return errUnsent
		}
		if err := mailsOfStaff.Take(tx, staff.UserID.String(), now); err != nil {
			return err
		}
		if err := models.QueueReminder(tx, current, models.MailReconnectNeeded, current.Reason, m.To, now); err != nil {
			return err
		}
		event := eventBy(staff, current, models.EventReconnectMailed, now)
		event.Detail = strconv.Itoa(len(m.To))
		return models.Record(tx, event)
	})
	if err != nil && !errors.Is(err, errUnsent) {
		return m, fmt.Errorf("send reconnect mail: %w", err)
	}
	return m, nil
}

// reconnectMail prepares the reconnect mail of a connection.
func reconnectMail(db *gorm.DB, c models.Connection, now time.Time) (ReconnectMail, error) {
	m := ReconnectMail{Connection: c}
	if err := db.Where("id = ?", c.CompanyID).Take(&m.Company).Error; err != nil {
		return m, database.Found(err, "find company")
	}
	var err error
	if m.To, err = models.MailRecipients(db, c, now); err != nil {
		return m, err
	}
	slices.SortFunc(m.To, func(a, b models.Recipient) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Email, b.Email))
	})
	var state struct {
		Outage, Waits bool
	}
	err = db.Raw(`SELECT EXISTS (SELECT 1 FROM outages WHERE environment = ? AND ended_at IS NULL) AS outage,
		EXISTS (SELECT 1 FROM mails WHERE connection_id = ? AND channel = ? AND kind = ? AND next_try_at IS NOT NULL) AS waits`,
		c.Environment, c.ID, models.MailChannel, models.MailReconnectNeeded).Scan(&state).Error
	if err != nil {
		return m, fmt.Errorf("look for an outage: %w", err)
	}
	var last []time.Time
	err = db.Model(&models.Event{}).Where("connection_id = ? AND kind = ? AND at > ?", c.ID, models.EventReconnectMailed, now.Add(-MailAgain)).
		Order("id DESC").Limit(1).Pluck("at", &last).Error
	if err != nil {
		return m, fmt.Errorf("find the last reconnect mail: %w", err)
	}
	if len(last) > 0 {
		m.LastAt = &last[0]
	}
	switch {
	case c.State != models.ReconnectNeeded:
		m.Problem = MailNotNeeded
	case m.Company.LockedAt != nil:
		m.Problem = MailLocked
	case state.Outage:
		m.Problem = MailOutage
	case m.LastAt != nil:
		m.Problem = MailTooSoon
	case state.Waits:
		m.Problem = MailWaits
	case len(m.To) == 0:
		m.Problem = MailNobody
	}
	return m, nil
}
