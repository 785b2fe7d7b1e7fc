package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// table returns the table in which the mail is queued.
func (m Mail) table() string {
	if m.ConnectionID == uuid.Nil {
		return accountMails
	}
	return "mails"
}

const (
	// accountMails is the table of mails about accounts.
	accountMails = "account_mails"
	// outgoingAccountMails selects mails about accounts as Mail rows.
	outgoingAccountMails = "SELECT m.id, 'mail' AS channel, m.kind, m.recipient, m.tries, m.next_try_at, m.created_at FROM account_mails m"
)

// dueToAccounts takes a batch of due mails about accounts for messageLease. It
// gives up mails to people who may no longer sign in.
func (o *Outbox) dueToAccounts(ctx context.Context) ([]Mail, error) {
	var waiting []int
	err := o.db.Read(ctx).Raw("SELECT 1 FROM account_mails WHERE next_try_at <= ? LIMIT 1", o.db.Now()).Scan(&waiting).Error
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	var list []Mail
	err = o.db.Write(ctx, func(tx *gorm.DB) error {
		list = nil // of an earlier run
		now, err := o.db.SharedNow(tx)
		if err != nil {
			return err
		}
		var ids []uuid.UUID
		err = tx.Table(accountMails).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_try_at <= ?", now).Order("next_try_at").Limit(messagesAtOnce).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		err = errors.Join(
			tx.Table(accountMails).Where("id IN ?", ids).
				Updates(map[string]any{"tries": gorm.Expr("tries + 1"), "next_try_at": now.Add(messageLease)}).Error,
			tx.Table(accountMails).Where("id IN ? AND user_id IN (SELECT id FROM users WHERE disabled_at IS NOT NULL)", ids).
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
