package outage

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// turnEvery is how often an instance shares its results and counts those of all instances.
	turnEvery = 10 * time.Second
	// excusedFor is how long refusals count as part of an outage. If they last longer,
	// only a person can help.
	excusedFor = 6 * time.Hour
)

// Result is how ServiceTitan answered one request for a connection.
type Result struct {
	Environment             servicetitan.EnvironmentName
	Endpoint                Endpoint
	ConnectionID, CompanyID uuid.UUID
	// FailingSince is when the requests for the connection began to fail; nil if the one
	// before this one worked.
	FailingSince *time.Time
	// Err is nil if the request worked.
	Err error
}

// Monitor finds outages. A nil Monitor finds none.
type Monitor struct {
	db      *database.DB
	log     *slog.Logger
	started time.Time
	// instance names this process to the others. shares says that there may be others.
	instance uuid.UUID
	shares   bool
	// read says up to when the results of each other instance were read.
	read    map[uuid.UUID]time.Time
	mu      sync.Mutex // of tallies
	tallies map[place]*tally
	// suspected are the places whose counts showed an outage in the last turn. One turn
	// alone may have met a short hiccup.
	suspected map[place]bool
	seen      atomic.Pointer[view]
	// whenOpen and whenEnded are told of outages. underWay counts the latter.
	whenOpen, whenEnded []func(context.Context, Outage)
	underWay            sync.WaitGroup
	failing             bool // the last turn failed, which is logged once
}

// New returns a monitor that shares what it finds through the database.
func New(db *database.DB, log *slog.Logger) *Monitor {
	m := &Monitor{db: db, log: log, started: db.Now(), instance: database.NewID(), shares: db.OnPostgres(), read: map[uuid.UUID]time.Time{}, tallies: map[place]*tally{}, suspected: map[place]bool{}}
	m.seen.Store(new(view))
	return m
}

// WhenOpen registers a function that every instance calls in each turn for an outage that
// goes on.
func (m *Monitor) WhenOpen(do func(context.Context, Outage)) {
	if m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.whenOpen = append(m.whenOpen, do)
	}
}

// WhenEnded registers a function that one of the instances calls after an outage has ended.
// It may take long.
func (m *Monitor) WhenEnded(do func(context.Context, Outage)) {
	if m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.whenEnded = append(m.whenEnded, do)
	}
}

// Note takes in a result. It writes only to memory. Errors that say nothing about the
// environment do not count.
func (m *Monitor) Note(r Result) {
	if m == nil {
		return
	}
	taken := result{ID: r.ConnectionID, Company: r.CompanyID, At: secondsOf(m.db.Now())}
	if r.FailingSince != nil {
		taken.Since = secondsOf(*r.FailingSince)
	}
	if r.Err != nil {
		e, ok := errors.AsType[*servicetitan.Error](r.Err)
		if !ok {
			return
		}
		if taken.Outcome, ok = outcomeOf(e.Kind); !ok {
			return
		}
		taken.Since = cmp.Or(taken.Since, taken.At)
	}
	m.tallyOf(place{r.Environment, r.Endpoint}).note(taken, m.shares)
}

func (m *Monitor) tallyOf(p place) *tally {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tallies[p]
	if t == nil {
		t = newTally()
		m.tallies[p] = t
	}
	return t
}

// Excuses says whether refusals of a kind are part of an outage. Then they say nothing about
// the connection that was refused. They still count shortly after the end, because an outage
// ends before the last connection works again.
func (m *Monitor) Excuses(e servicetitan.EnvironmentName, at Endpoint, kind servicetitan.ErrorKind) bool {
	if m == nil {
		return false
	}
	seen, now := m.seen.Load(), m.db.Now()
	excuses := func(o Outage) bool {
		return o.Environment == e && o.Endpoint == at && o.Excuses(kind, now) && (o.EndedAt == nil || now.Sub(*o.EndedAt) < settledAfter)
	}
	return slices.ContainsFunc(seen.open, excuses) || slices.ContainsFunc(seen.ended, excuses)
}

// Excuses says whether refusals of a kind are part of the outage at a time.
func (o Outage) Excuses(kind servicetitan.ErrorKind, now time.Time) bool {
	return refusal(kind) && o.has(kind) && now.Sub(o.BeganAt) < excusedFor
}

// Run shares results and looks for outages until the context ends.
func (m *Monitor) Run(ctx context.Context) {
	if m == nil {
		return
	}
	for range retry.NowAndEvery(ctx, turnEvery) {
		m.Turn(ctx)
	}
	m.underWay.Wait()
}

// Turn shares the results of this instance, compares those of all instances with the
// threshold, and begins or ends outages.
func (m *Monitor) Turn(ctx context.Context) {
	err := m.turn(ctx)
	if err != nil && !m.failing && ctx.Err() == nil {
		m.log.WarnContext(ctx, "outages cannot be looked for", "error", err)
	}
	m.failing = err != nil
}

// StartOver forgets everything. A demo that is reset calls it.
func (m *Monitor) StartOver() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.tallies)
	m.seen.Store(new(view))
}
