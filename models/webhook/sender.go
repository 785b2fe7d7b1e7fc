package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

// These are the rules of sending:
//
//  1. An instance sends to an endpoint while it holds the endpoint's lease, so each
//     endpoint has one sender at a time. Each has a goroutine of its own, and one that
//     is slow delays no other.
//  2. Of each order key, only the first delivery that is pending is sent. The next one
//     follows once the result of the first is in the database.
//  3. A process that dies between an answer and its result leaves the delivery
//     pending, and the next holder of the lease sends it again. Receivers recognize
//     the repetition by its ID.
//  4. After a failure, the delivery waits, and with it those behind it. If several
//     attempts in a row fail, the whole endpoint waits, and then gets one delivery at a
//     time until one works. Among those, deliveries that were tried least come first,
//     so that one that never works does not keep the others back.
const (
	// pollEvery is how often an instance looks for endpoints with something due.
	pollEvery = 500 * time.Millisecond
	// workersAtMost is to how many endpoints an instance sends at a time. Failing ones
	// take at most half of them, so that they keep none of the others waiting.
	workersAtMost = 200
	// sentAtOnce is how many deliveries an endpoint gets at a time. After batchSize of
	// them, the endpoint is read again.
	sentAtOnce = 8
	batchSize  = 32
	// readAtOnce is how many deliveries are read at a time. To find them takes longer the
	// more order keys have something pending.
	readAtOnce = 16 * batchSize
	// stopWithin is how long after the end of Run's context a request may still go on.
	stopWithin = 3 * time.Second
)

// Run sends messages until the context ends.
func (w *Webhooks) Run(ctx context.Context) {
	s := &sender{Webhooks: w, working: map[uuid.UUID]bool{}}
	defer s.all.Wait()
	for range retry.NowAndEvery(ctx, pollEvery) {
		if err := s.startDue(ctx); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "cannot read queued webhooks", "error", err)
		}
	}
}

// sender has the goroutines that send to endpoints.
type sender struct {
	*Webhooks
	all sync.WaitGroup

	mu sync.Mutex
	// working holds the endpoints that have a goroutine, and whether they are failing.
	working map[uuid.UUID]bool
}

// begin says whether a goroutine may start for an endpoint.
func (s *sender) begin(id uuid.UUID, failing bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	fails := 0
	for _, f := range s.working {
		if f {
			fails++
		}
	}
	if _, busy := s.working[id]; busy || len(s.working) >= workersAtMost || failing && fails >= workersAtMost/2 {
		return false
	}
	s.working[id] = failing
	return true
}

func (s *sender) end(id uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.working, id)
}

// startDue starts a goroutine for each endpoint with something due.
func (s *sender) startDue(ctx context.Context) error {
	within, cancel := s.db.LimitWork(ctx)
	defer cancel()
	if _, err := s.db.ProveAlive(within); err != nil { // who is not alive cannot tell who has died
		return err
	}
	waiting, err := s.waiting(within)
	if err != nil {
		return err
	}
	for _, e := range waiting {
		list, err := s.due(within, e, 1)
		if err != nil {
			return err
		}
		if len(list) > 0 && s.begin(e.ID, e.FailingSince != nil) {
			s.all.Go(func() {
				defer s.end(e.ID)
				s.work(ctx, e.ID)
			})
		}
	}
	return nil
}

var endpointRow = database.RowOf[Endpoint]()

// waitingQuery finds the endpoints with pending deliveries, in one step of an index for
// each, however many deliveries there are. Endpoints of a company that is locked or
// being deleted wait.
var waitingQuery = `WITH RECURSIVE waiting (id) AS (
		SELECT * FROM (SELECT endpoint_id FROM webhook_deliveries WHERE state = 'pending' ORDER BY endpoint_id LIMIT 1) first
		UNION ALL
		SELECT (SELECT d.endpoint_id FROM webhook_deliveries d WHERE d.state = 'pending' AND d.endpoint_id > w.id ORDER BY d.endpoint_id LIMIT 1)
		FROM waiting w WHERE w.id IS NOT NULL
	)
	SELECT ` + endpointRow.ColumnsOf("e") + ` FROM waiting w JOIN webhook_endpoints e ON e.id = w.id LEFT JOIN companies c ON c.id = e.company_id
	WHERE e.disabled_at IS NULL AND c.locked_at IS NULL AND c.deleted_at IS NULL ORDER BY e.failing_since IS NOT NULL, e.id`

// waiting returns the endpoints with pending deliveries that no other instance sends
// to, those that work first.
func (w *Webhooks) waiting(ctx context.Context) (list []Endpoint, err error) {
	err = w.db.ReadRows(ctx, waitingQuery, nil, func(rows *sql.Rows) error {
		var e Endpoint
		if err := rows.Scan(endpointRow.Into(&e)...); err != nil {
			return err
		}
		if w.free(e, w.db.Now()) {
			list = append(list, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find endpoints with pending deliveries: %w", err)
	}
	return list, nil
}

// due returns some deliveries to an endpoint that can be sent now, those that were tried
// least first.
func (w *Webhooks) due(ctx context.Context, e Endpoint, limit int) (list []Delivery, err error) {
	now, query := w.db.Now(), dueQuery
	if e.Failures >= failuresInARow {
		limit = 1
	}
	if e.waits(now) {
		query = dueTestsQuery
	}
	err = w.db.ReadRows(ctx, query, []any{e.ID, now, limit}, func(rows *sql.Rows) error {
		var d Delivery
		err := rows.Scan(&d.Seq, &d.MessageID, &d.Type, &d.Tries, &d.CreatedAt, &d.Body)
		list = append(list, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find due deliveries: %w", err)
	}
	return list, nil
}

const (
	dueColumns = "d.seq, d.message_id, d.type, d.tries, d.created_at, m.body"

	// dueQuery finds the first pending delivery of each order key, in two steps of an
	// index for each, however many wait behind it.
	dueQuery = `WITH RECURSIVE keys (order_key) AS (
			SELECT * FROM (SELECT order_key FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'pending' ORDER BY order_key LIMIT 1) first
			UNION ALL
			SELECT (SELECT d.order_key FROM webhook_deliveries d WHERE d.endpoint_id = $1 AND d.state = 'pending' AND d.order_key > k.order_key ORDER BY d.order_key LIMIT 1)
			FROM keys k WHERE k.order_key IS NOT NULL
		)
		SELECT ` + dueColumns + ` FROM keys k JOIN webhook_deliveries d ON d.seq =
			(SELECT f.seq FROM webhook_deliveries f WHERE f.endpoint_id = $1 AND f.state = 'pending' AND f.order_key = k.order_key ORDER BY f.seq LIMIT 1)
		JOIN webhook_messages m ON m.id = d.message_id
		WHERE d.next_try_at <= $2 ORDER BY d.tries, d.seq LIMIT $3`

	// dueTestsQuery finds the tests that are pending. Their order key is the endpoint.
	dueTestsQuery = `SELECT ` + dueColumns + ` FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id
		WHERE d.endpoint_id = $1 AND d.order_key = $1 AND d.state = 'pending' AND d.next_try_at <= $2 ORDER BY d.seq LIMIT $3`
)

// work sends to an endpoint, under its lease, until nothing is due.
func (s *sender) work(ctx context.Context, id uuid.UUID) {
	held, err := s.takeLease(ctx, id)
	if err != nil || held == nil {
		s.complain(ctx, id, "cannot begin to send webhooks", err)
		return
	}
	defer s.release(ctx, held)
	for ctx.Err() == nil {
		if err := s.keepLease(ctx, held); err != nil {
			s.complain(ctx, id, "cannot go on sending webhooks", err)
			return
		}
		list, err := s.due(ctx, held.endpoint, readAtOnce)
		if err != nil || len(list) == 0 {
			s.complain(ctx, id, "cannot read queued webhooks", err)
			return
		}
		if !s.sendBatches(ctx, held, list) {
			return
		}
	}
}

// sendBatches sends deliveries until the endpoint turns out to fail. Each is still the
// first of its order key, because only the holder of the lease sends. It reports whether
// the results were stored.
func (s *sender) sendBatches(ctx context.Context, held *lease, list []Delivery) bool {
	for batch := range slices.Chunk(list, batchSize) {
		if !s.sendAll(ctx, held, batch) {
			return false
		}
		if err := s.keepLease(ctx, held); err != nil {
			s.complain(ctx, held.endpoint.ID, "cannot go on sending webhooks", err)
			return false
		}
		if e := held.endpoint; e.Failures >= failuresInARow || e.waits(s.db.Now()) {
			break
		}
	}
	return true
}

func (w *Webhooks) complain(ctx context.Context, id uuid.UUID, what string, err error) {
	if err != nil && !errors.Is(err, errLeaseOver) && ctx.Err() == nil {
		w.log.WarnContext(ctx, what, "endpoint", id, "error", err)
	}
}

// sendAll sends deliveries, several at a time. It reports whether the results of all of
// them were stored.
func (s *sender) sendAll(ctx context.Context, held *lease, list []Delivery) bool {
	var sending sync.WaitGroup
	var mu sync.Mutex
	stored := true
	free := make(chan struct{}, sentAtOnce)
	for _, d := range list {
		free <- struct{}{}
		sending.Go(func() {
			defer func() { <-free }()
			if err := s.sendOne(ctx, held, d); err != nil {
				s.complain(ctx, held.endpoint.ID, "cannot deliver a webhook", err)
				mu.Lock()
				defer mu.Unlock()
				stored = false
			}
		})
	}
	sending.Wait()
	return stored
}
