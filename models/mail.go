package models

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// MailKind is what a mail is about.
type MailKind string

const (
	// MailReconnectNeeded says that a person must reconnect. Each recipient gets one
	// per incident.
	MailReconnectNeeded MailKind = "reconnect_needed"
	// MailWorksAgain says that an incident is over. It goes to the recipients of
	// MailReconnectNeeded.
	MailWorksAgain MailKind = "works_again"
	// MailUpgradeNeeded says that a new version of the app waits for an admin to
	// allow it.
	MailUpgradeNeeded MailKind = "upgrade_needed"
	// MailSetupAllow reminds a company that its ServiceTitan admin has to allow the app, so
	// that a guided setup can continue.
	MailSetupAllow MailKind = "setup_allow"
	// MailSetupTenant reminds a company that the tenant ID of a guided setup has to be
	// corrected.
	MailSetupTenant MailKind = "setup_tenant"
)

// Mail is a message that waits to be sent through its channel, or was sent. It
// holds no secret.
type Mail struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	Channel      Channel
	CompanyID    uuid.UUID
	ConnectionID uuid.UUID
	Kind         MailKind
	Reason       Reason
	Recipient    string
	Tries        int
	// NextTryAt is when the message is next due. It is in the future while an
	// instance sends the message, and nil once the message was sent or given up.
	NextTryAt *time.Time
	SentAt    *time.Time
	CreatedAt time.Time
}

// MailHold is how long a mail that tells somebody to reconnect waits. If many connections
// are refused at once, this is about as long as it takes to see that it is an outage.
const MailHold = 5 * time.Minute

// queueMails queues a mail to each person who is to get mails about incidents. It
// runs in the transaction of the change, so that each incident is reported once.
func queueMails(tx *gorm.DB, c Connection, kind MailKind, reason Reason, now time.Time) error {
	recipients, err := MailRecipients(tx, c, now)
	if err != nil {
		return err
	}
	return addMails(tx, c, kind, reason, emailsOf(recipients), now)
}

func addMails(tx *gorm.DB, c Connection, kind MailKind, reason Reason, recipients []string, now time.Time) error {
	due := now
	if kind == MailReconnectNeeded {
		due = now.Add(MailHold)
	}
	return addMailsDue(tx, c, kind, reason, recipients, due, now)
}

func addMailsDue(tx *gorm.DB, c Connection, kind MailKind, reason Reason, recipients []string, due, now time.Time) error {
	for _, recipient := range recipients {
		mail := Mail{
			ID: database.NewID(), Channel: MailChannel, CompanyID: c.CompanyID, ConnectionID: c.ID, Kind: kind, Reason: reason, Recipient: recipient,
			NextTryAt: &due, CreatedAt: now,
		}
		if err := tx.Create(&mail).Error; err != nil {
			return fmt.Errorf("queue mail: %w", err)
		}
	}
	return nil
}

// queueWorksAgain queues a mail to each person who was told of the incident that
// began at since. Mails about the incident that have not been sent are deleted,
// and their recipients get neither mail.
func queueWorksAgain(tx *gorm.DB, c Connection, since *time.Time, now time.Time) error {
	if err := dropReconnectMails(tx, c); err != nil {
		return err
	}
	return tellThoseWhoWereTold(tx, c, since, now)
}

// tellThoseWhoWereTold queues a mail to each person who got one about an incident that
// began at since. A nil since is no incident.
func tellThoseWhoWereTold(tx *gorm.DB, c Connection, since *time.Time, now time.Time) error {
	if since == nil {
		return nil
	}
	var told []string
	err := tx.Raw("SELECT DISTINCT recipient FROM mails WHERE connection_id = ? AND channel = ? AND kind = ? AND created_at >= ? ORDER BY recipient",
		c.ID, MailChannel, MailReconnectNeeded, *since).Scan(&told).Error
	if err != nil {
		return fmt.Errorf("find recipients of the incident: %w", err)
	}
	if told, err = belowMailLimit(tx, told, now); err != nil {
		return err
	}
	return addMails(tx, c, MailWorksAgain, ReasonNone, told, now)
}

// dropReconnectMails deletes the mails that would tell somebody to reconnect and have not
// been sent.
func dropReconnectMails(tx *gorm.DB, c Connection) error {
	err := tx.Where("connection_id = ? AND channel = ? AND kind = ? AND sent_at IS NULL", c.ID, MailChannel, MailReconnectNeeded).Delete(&Mail{}).Error
	if err != nil {
		return fmt.Errorf("delete unsent mails: %w", err)
	}
	return nil
}

// OutgoingMail is a mail with everything that its text mentions.
type OutgoingMail struct {
	Mail
	RecipientName, CompanyName, TenantName string
	TenantID                               int64
	Environment                            servicetitan.EnvironmentName
	// Account is set for a mail about an account, which is about no connection.
	Account *accounts.PreparedMail `gorm:"-"`
}

// outgoingMails selects OutgoingMail rows.
const outgoingMails = `SELECT m.*, u.name AS recipient_name, c.name AS company_name, o.tenant_name, o.tenant_id, o.environment
	FROM mails m JOIN companies c ON c.id = m.company_id JOIN connections o ON o.id = m.connection_id
	JOIN users u ON u.email = m.recipient`

// sentShown is the most mails that Sent lists.
const sentShown = 200

// mailTransport returns the transport of MailChannel. It reads the current values
// of everything that the text mentions and passes them to send.
func mailTransport(db *database.DB, send func(context.Context, OutgoingMail) error) transport {
	return func(ctx context.Context, m Mail) error {
		if m.table() == accountMails {
			prepared, err := accounts.PrepareMail(ctx, db, m.ID)
			if err != nil {
				return err
			}
			return send(ctx, OutgoingMail{Mail: m, Account: &prepared})
		}
		var list []OutgoingMail
		if err := db.Read(ctx).Raw(outgoingMails+" WHERE m.id = ?", m.ID).Scan(&list).Error; err != nil {
			return fmt.Errorf("read mail: %w", err)
		}
		if len(list) == 0 {
			return fmt.Errorf("read mail: %w", database.ErrNotFound)
		}
		return send(ctx, list[0])
	}
}

// Sent returns the mails that were sent last, oldest first. Names in them are the
// current ones.
func (o *Outbox) Sent(ctx context.Context) ([]OutgoingMail, error) {
	var list []OutgoingMail
	// IDs are in order of time, so the database stops reading once it has enough.
	err := o.db.Read(ctx).Raw(outgoingMails+" WHERE m.channel = ? AND m.sent_at IS NOT NULL ORDER BY m.id DESC LIMIT ?", MailChannel, sentShown).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list sent mails: %w", err)
	}
	slices.SortFunc(list, func(a, b OutgoingMail) int {
		return cmp.Or(a.SentAt.Compare(*b.SentAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return list, nil
}
