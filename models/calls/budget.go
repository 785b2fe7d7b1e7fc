package calls

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// PerSecond is how many calls a second ServiceTitan allows an app for each tenant.
	PerSecond = 60
	// window is the time in which a tenant gets as many calls as it may have in a
	// second. It is a little longer, because calls that leave evenly arrive less so.
	window = time.Second + 20*time.Millisecond
	// BudgetsKept is how long a tenant that is not called stays in the table. It is
	// longer than ServiceTitan can ask us to wait.
	BudgetsKept = 2 * servicetitan.LongestWait
	// tenantsInMemory is how many tenants the memory holds before it drops those that
	// have their whole budget.
	tenantsInMemory = 4096
)

// Tenant is what has a budget: an account in one of ServiceTitan's environments.
type Tenant struct {
	Environment servicetitan.EnvironmentName
	ID          int64
}

// SpentError says that a tenant gets no call for now.
type SpentError struct {
	// Until is when it gets calls again.
	Until time.Time
}

// Error says that the budget is used up.
func (e *SpentError) Error() string { return "the tenant's budget of calls is used up" }

// Budget keeps the calls to each tenant below ServiceTitan's limit.
type Budget struct {
	db *database.DB
	// perSecond is how many calls a tenant gets in a second, from all instances.
	perSecond int
	taken     taken
	mu        sync.Mutex
	// spent says until when a tenant certainly gets no call, so that nobody asks.
	spent map[Tenant]time.Time
}

// taken remembers when tenants were called.
type taken interface {
	// take takes a call. If the tenant gets none, it returns how long that lasts.
	take(ctx context.Context, t Tenant) (wait time.Duration, err error)
	// close keeps calls from a tenant for a time, unless they are kept for longer.
	close(ctx context.Context, t Tenant, wait time.Duration) error
}

// NewBudget returns the budget of all tenants, each with some calls a second.
func NewBudget(db *database.DB, perSecond int) *Budget {
	b := &Budget{db: db, perSecond: perSecond, spent: map[Tenant]time.Time{}}
	if db.OnPostgres() {
		b.taken = &shared{db: db, perSecond: perSecond}
	} else {
		b.taken = &remembered{now: db.Now, perSecond: perSecond, tenants: map[Tenant]*callTimes{}}
	}
	return b
}

// Take takes a call to a tenant. It returns a SpentError if the tenant gets none for
// now.
func (b *Budget) Take(ctx context.Context, t Tenant) error {
	if until := b.spentUntil(t); !until.IsZero() {
		return &SpentError{Until: until}
	}
	wait, err := b.taken.take(ctx, t)
	if err != nil {
		return fmt.Errorf("take from budget of calls: %w", err)
	}
	if wait > 0 {
		return &SpentError{Until: b.remember(t, wait)}
	}
	return nil
}

// Close keeps calls from a tenant, on all instances, because ServiceTitan asked us to
// wait.
func (b *Budget) Close(ctx context.Context, t Tenant, wait time.Duration) error {
	wait = min(wait, servicetitan.LongestWait)
	b.remember(t, wait)
	if err := b.taken.close(ctx, t, wait); err != nil {
		return fmt.Errorf("close budget of calls: %w", err)
	}
	return nil
}

// spentUntil returns until when a tenant certainly gets no call. It is zero if it may
// get one.
func (b *Budget) spentUntil(t Tenant) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	until, ok := b.spent[t]
	if ok && !until.After(b.db.Now()) {
		delete(b.spent, t)
		return time.Time{}
	}
	return until
}

// remember notes for how long a tenant gets no call.
func (b *Budget) remember(t Tenant, wait time.Duration) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.db.Now()
	if len(b.spent) >= tenantsInMemory {
		for other, until := range b.spent {
			if !until.After(now) {
				delete(b.spent, other)
			}
		}
	}
	until := now.Add(wait)
	if until.Before(b.spent[t]) {
		until = b.spent[t]
	}
	b.spent[t] = until
	return until
}

// StartOver forgets all budgets in memory. A demo that is reset calls it.
func (b *Budget) StartOver() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.spent)
	if r, ok := b.taken.(*remembered); ok {
		r.forget()
	}
}

// shared is the memory of all instances, in PostgreSQL and by its clock.
type shared struct {
	db        *database.DB
	perSecond int
}

// A call is taken in one statement, which also waits for others that take from the same
// tenant. It finds no row to change if the budget is used up. The call that counts is
// the one perSecond calls before this one: $3 from the end.
const (
	takeStatement = `INSERT INTO call_budgets AS b (environment, tenant_id, taken, used_at) VALUES ($1, $2, ARRAY[clock_timestamp()], clock_timestamp())
		ON CONFLICT (environment, tenant_id) DO UPDATE
		SET taken = b.taken[cardinality(b.taken) - $3 + 2:] || clock_timestamp(), used_at = clock_timestamp()
		WHERE coalesce(b.closed_until, '-infinity') <= clock_timestamp()
			AND coalesce(b.taken[cardinality(b.taken) - $3 + 1], '-infinity') <= clock_timestamp() - make_interval(secs => $4)
		RETURNING 0`
	waitQuery = `SELECT extract(epoch FROM greatest(closed_until, taken[cardinality(taken) - $3 + 1] + make_interval(secs => $4)) - clock_timestamp())::float8
		FROM call_budgets WHERE environment = $1 AND tenant_id = $2`
	closeStatement = `INSERT INTO call_budgets AS b (environment, tenant_id, taken, closed_until, used_at)
		VALUES ($1, $2, '{}', clock_timestamp() + make_interval(secs => $3), clock_timestamp())
		ON CONFLICT (environment, tenant_id) DO UPDATE SET closed_until = greatest(b.closed_until, excluded.closed_until), used_at = excluded.used_at`
)

func (s *shared) take(ctx context.Context, t Tenant) (time.Duration, error) {
	ctx, cancel := s.db.LimitWork(ctx)
	defer cancel()
	var taken int
	values := []any{t.Environment, t.ID, s.perSecond, window.Seconds()}
	err := s.db.ReadRow(ctx, takeStatement, values, &taken)
	if !errors.Is(err, database.ErrNotFound) {
		return 0, err
	}
	var seconds float64
	if err := s.db.ReadRow(ctx, waitQuery, values, &seconds); err != nil && !errors.Is(err, database.ErrNotFound) {
		return 0, err
	}
	// The wait may have ended between the two statements.
	return max(time.Millisecond, time.Duration(seconds*float64(time.Second))), nil
}

func (s *shared) close(ctx context.Context, t Tenant, wait time.Duration) error {
	ctx, cancel := s.db.LimitWork(ctx)
	defer cancel()
	_, err := database.Exec(s.db.Read(ctx), closeStatement, t.Environment, t.ID, wait.Seconds())
	return err
}

// remembered is the memory of the only process.
type remembered struct {
	now       func() time.Time
	perSecond int
	mu        sync.Mutex
	tenants   map[Tenant]*callTimes
}

// callTimes are the times of the latest calls to a tenant.
type callTimes struct {
	// ring has the time of each call in the place of the one perSecond calls before.
	ring        []time.Time
	next        int
	closedUntil time.Time
}

// free returns when the tenant gets its next call.
func (c *callTimes) free() time.Time {
	at := c.closedUntil
	if back := c.ring[c.next]; !back.IsZero() && at.Before(back.Add(window)) {
		at = back.Add(window)
	}
	return at
}

func (r *remembered) take(_ context.Context, t Tenant) (time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, c := r.now(), r.of(t)
	if wait := c.free().Sub(now); wait > 0 {
		return wait, nil
	}
	c.ring[c.next] = now
	c.next = (c.next + 1) % r.perSecond
	return 0, nil
}

func (r *remembered) close(_ context.Context, t Tenant, wait time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.of(t)
	if until := r.now().Add(wait); until.After(c.closedUntil) {
		c.closedUntil = until
	}
	return nil
}

// of returns the calls to a tenant. The caller holds the lock.
func (r *remembered) of(t Tenant) *callTimes {
	c := r.tenants[t]
	if c == nil {
		if len(r.tenants) >= tenantsInMemory {
			r.dropIdle()
		}
		c = &callTimes{ring: make([]time.Time, r.perSecond)}
		r.tenants[t] = c
	}
	return c
}

// dropIdle forgets the tenants that have their whole budget.
func (r *remembered) dropIdle() {
	now := r.now()
	for t, c := range r.tenants {
		last := c.ring[(c.next+r.perSecond-1)%r.perSecond]
		if !c.closedUntil.After(now) && !last.Add(window).After(now) {
			delete(r.tenants, t)
		}
	}
}

func (r *remembered) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.tenants)
}
