package models

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

// Channel is a way to send a message.
type Channel string

// MailChannel sends messages by mail. It is the only channel so far.
const MailChannel Channel = "mail"

// transport sends one message of a channel. If it returns an error, the outbox
// retries the message.
type transport func(context.Context, Mail) error

const (
	outboxEvery = 5 * time.Second
	// messageLease is how long an instance owns the messages of a batch. It starts
	// to send a message only if the lease lasts for another deliverLimit, which is
	// the longest that sending one may take.
	messageLease        = 2 * time.Minute
	deliverLimit        = 20 * time.Second
	firstMessageRetry   = time.Minute
	longestMessageRetry = time.Hour
	// messagesAtOnce is the most messages in a batch.
	messagesAtOnce = 16
	// giveBackLimit is the most time that giving messages back may take.
	giveBackLimit = 10 * time.Second
	// messageFor is how long after it was queued a message is retried.
	messageFor = 72 * time.Hour
)

// Outbox sends queued messages. Several instances can run at once, and each
// message is still sent by one of them. The outbox takes, retries, and gives up
// the messages of all channels in the same way; each channel's transport sends
// them.
type Outbox struct {
	db         *database.DB
	transports map[Channel]transport
	// ahead is how long before its time a message is sent that waits for the first time.
	ahead time.Duration
	log   *slog.Logger
}

// NewOutbox returns an outbox that sends mails with send. If send returns an error,
// the outbox retries the mail.
func NewOutbox(db *database.DB, send func(context.Context, OutgoingMail) error, log *slog.Logger) *Outbox {
	return &Outbox{db: db, log: log, transports: map[Channel]transport{MailChannel: mailTransport(db, send)}}
}

// HoldNothing lets mails that tell somebody to reconnect go out at once. A demo calls it,
// because the person who breaks a connection there also looks at the mailbox.
func (o *Outbox) HoldNothing() { o.ahead = MailHold }

// Run sends messages until the context ends. It then finishes the message that it
// is sending and gives back the rest of the batch.
func (o *Outbox) Run(ctx context.Context) {
	for range retry.NowAndEvery(ctx, outboxEvery) {
		for more := true; more; {
			n, err := o.DeliverDue(ctx)
			if err != nil && ctx.Err() == nil {
				o.log.WarnContext(ctx, "cannot read queued mails", "error", err)
			}
			more = n > 0 && ctx.Err() == nil
		}
	}
}

// DeliverDue takes a batch of due messages, sends them, and returns how many it
// took. Messages that could not be sent are retried later.
func (o *Outbox) DeliverDue(ctx context.Context) (taken int, err error) {
	began := time.Now()
	within, cancel := o.db.LimitWork(ctx)
	list, err := o.due(within)
	toAccounts, accountErr := o.dueToAccounts(within)
	cancel()
	list = append(list, toAccounts...)
	o.deliverAll(ctx, list, began)
	return len(list), errors.Join(err, accountErr)
}

// due takes a batch of due messages for messageLease. Messages to a locked company
// wait until the company is unlocked. Messages of a channel that only a newer
// version knows wait for that version.
func (o *Outbox) due(ctx context.Context) ([]Mail, error) {
	const ready = "next_try_at <= ? AND (tries = 0 OR next_try_at <= ?) AND channel IN ? AND company_id NOT IN (" + accounts.LockedCompanies + ")"
	channels := slices.Sorted(maps.Keys(o.transports))
	var waiting []int
	err := o.db.Read(ctx).Raw("SELECT 1 FROM mails WHERE "+ready+" LIMIT 1", o.db.Now().Add(o.ahead), o.db.Now(), channels).Scan(&waiting).Error
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
		err = tx.Model(&Mail{}).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where(ready, now.Add(o.ahead), now, channels).Order("next_try_at").Limit(messagesAtOnce).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		err = tx.Model(&Mail{}).Where("id IN ?", ids).
			Updates(map[string]any{"tries": gorm.Expr("tries + 1"), "next_try_at": now.Add(messageLease)}).Error
		if err != nil {
			return err
		}
		return tx.Where("id IN ?", ids).Order("id").Find(&list).Error
	})
	if err != nil {
		return nil, fmt.Errorf("take mails: %w", err)
	}
	return list, nil
}

// deliverAll sends the messages that were taken at the given time. It stops when
// the context ends, or when the lease might end before the next message is sent.
// It then gives back the messages that are left.
func (o *Outbox) deliverAll(ctx context.Context, list []Mail, taken time.Time) {
	for i, m := range list {
		if ctx.Err() != nil || time.Since(taken) > messageLease-deliverLimit {
			o.giveBack(ctx, list[i:])
			return
		}
		o.deliver(context.WithoutCancel(ctx), m)
	}
}

// giveBack returns messages to the queue as if there had been no attempt to send
// them. It skips messages that another instance has taken since.
func (o *Outbox) giveBack(ctx context.Context, list []Mail) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackLimit)
	defer cancel()
	err := o.db.Write(ctx, func(tx *gorm.DB) error {
		for _, m := range list {
			err := tx.Table(m.table()).Where("id = ? AND next_try_at = ?", m.ID, m.NextTryAt).
				Updates(map[string]any{"tries": gorm.Expr("tries - 1"), "next_try_at": o.db.Now()}).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.log.WarnContext(ctx, "cannot give mails back; they are sent after their lease ends", "count", len(list), "error", err)
	}
}

func (o *Outbox) deliver(ctx context.Context, m Mail) {
	now := o.db.Now()
	change := map[string]any{"sent_at": now, "next_try_at": nil}
	switch err := o.sendOne(ctx, m); {
	case errors.Is(err, database.ErrNotFound): // what it is about is gone, or it has no recipient
		change = map[string]any{"next_try_at": nil}
	case err != nil:
		o.log.WarnContext(ctx, "mail was not sent", "mail", m.ID, "kind", m.Kind, "tries", m.Tries, "error", err)
		wait := retry.Backoff{First: firstMessageRetry, Longest: longestMessageRetry}.Jittered(m.Tries)
		change = map[string]any{"next_try_at": now.Add(wait)}
		if now.Sub(m.CreatedAt) >= messageFor {
			change["next_try_at"] = nil
		}
	}
	err := o.db.Write(ctx, func(tx *gorm.DB) error { return tx.Table(m.table()).Where("id = ?", m.ID).Updates(change).Error })
	if err != nil {
		o.log.ErrorContext(ctx, "cannot record the attempt to send a mail", "mail", m.ID, "error", err)
	}
}

func (o *Outbox) sendOne(ctx context.Context, m Mail) error {
	ctx, cancel := context.WithTimeout(ctx, deliverLimit)
	defer cancel()
	return o.transports[m.Channel](ctx, m)
}
