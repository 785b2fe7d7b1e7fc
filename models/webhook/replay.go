package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// replayedAtOnce bounds the deliveries that one write queues again.
const replayedAtOnce = 500

// The limits of what people cause receivers to be sent.
var (
	testsPerEndpoint   = accounts.Limit{Name: "webhook-tests", Tries: 10, Per: time.Minute}
	replaysPerEndpoint = accounts.Limit{Name: "webhook-replays", Tries: 100, Per: time.Hour}
)

// ErrStillPending says that a delivery cannot be replayed, because the message is
// still going to be sent.
var ErrStillPending = errors.New("the message is still going to be sent")

// Resume sends to an endpoint again that was paused or disabled, or that waits because
// it failed. What is pending has its whole time for tries again.
func (w *Webhooks) Resume(ctx context.Context, by accounts.Actor, whose *uuid.UUID, id uuid.UUID) error {
	err := w.change(ctx, by, whose, accounts.AuditEndpointResumed, id, func(tx *gorm.DB, now time.Time) error {
		return w.update(tx, whose, id, map[string]any{
			"failures": 0, "failing_since": nil, "next_try_at": nil, "paused_at": nil, "disabled_at": nil, "resumed_at": now,
		})
	})
	if err != nil {
		return fmt.Errorf("resume endpoint: %w", err)
	}
	return nil
}

// pingData is what the message of a test says.
type pingData struct {
	EndpointID uuid.UUID `json:"endpoint_id"`
}

// SendTest queues a message of the type Ping for an endpoint, even for one that is
// paused. It is sent once. If the endpoint takes it, sending goes on. SendTest returns
// ErrNotFound for an endpoint that is disabled, and a ThrottledError.
func (w *Webhooks) SendTest(ctx context.Context, by accounts.Actor, whose *uuid.UUID, id uuid.UUID) (Delivery, error) {
	var d Delivery
	err := w.db.Write(ctx, func(tx *gorm.DB) error {
		if err := accounts.StillDeveloper(tx, by, whose); err != nil {
			return err
		}
		now := w.db.Now()
		e, err := findEndpoint(tx.Where("disabled_at IS NULL"), whose, id)
		if err != nil {
			return err
		}
		if err := testsPerEndpoint.Take(tx, id.String(), now); err != nil {
			return err
		}
		// Tests are in an order of their own, which no other message delays.
		m := message{ID: database.NewID(), Type: Ping, CompanyID: e.CompanyID, OrderKey: e.ID, CreatedAt: now}
		if err := m.insert(tx, pingData{e.ID}, []listener{{e.ID, e.CompanyID}}); err != nil {
			return err
		}
		return tx.Where("message_id = ?", m.ID).Take(&d).Error
	})
	if err != nil {
		return d, fmt.Errorf("send test: %w", err)
	}
	return d, nil
}

// Replay queues the message of a delivery again, with the same ID. It returns
// ErrNotFound, ErrStillPending, or a ThrottledError.
func (w *Webhooks) Replay(ctx context.Context, by accounts.Actor, whose *uuid.UUID, deliveryID uuid.UUID) (Delivery, error) {
	var d Delivery
	err := w.db.Write(ctx, func(tx *gorm.DB) error {
		if err := accounts.StillDeveloper(tx, by, whose); err != nil {
			return err
		}
		now := w.db.Now()
		if err := ofOwner(tx, whose).Where("id = ?", deliveryID).Take(&d).Error; err != nil {
			return database.Found(err, "find delivery")
		}
		if err := replaysPerEndpoint.Take(tx, d.EndpointID.String(), now); err != nil {
			return err
		}
		var pending int64
		err := tx.Model(&Delivery{}).Where("message_id = ? AND endpoint_id = ? AND state = ?", d.MessageID, d.EndpointID, Pending).Count(&pending).Error
		if err != nil {
			return err
		}
		if pending > 0 {
			return ErrStillPending
		}
		d, err = d.again(tx, now)
		return err
	})
	if err != nil {
		return Delivery{}, fmt.Errorf("replay: %w", err)
	}
	return d, nil
}

// again queues the delivery's message for the same endpoint.
func (d Delivery) again(tx *gorm.DB, now time.Time) (Delivery, error) {
	next := Delivery{
		ID: database.NewID(), EndpointID: d.EndpointID, CompanyID: d.CompanyID, MessageID: d.MessageID, Type: d.Type, OrderKey: d.OrderKey,
		State: Pending, NextTryAt: now, CreatedAt: now,
	}
	return next, tx.Create(&next).Error
}

// ReplaySince queues all messages again that were queued for an endpoint since a time,
// in their order and each once, except tests and those that are still going to be sent.
// It returns how many there are, and ErrNotFound, or a ThrottledError.
func (w *Webhooks) ReplaySince(ctx context.Context, by accounts.Actor, whose *uuid.UUID, endpointID uuid.UUID, since time.Time) (n int, err error) {
	err = w.change(ctx, by, whose, accounts.AuditEndpointReplayed, endpointID, func(tx *gorm.DB, now time.Time) error {
		if _, err := findEndpoint(tx, whose, endpointID); err != nil {
			return err
		}
		return replaysPerEndpoint.Take(tx, endpointID.String(), now)
	})
	// Each write is short, so that changes of connections do not wait. What is queued
	// meanwhile comes after all of it, and is not replayed.
	var newest int64
	if err == nil {
		err = w.db.Read(ctx).Raw("SELECT coalesce(max(seq), 0) FROM webhook_deliveries WHERE endpoint_id = ?", endpointID).Scan(&newest).Error
	}
	for after, some := int64(0), true; err == nil && some; {
		var did int
		did, after, some, err = w.replayBatch(ctx, endpointID, since, after, newest)
		n += did
	}
	if err != nil {
		return n, fmt.Errorf("replay since %s: %w", since.Format(time.RFC3339), err)
	}
	return n, nil
}

// replayable are deliveries that are the first of their message for an endpoint, with
// no later one that is pending.
const replayable = `SELECT d.seq, d.endpoint_id, d.company_id, d.message_id, d.type, d.order_key FROM webhook_deliveries d
	WHERE d.endpoint_id = ? AND d.seq > ? AND d.seq <= ? AND d.created_at >= ? AND d.type <> 'ping'
	AND NOT EXISTS (SELECT 1 FROM webhook_deliveries o WHERE o.message_id = d.message_id AND o.endpoint_id = d.endpoint_id
		AND (o.state = 'pending' OR o.seq < d.seq AND o.created_at >= ?))
	ORDER BY d.seq LIMIT ?`

// replayBatch replays the next messages after a delivery. It returns the last delivery
// that it replayed, and whether there may be more.
func (w *Webhooks) replayBatch(ctx context.Context, endpointID uuid.UUID, since time.Time, after, newest int64) (n int, last int64, more bool, err error) {
	err = w.db.Write(ctx, func(tx *gorm.DB) error {
		var list []Delivery
		last = after
		if err := tx.Raw(replayable, endpointID, after, newest, since, since, replayedAtOnce).Scan(&list).Error; err != nil {
			return err
		}
		now := w.db.Now()
		for _, d := range list {
			if _, err := d.again(tx, now); err != nil {
				return err
			}
			last = d.Seq
		}
		n, more = len(list), len(list) == replayedAtOnce
		return nil
	})
	return n, last, more, err
}
