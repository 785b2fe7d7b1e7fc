package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

const (
	// triedFor is how long a delivery is tried.
	triedFor = 72 * time.Hour
	// failuresInARow is after how many failures in a row the whole endpoint waits.
	failuresInARow = 3
	// longestAsked is the longest wait that a receiver can ask for with Retry-After.
	longestAsked = time.Hour

	gone               = 410
	tooManyRequests    = 429
	serviceUnavailable = 503
)

var (
	// deliveryBackoff is how long a delivery waits after a failure.
	deliveryBackoff = retry.Backoff{First: 5 * time.Second, Longest: 4 * time.Hour}
	// endpointBackoff is how long an endpoint waits that fails again and again. It is
	// short, because the failures may all be of one delivery.
	endpointBackoff = retry.Backoff{First: 5 * time.Second, Longest: 5 * time.Minute}
)

// sendOne sends a delivery and stores the result.
func (s *sender) sendOne(ctx context.Context, held *lease, d Delivery) error {
	if err := s.maySend(ctx, held); err != nil {
		return err
	}
	at, began := s.db.Now(), time.Now()
	header, err := headers(d.WebhookID(), at, d.Body, held.secrets)
	if err != nil {
		return err
	}
	within, cancel := outlasting(ctx, stopWithin)
	defer cancel()
	answer, err := s.clientOf(held.endpoint.CompanyID).Post(within, outbound.Request{URL: held.endpoint.URL, Header: header, Body: []byte(d.Body)})
	if err != nil && within.Err() != nil {
		return context.Cause(within) // we stop; whoever continues sends it again
	}
	took := time.Since(began)
	a := Attempt{
		DeliverySeq: d.Seq, N: d.Tries + 1, At: at, Status: answer.Status, Millis: took.Milliseconds(),
		Answer: answer.Text, Error: explain(answer.Status, err),
	}
	s.watch(a.Error == "", took)
	return s.store(context.WithoutCancel(ctx), held, d, a, answer.RetryAfter)
}

// outlasting returns a context that ends some time after ctx does.
func outlasting(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(by):
			cancel()
		case <-later.Done():
		}
	})
	return later, func() {
		stop()
		cancel()
	}
}

// explain says in words what went wrong with an attempt. It is empty if the receiver
// took the message.
func explain(status int, err error) string {
	switch {
	case err != nil:
		return outbound.Explain(err)
	case status >= 200 && status < 300:
		return ""
	case status >= 300 && status < 400:
		return fmt.Sprintf("The answer was a redirect (status %d), and redirects are not followed.", status)
	case status == gone:
		return "The answer was 410 Gone, so the endpoint was disabled."
	}
	return fmt.Sprintf("The answer had the status %d.", status)
}

// store stores the result of an attempt, unless the lease is no longer ours.
func (s *sender) store(ctx context.Context, held *lease, d Delivery, a Attempt, asked time.Duration) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		now := s.db.Now()
		if a.Error == "" {
			return storeSuccess(tx, held, d, a, now)
		}
		return storeFailure(tx, held, d, a, asked, now)
	})
	if err != nil && !errors.Is(err, errLeaseOver) {
		err = fmt.Errorf("store attempt: %w", err)
	}
	return err
}

// storeSuccess ends a delivery that the receiver took. An endpoint that failed before
// works again.
func storeSuccess(tx *gorm.DB, held *lease, d Delivery, a Attempt, now time.Time) error {
	if e := held.endpoint; e.Failures > 0 || e.PausedAt != nil || e.NextTryAt != nil {
		works := map[string]any{"failures": 0, "failing_since": nil, "next_try_at": nil}
		if e.PausedAt != nil {
			works["paused_at"], works["resumed_at"] = nil, now
		}
		if err := held.update(tx, works); err != nil {
			return err
		}
	}
	return a.insert(tx, held, Delivered, now, &now)
}

// storeFailure plans the next attempt, or gives the delivery up, and notes that the
// endpoint failed.
func storeFailure(tx *gorm.DB, held *lease, d Delivery, a Attempt, asked time.Duration, now time.Time) error {
	var e Endpoint // as it is now: other attempts may have ended meanwhile
	err := database.ForUpdate(tx).Where("id = ? AND lease_owner = ?", held.endpoint.ID, held.owner).Take(&e).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return errLeaseOver
	}
	if err != nil {
		return err
	}
	wait := time.Duration(0)
	if a.Status == tooManyRequests || a.Status == serviceUnavailable {
		wait = min(asked, longestAsked)
	}
	next := now.Add(max(wait, deliveryBackoff.Anywhere(d.Tries)))
	state, ended := Pending, (*time.Time)(nil)
	if last := e.lastTry(d); !now.Before(last) || d.Type == Ping {
		state, ended = GivenUp, &now
	} else if next.After(last) {
		next = last
	}
	if err := a.insert(tx, held, state, next, ended); err != nil {
		return err
	}
	if a.Status == gone {
		return disable(tx, held, now)
	}
	return noteFailure(tx, held, e, wait, now)
}

// lastTry is when a delivery is tried for the last time.
func (e Endpoint) lastTry(d Delivery) time.Time {
	from := d.CreatedAt
	if e.ResumedAt != nil && e.ResumedAt.After(from) {
		from = *e.ResumedAt
	}
	return from.Add(triedFor)
}

// noteFailure notes that an endpoint failed once more. If it has failed for a day, it is
// paused, and those who manage it get a mail.
func noteFailure(tx *gorm.DB, held *lease, e Endpoint, wait time.Duration, now time.Time) error {
	change, since := map[string]any{}, now
	if e.FailingSince != nil {
		since = *e.FailingSince
	} else {
		change["failing_since"] = now
	}
	// Attempts at the same time that fail are one failure.
	if e.NextTryAt == nil || !e.NextTryAt.After(now) {
		change["failures"] = e.Failures + 1
		if e.Failures+1 >= failuresInARow {
			wait = max(wait, endpointBackoff.Anywhere(e.Failures+1-failuresInARow))
		}
	} else {
		wait = max(wait, e.NextTryAt.Sub(now))
	}
	if wait > 0 {
		change["next_try_at"] = now.Add(wait)
	}
	if now.Sub(since) >= pauseAfter && e.PausedAt == nil {
		change["paused_at"] = now
		if err := accounts.TellEndpointPaused(tx, e.CompanyID, e.ID, now); err != nil {
			return err
		}
	}
	return held.update(tx, change)
}

// disable ends all deliveries to an endpoint that says that it is gone.
func disable(tx *gorm.DB, held *lease, now time.Time) error {
	_, err := database.Exec(tx, "UPDATE webhook_deliveries SET state = $1, ended_at = $2 WHERE endpoint_id = $3 AND state = 'pending'", GivenUp, now, held.endpoint.ID)
	if err != nil {
		return err
	}
	return held.update(tx, map[string]any{"disabled_at": now, "paused_at": nil, "next_try_at": nil})
}

// update writes columns of the endpoint, or returns errLeaseOver.
func (l *lease) update(tx *gorm.DB, columns map[string]any) error {
	result := tx.Model(&Endpoint{}).Where("id = ? AND lease_owner = ?", l.endpoint.ID, l.owner).Updates(columns)
	if result.Error == nil && result.RowsAffected == 0 {
		return errLeaseOver
	}
	return result.Error
}

var attemptRow = database.RowOf[Attempt]()

// insert stores the attempt and what it means for its delivery. It returns errLeaseOver
// if another instance has the lease, or if the delivery is no longer pending.
func (a Attempt) insert(tx *gorm.DB, held *lease, state DeliveryState, next time.Time, ended *time.Time) error {
	n, err := database.Exec(tx, `UPDATE webhook_deliveries SET state = $1, tries = $2, next_try_at = $3, ended_at = $4 WHERE seq = $5 AND state = 'pending'
		AND EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.id = webhook_deliveries.endpoint_id AND e.lease_owner = $6)`,
		state, a.N, next, ended, a.DeliverySeq, held.owner)
	if err != nil {
		return err
	}
	if n == 0 {
		return errLeaseOver
	}
	return attemptRow.Insert(tx, &a)
}
