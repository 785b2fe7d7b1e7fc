package outage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// world has connections that are renewed as the keeper does, and instances that share the
// renewals. Connection i belongs to company i, unless oneCompany is set.
type world struct {
	*testing.T
	clock      *modeltest.Clock
	instances  []*outage.Monitor
	ids        []uuid.UUID
	since      []*time.Time
	oneCompany bool
	inUse      bool
	notes      int
	turns      int
}

func newWorld(t *testing.T, db *database.DB, clock *modeltest.Clock, connections, instances int) *world {
	t.Helper()
	w := &world{T: t, clock: clock, since: make([]*time.Time, connections)}
	for range connections {
		w.ids = append(w.ids, uuid.New())
	}
	for range instances {
		w.instances = append(w.instances, newMonitor(db))
	}
	return w
}

func newMonitor(db *database.DB) *outage.Monitor {
	return outage.New(db, slog.New(slog.DiscardHandler))
}

// note reports a result of a connection to the next instance.
func (w *world) note(i int, kind servicetitan.ErrorKind) {
	r := outage.Result{Environment: servicetitan.Production, Endpoint: outage.Tokens, ConnectionID: w.ids[i], CompanyID: w.ids[i], FailingSince: w.since[i]}
	if w.oneCompany {
		r.CompanyID = w.ids[0]
	}
	if kind != "" {
		r.Err = fmt.Errorf("renew: %w", &servicetitan.Error{Op: "renew", Kind: kind})
		if now := w.clock.Now(); w.since[i] == nil {
			w.since[i] = &now
		}
	} else {
		w.since[i] = nil
	}
	w.instances[w.notes%len(w.instances)].Note(r)
	w.notes++
}

// turn lets ten seconds pass, and each instance take its turn.
func (w *world) turn() {
	w.turns++
	w.clock.Add(outage.TurnEvery)
	for _, m := range w.instances {
		m.Turn(w.Context())
	}
}

// pass lets time pass. In it, each connection that works is tried once an hour, or every 12
// minutes if it is in use, and each that fails once in five minutes. fails says which error
// a connection gets.
func (w *world) pass(d time.Duration, fails func(i int) servicetitan.ErrorKind) {
	healthy, retries := 360, 30 // in turns
	if w.inUse {
		healthy = 72
	}
	for range int(d / outage.TurnEvery) {
		for i := range w.ids {
			every := healthy
			if w.since[i] != nil {
				every = retries
			}
			if (w.turns+i*97)%every == 0 {
				w.note(i, fails(i))
			}
		}
		w.turn()
	}
}

// open returns the outage that every instance sees, or nil if none does.
func (w *world) open() *outage.Outage {
	w.Helper()
	var found *outage.Outage
	for n, m := range w.instances {
		o, ok := m.Current(servicetitan.Production)
		if n > 0 && ok != (found != nil) {
			w.Errorf("instance %d says %t, the others do not", n, ok)
		}
		if ok {
			found = &o
		}
	}
	return found
}

func works(int) servicetitan.ErrorKind { return "" }

// share returns a function by which a share of connections fails, in percent. They are
// spread evenly.
func share(percent int, kind servicetitan.ErrorKind) func(int) servicetitan.ErrorKind {
	return func(i int) servicetitan.ErrorKind {
		if i*percent/100 != (i+1)*percent/100 {
			return kind
		}
		return ""
	}
}

// Any number of connections can show an outage, and noise never does.
func TestThresholds(t *testing.T) {
	down := servicetitan.Unavailable
	for _, c := range []struct {
		connections, percent int
		want                 bool
	}{
		{1, 100, false},
		{2, 100, true},
		{2, 50, false},
		{3, 100, true},
		{3, 34, false},
		{10, 10, false},
		{10, 100, true},
		{30, 3, false},
		{100, 2, false},
		{100, 30, true},
		{100, 100, true},
		{1000, 2, false},
		{1000, 30, true},
		{100_000, 1, false},
		{100_000, 2, false},
		{100_000, 30, true},
		{100_000, 100, true},
	} {
		test := func(t *testing.T, inUse bool, within time.Duration) {
			clock := modeltest.NewClock()
			w := newWorld(t, modeltest.OpenBy(t, testdb.SQLite(t), clock.Now), clock, c.connections, 1)
			w.inUse = inUse
			w.pass(time.Hour, works)
			took := time.Duration(0)
			for ; took < 65*time.Minute && w.open() == nil; took += 5 * time.Minute {
				w.pass(5*time.Minute, share(c.percent, down))
			}
			o := w.open()
			if (o != nil) != c.want {
				t.Fatalf("got an outage %t, want %t: %+v", o != nil, c.want, o)
			}
			if o == nil {
				return
			}
			if c.connections >= 100 && took > within {
				t.Errorf("it was seen after %v, want %v", took, within)
			}
			w.pass(30*time.Minute, share(c.percent, down))
			if o = w.open(); o == nil {
				t.Fatal("the outage ended")
			}
			if got := o.Share(); c.connections >= 100 && (got < c.percent-5 || got > c.percent+5) {
				t.Errorf("%d%% are affected (%d of %d), want %d%%", got, o.Failing, o.Tenants, c.percent)
			}
			w.pass(7*time.Minute, works)
			if w.open() != nil {
				t.Errorf("the outage goes on: %+v", w.open())
			}
		}
		name := fmt.Sprintf("%d%% of %d", c.percent, c.connections)
		if c.connections < 100_000 || !c.want { // a test of that many takes long
			t.Run(name+" idle", func(t *testing.T) { test(t, false, 20*time.Minute) })
		}
		if c.connections < 100_000 || c.want {
			t.Run(name+" in use", func(t *testing.T) { test(t, true, 10*time.Minute) })
		}
	}
}

// A steady two percent whose renewals are tried again and again is no outage, not even for
// a program that has just begun and knows nothing else.
func TestSteadyNoiseIsNoOutage(t *testing.T) {
	clock := modeltest.NewClock()
	db := modeltest.OpenBy(t, testdb.SQLite(t), clock.Now)
	w := newWorld(t, db, clock, 100_000, 1)
	w.pass(10*time.Minute, share(2, servicetitan.Unavailable))
	day := clock.Now().Add(-24 * time.Hour)
	for i := range w.since {
		if w.since[i] != nil {
			w.since[i] = &day
		}
	}
	w.instances[0] = newMonitor(db)
	w.pass(10*time.Minute, share(2, servicetitan.Unavailable))
	if o := w.open(); o != nil {
		t.Errorf("got an outage: %+v", o)
	}
}

// One connection that fails, and whose renewals several instances try, is no outage.
func TestOneConnectionOnSeveralInstancesIsNoOutage(t *testing.T) {
	clock := modeltest.NewClock()
	w := newWorld(t, modeltest.OpenBy(t, testdb.Postgres(t), clock.Now), clock, 4, 3)
	for range 30 {
		w.note(0, servicetitan.Unavailable)
		w.turn()
	}
	if o := w.open(); o != nil {
		t.Errorf("got an outage: %+v", o)
	}
}

// Several instances, each of which sees a part, find one outage together, and all of them
// learn of it and of its end.
func TestInstancesFindOneOutageTogether(t *testing.T) {
	clock := modeltest.NewClock()
	db := modeltest.OpenBy(t, testdb.Postgres(t), clock.Now)
	w := newWorld(t, db, clock, 300, 3)
	w.inUse = true
	w.pass(time.Hour, works)
	var ended atomic.Int64
	for _, m := range w.instances {
		m.WhenEnded(func(context.Context, outage.Outage) { ended.Add(1) })
	}
	began := clock.Now()
	w.pass(5*time.Minute, share(30, servicetitan.Unavailable))
	w.turn()
	o := w.open()
	if o == nil {
		t.Fatal("no outage")
	}
	if late := o.BeganAt.Sub(began); late < -time.Second || late > 30*time.Second {
		t.Errorf("it began at %v, want about %v", o.BeganAt, began)
	}
	if !o.SeenAt.After(o.BeganAt) {
		t.Errorf("it was seen at %v, and began at %v", o.SeenAt, o.BeganAt)
	}
	w.pass(20*time.Minute, share(30, servicetitan.Unavailable))
	w.pass(7*time.Minute, works)
	w.turn()
	if o := w.open(); o != nil {
		t.Errorf("it goes on: %+v", o)
	}
	list, err := w.instances[0].History(t.Context(), began)
	if err != nil || len(list) != 1 || list[0].EndedAt == nil || list[0].Peak < 80 {
		t.Errorf("got %+v, %v; want one outage that ended", list, err)
	}
	for n, m := range w.instances {
		if _, ok := m.Ended(servicetitan.Production); !ok {
			t.Errorf("instance %d does not say that it ended", n)
		}
	}
	for _, m := range w.instances {
		m.Wait()
	}
	if n := ended.Load(); n != 1 {
		t.Errorf("%d instances acted on the end, want 1", n)
	}
	clock.Add(outage.AnnouncedFor)
	if _, ok := w.instances[0].Ended(servicetitan.Production); ok {
		t.Error("the end is still announced after an hour")
	}
}

// An outage outlasts a restart, silence, and a single connection that works. It ends when
// enough of them work.
func TestAnOutageEndsOnEvidence(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		w := newWorld(t, db, clock, 100, 1)
		w.pass(time.Hour, works)
		w.pass(20*time.Minute, share(100, servicetitan.Unavailable))
		before := w.open()
		if before == nil {
			t.Fatal("no outage")
		}
		w.instances[0] = newMonitor(db)
		for range 6 * 60 { // an hour of silence
			w.turn()
		}
		o := w.open()
		if o == nil || o.ID != before.ID || !o.BeganAt.Equal(before.BeganAt) {
			t.Fatalf("after a restart and an hour of silence: %+v, want %+v", o, before)
		}
		w.note(7, "")
		for range 12 {
			w.turn()
		}
		if w.open() == nil {
			t.Error("a single connection that works ended it")
		}
		w.pass(3*time.Minute, works)
		if o := w.open(); o != nil {
			t.Errorf("it goes on: %+v", o)
		}
	})
}

// An outage in which nobody is left to be tried ends after a day.
func TestAnOutageWithoutConnectionsEnds(t *testing.T) {
	clock := modeltest.NewClock()
	w := newWorld(t, modeltest.OpenBy(t, testdb.SQLite(t), clock.Now), clock, 3, 1)
	w.pass(time.Hour, share(100, servicetitan.Unavailable))
	if w.open() == nil {
		t.Fatal("no outage")
	}
	clock.Add(23 * time.Hour)
	if w.turn(); w.open() == nil {
		t.Error("it ended after 23 hours")
	}
	clock.Add(time.Hour)
	if w.turn(); w.open() != nil {
		t.Error("it goes on after a day")
	}
}

// A blip of a few seconds is no outage.
func TestABlipIsNoOutage(t *testing.T) {
	clock := modeltest.NewClock()
	w := newWorld(t, modeltest.OpenBy(t, testdb.SQLite(t), clock.Now), clock, 3, 1)
	for i := range w.ids {
		w.note(i, servicetitan.Unavailable)
	}
	w.turn()
	for i := range w.ids {
		w.note(i, "")
	}
	w.turn()
	if o := w.open(); o != nil {
		t.Errorf("got an outage: %+v", o)
	}
}

// Refusals are an outage if many companies get them at once. Those of one company, of a
// few, or of another kind are not excused.
func TestExcuses(t *testing.T) {
	refused, other := servicetitan.GrantRefused, servicetitan.ClientRefused
	for _, c := range []struct {
		name                 string
		connections, percent int
		oneCompany           bool
		kind                 servicetitan.ErrorKind
		want                 bool
	}{
		{"one of three", 3, 34, false, refused, false},
		{"two companies", 2, 100, false, refused, false},
		{"three companies", 3, 100, false, refused, true},
		{"many connections of one company", 50, 100, true, refused, false},
		{"half of all companies", 1000, 50, false, refused, true},
		{"our own registration", 1000, 100, false, servicetitan.RequestRefused, false},
		{"too many requests", 1000, 100, false, servicetitan.RateLimited, false},
		{"an error that passes by itself", 1000, 100, false, servicetitan.Unavailable, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := modeltest.NewClock()
			w := newWorld(t, modeltest.OpenBy(t, testdb.SQLite(t), clock.Now), clock, c.connections, 1)
			w.oneCompany = c.oneCompany
			for i := range w.ids {
				w.note(i, "")
			}
			w.turn()
			for i := range w.ids {
				w.note(i, share(c.percent, c.kind)(i))
			}
			w.turn()
			w.turn()
			m := w.instances[0]
			if got := m.Excuses(servicetitan.Production, outage.Tokens, c.kind); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
			if m.Excuses(servicetitan.Production, outage.Tokens, other) || m.Excuses(servicetitan.Production, outage.API, c.kind) ||
				m.Excuses(servicetitan.Sandbox, outage.Tokens, c.kind) {
				t.Error("another kind, endpoint, or environment is excused")
			}
			clock.Add(6 * time.Hour)
			if m.Excuses(servicetitan.Production, outage.Tokens, c.kind) {
				t.Error("refusals are excused for more than six hours")
			}
		})
	}
}

// Nothing fails without a monitor.
func TestWithoutAMonitor(t *testing.T) {
	var m *outage.Monitor
	m.Note(outage.Result{Err: errors.New("broken")})
	m.StartOver()
	m.WhenOpen(nil)
	m.WhenEnded(nil)
	m.Run(t.Context())
	_, current := m.Current(servicetitan.Production)
	_, ended := m.Ended(servicetitan.Production)
	history, err := m.History(t.Context(), time.Time{})
	if current || ended || len(history) > 0 || err != nil || m.Excuses(servicetitan.Production, outage.API, servicetitan.NotAllowed) || !m.TriedAt(servicetitan.Production).IsZero() {
		t.Error("there is an outage")
	}
}

// The memory stays small, and so does the series of samples, however long an outage lasts.
func TestBounds(t *testing.T) {
	clock := modeltest.NewClock()
	db := modeltest.OpenBy(t, testdb.SQLite(t), clock.Now)
	m := newMonitor(db)
	for i := range 2*outage.MostRemembered + 10 {
		r := outage.Result{Environment: servicetitan.Production, Endpoint: outage.API, ConnectionID: uuid.New()}
		if i%2 == 0 {
			r.Err = &servicetitan.Error{Kind: servicetitan.Unavailable}
		}
		m.Note(r)
	}
	if n := m.InMemory(); n > 2*outage.MostRemembered {
		t.Errorf("%d connections are in memory", n)
	}
	clock.Add(2 * time.Hour)
	m.Turn(t.Context())
	if n := m.InMemory(); n != 0 {
		t.Errorf("%d connections are in memory after two hours", n)
	}
	o := outage.Outage{SeenAt: clock.Now()}
	for at := o.SeenAt; at.Sub(o.SeenAt) < 30*24*time.Hour; at = at.Add(outage.TurnEvery) {
		if o.AddSample(at); len(o.Samples) > outage.MostSamples {
			t.Fatalf("%d samples", len(o.Samples))
		}
	}
	if first := o.Samples[0].At; !first.Equal(o.SeenAt) || len(o.Samples) < outage.MostSamples/2 {
		t.Errorf("%d samples since %v, want the whole outage", len(o.Samples), first)
	}
}

// The records match the schema.
func TestSchema(t *testing.T) { modeltest.MatchSchema(t, &outage.Outage{}) }
