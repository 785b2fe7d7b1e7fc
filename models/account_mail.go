package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// accountMailsKept is how long mails about accounts stay.
const accountMailsKept = 90 * 24 * time.Hour

// accountMail is a mail to the person whose account it is about. It holds no
// text that anybody wrote.
type accountMail struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	UserID    uuid.UUID
	Kind      MailKind
	Tries     int
	NextTryAt *time.Time
	SentAt    *time.Time
	CreatedAt time.Time
}

// table is where the mail is queued.
func (m Mail) table() string {
	if m.ConnectionID == uuid.Nil {
		return accountMails
	}
	return "mails"
}

const (
	// accountMails is the table of mails about accounts.
	accountMails = "account_mails"
	// outgoingAccountMails reads them with what their text tells of.
	outgoingAccountMails = `SELECT m.id, 'mail' AS channel, m.kind, m.tries, m.next_try_at, m.created_at, u.email AS recipient, u.name AS recipient_name
		FROM account_mails m JOIN users u ON u.id = m.user_id`
)

// tellOfTries writes to an account's owner, at most once a day, that strangers
// make many tries. For an unknown email it does the same but for the mail.
func (a *Accounts) tellOfTries(ctx context.Context, email string, user User, strange int) error {
	if strange < signInAlarm.tries {
		return nil
	}
	err := a.limited(ctx, []string{signInTold.key(email)}, func(tx *gorm.DB, now time.Time) error {
		if err := signInTold.take(tx, email, now); err != nil {
			return err
		}
		if user.PasswordHash == "" { // nobody's, or one that cannot be signed in to yet
			return nil
		}
		mail := accountMail{ID: newID(), UserID: user.ID, Kind: MailSignInTries, NextTryAt: &now, CreatedAt: now}
		if err := tx.Create(&mail).Error; err != nil {
			return fmt.Errorf("queue mail: %w", err)
		}
		return nil
	})
	if _, told := errors.AsType[*ThrottledError](err); told {
		return nil
	}
	return err
}

// dueToAccounts takes mails about accounts whose time has come: nobody else has
// them for a while. Those to people who may no longer sign in are given up.
func (o *Outbox) dueToAccounts(ctx context.Context) ([]Mail, error) {
	var waiting []int
	err := o.db.Read(ctx).Raw("SELECT 1 FROM account_mails WHERE next_try_at <= ? LIMIT 1", o.db.Now()).Scan(&waiting).Error
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	var list []Mail
	err = o.db.Write(ctx, func(tx *gorm.DB) error {
		list = nil // of an earlier run
		now, err := o.db.sharedNow(tx)
		if err != nil {
			return err
		}
		var ids []uuid.UUID
		err = tx.Model(&accountMail{}).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_try_at <= ?", now).Order("next_try_at").Limit(leasedAtOnce).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		err = errors.Join(
			tx.Model(&accountMail{}).Where("id IN ?", ids).
				Updates(map[string]any{"tries": gorm.Expr("tries + 1"), "next_try_at": now.Add(messageLease)}).Error,
			tx.Model(&accountMail{}).Where("id IN ? AND user_id IN (SELECT id FROM users WHERE disabled_at IS NOT NULL)", ids).
				Update("next_try_at", nil).Error,
		)
		if err != nil {
			return err
		}
		return tx.Raw(outgoingAccountMails+" WHERE m.id IN ? AND m.next_try_at IS NOT NULL ORDER BY m.id", ids).Scan(&list).Error
	})
	if err != nil {
		return nil, fmt.Errorf("take mails about accounts: %w", err)
	}
	return list, nil
}
