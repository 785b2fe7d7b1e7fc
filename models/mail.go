package models

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// MailKind is what a mail tells of.
type MailKind string

const (
	// MailReconnectNeeded: a person must reconnect. One an incident.
	MailReconnectNeeded MailKind = "reconnect_needed"
	// MailWorksAgain goes to those who were told of the incident that is over.
	MailWorksAgain MailKind = "works_again"
	// MailUpgradeNeeded: a new version of the app waits to be allowed.
	MailUpgradeNeeded MailKind = "upgrade_needed"
	// MailSignInTries: strangers try to sign in. It is about an account, and not
	// about a connection.
	MailSignInTries MailKind = "sign_in_tries"
)

// Mail is a message to be sent, or sent. It holds no secret.
type Mail struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	CompanyID    uuid.UUID
	ConnectionID uuid.UUID
	Kind         MailKind
	Reason       Reason
	Recipient    string
	Tries        int
	// NextTryAt is ahead while somebody tries, and nil for what was sent or given
	// up.
	NextTryAt *time.Time
	SentAt    *time.Time
	CreatedAt time.Time
}

// queueMails writes to the company's owners and to whoever connected, in the
// transaction that makes it necessary, so that an incident is told of once.
func queueMails(tx *gorm.DB, c Connection, kind MailKind, reason Reason, now time.Time) error {
	var recipients []string
	err := tx.Raw(`SELECT u.email FROM users u WHERE u.disabled_at IS NULL AND u.staff_role = '' AND u.id IN (
			SELECT m.user_id FROM memberships m WHERE m.company_id = ? AND (m.role = ? OR m.user_id = ?))
		ORDER BY u.email`, c.CompanyID, Owner, c.ConnectedByID).Scan(&recipients).Error
	if err != nil {
		return fmt.Errorf("find whom to write to: %w", err)
	}
	if recipients, err = belowMailLimit(tx, recipients, now); err != nil {
		return err
	}
	return addMails(tx, c, kind, reason, recipients, now)
}

func addMails(tx *gorm.DB, c Connection, kind MailKind, reason Reason, recipients []string, now time.Time) error {
	for _, recipient := range recipients {
		mail := Mail{
			ID: newID(), CompanyID: c.CompanyID, ConnectionID: c.ID, Kind: kind, Reason: reason, Recipient: recipient,
			NextTryAt: &now, CreatedAt: now,
		}
		if err := tx.Create(&mail).Error; err != nil {
			return fmt.Errorf("queue mail: %w", err)
		}
	}
	return nil
}

// queueWorksAgain tells those who were told of an incident that it is over.
// Who has not been told yet need not be told of either.
func queueWorksAgain(tx *gorm.DB, c Connection, since *time.Time, now time.Time) error {
	if err := tx.Where("connection_id = ? AND kind = ? AND sent_at IS NULL", c.ID, MailReconnectNeeded).Delete(&Mail{}).Error; err != nil {
		return fmt.Errorf("take mails back: %w", err)
	}
	if since == nil {
		return nil
	}
	var told []string
	err := tx.Raw("SELECT DISTINCT recipient FROM mails WHERE connection_id = ? AND kind = ? AND created_at >= ? ORDER BY recipient",
		c.ID, MailReconnectNeeded, *since).Scan(&told).Error
	if err != nil {
		return fmt.Errorf("find who was told: %w", err)
	}
	if told, err = belowMailLimit(tx, told, now); err != nil {
		return err
	}
	return addMails(tx, c, MailWorksAgain, ReasonNone, told, now)
}

// OutgoingMail is a mail with all that its text tells of.
type OutgoingMail struct {
	Mail
	RecipientName, CompanyName, TenantName string
	TenantID                               int64
	Environment                            servicetitan.EnvironmentName
}

// outgoingMails reads them.
const outgoingMails = `SELECT m.*, u.name AS recipient_name, c.name AS company_name, o.tenant_name, o.tenant_id, o.environment
	FROM mails m JOIN companies c ON c.id = m.company_id JOIN connections o ON o.id = m.connection_id
	JOIN users u ON u.email = m.recipient`

// sentShown is how many mails Sent lists.
const sentShown = 200

const (
	mailEvery = 5 * time.Second
	// mailLease is for how long the mails of a batch are ours. A mail is begun only
	// if it ends before that: deliverLimit bounds one.
	mailLease        = 2 * time.Minute
	deliverLimit     = 20 * time.Second
	firstMailRetry   = time.Minute
	longestMailRetry = time.Hour
	// mailFor is for how long a mail is tried to be sent.
	mailFor = 72 * time.Hour
)

// Outbox sends what is queued, once though several instances run.
type Outbox struct {
	db   *DB
	send func(context.Context, OutgoingMail) error
	log  *slog.Logger
}

// NewOutbox sends with send, whose errors mean that it is to be tried again.
func NewOutbox(db *DB, send func(context.Context, OutgoingMail) error, log *slog.Logger) *Outbox {
	return &Outbox{db: db, send: send, log: log}
}

// Run sends until the context ends. The mail that is under way then is brought
// to its end, and what was taken and not begun is given back.
func (o *Outbox) Run(ctx context.Context) {
	poll := time.NewTicker(mailEvery)
	defer poll.Stop()
	for {
		taken := time.Now()
		within, cancel := o.db.within(ctx, o.db.limits.work)
		list, err := o.due(within)
		toAccounts, accountErr := o.dueToAccounts(within)
		cancel()
		list, err = append(list, toAccounts...), errors.Join(err, accountErr)
		if err != nil && ctx.Err() == nil {
			o.log.WarnContext(ctx, "mails cannot be read", "error", err)
		}
		o.deliverAll(ctx, list, taken)
		if len(list) > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
}

// due takes mails whose time has come: nobody else has them for a while. Those to
// locked companies wait until they are unlocked.
func (o *Outbox) due(ctx context.Context) ([]OutgoingMail, error) {
	var waiting []int
	err := o.db.Read(ctx).Raw("SELECT 1 FROM mails WHERE next_try_at <= ? AND company_id NOT IN ("+lockedCompanies+") LIMIT 1", o.db.Now()).Scan(&waiting).Error
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	var list []OutgoingMail
	err = o.db.Write(ctx, func(tx *gorm.DB) error {
		list = nil // of an earlier run
		now, err := o.db.sharedNow(tx)
		if err != nil {
			return err
		}
		var mails []Mail
		err = tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_try_at <= ? AND company_id NOT IN ("+lockedCompanies+")", now).Order("next_try_at").Limit(leasedAtOnce).Find(&mails).Error
		if err != nil || len(mails) == 0 {
			return err
		}
		ids := make([]uuid.UUID, len(mails))
		for i, mail := range mails {
			ids[i] = mail.ID
		}
		err = tx.Model(&Mail{}).Where("id IN ?", ids).
			Updates(map[string]any{"tries": gorm.Expr("tries + 1"), "next_try_at": now.Add(mailLease)}).Error
		if err != nil {
			return err
		}
		return tx.Raw(outgoingMails+" WHERE m.id IN ? ORDER BY m.id", ids).Scan(&list).Error
	})
	if err != nil {
		return nil, fmt.Errorf("take mails: %w", err)
	}
	return list, nil
}

// deliverAll sends mails that were taken at a time. It stops when the context
// ends, or when the lease might end before the next mail is sent; then it gives
// back those that are left.
func (o *Outbox) deliverAll(ctx context.Context, list []OutgoingMail, taken time.Time) {
	for i, mail := range list {
		if ctx.Err() != nil || time.Since(taken) > mailLease-deliverLimit {
			o.giveBack(ctx, list[i:])
			return
		}
		o.deliver(context.WithoutCancel(ctx), mail)
	}
}

// giveBack lets others send mails that were taken and not begun, as if nobody
// had tried. Those that somebody else has taken since stay theirs.
func (o *Outbox) giveBack(ctx context.Context, list []OutgoingMail) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	err := o.db.Write(ctx, func(tx *gorm.DB) error {
		for _, mail := range list {
			err := tx.Table(mail.table()).Where("id = ? AND next_try_at = ?", mail.ID, mail.NextTryAt).
				Updates(map[string]any{"tries": gorm.Expr("tries - 1"), "next_try_at": o.db.Now()}).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.log.WarnContext(ctx, "mails were not given back; they go out once their lease has ended", "count", len(list), "error", err)
	}
}

func (o *Outbox) deliver(ctx context.Context, mail OutgoingMail) {
	now := o.db.Now()
	change := map[string]any{"sent_at": now, "next_try_at": nil}
	if err := o.sendOne(ctx, mail); err != nil {
		o.log.WarnContext(ctx, "mail was not sent", "mail", mail.ID, "kind", mail.Kind, "tries", mail.Tries, "error", err)
		wait := longestMailRetry
		if mail.Tries < 6 {
			wait = min(firstMailRetry<<mail.Tries, longestMailRetry)
		}
		change = map[string]any{"next_try_at": now.Add(wait/2 + retry.Spread(wait/2))}
		if now.Sub(mail.CreatedAt) >= mailFor {
			change["next_try_at"] = nil
		}
	}
	err := o.db.Write(ctx, func(tx *gorm.DB) error { return tx.Table(mail.table()).Where("id = ?", mail.ID).Updates(change).Error })
	if err != nil {
		o.log.ErrorContext(ctx, "mail is not marked", "mail", mail.ID, "error", err)
	}
}

func (o *Outbox) sendOne(ctx context.Context, mail OutgoingMail) error {
	ctx, cancel := context.WithTimeout(ctx, deliverLimit)
	defer cancel()
	return o.send(ctx, mail)
}

// Sent are the last mails that were sent, in that order. Names in them are as
// they are now.
func (o *Outbox) Sent(ctx context.Context) ([]OutgoingMail, error) {
	var list []OutgoingMail
	// IDs are in order of time, so the reading ends once it has enough.
	err := o.db.Read(ctx).Raw(outgoingMails+" WHERE m.sent_at IS NOT NULL ORDER BY m.id DESC LIMIT ?", sentShown).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list sent mails: %w", err)
	}
	slices.SortFunc(list, func(a, b OutgoingMail) int {
		return cmp.Or(a.SentAt.Compare(*b.SentAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return list, nil
}
