package outage

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// silentFor is how long an outage goes on without any result. After that, nobody is
// connected any more who could show that it is over.
const silentFor = 24 * time.Hour

// turn is Turn with its error.
func (m *Monitor) turn(ctx context.Context) error {
	within, cancel := m.db.LimitWork(ctx)
	defer cancel()
	now := m.db.Now()
	list, err := m.recent(within, now)
	if err != nil {
		return err
	}
	open, ended := map[place]*Outage{}, map[place]time.Time{}
	for i, o := range list {
		if o.EndedAt == nil {
			open[o.place()] = &list[i]
		} else if o.EndedAt.After(ended[o.place()]) {
			ended[o.place()] = *o.EndedAt
		}
	}
	all, err := m.countAll(within, open, ended, now)
	if err != nil {
		return err
	}
	next := &view{latest: map[place]time.Time{}}
	for p, c := range all {
		next.latest[p] = c.Latest
		began, err := m.judge(within, p, c, open[p], ended[p], now)
		if err != nil {
			return err
		}
		if began != nil {
			list = append(list, *began)
		}
	}
	for _, o := range list {
		if o.EndedAt == nil {
			next.open = append(next.open, o)
		} else {
			next.ended = append(next.ended, o)
		}
	}
	slices.SortFunc(next.open, func(a, b Outage) int {
		return cmp.Or(a.BeganAt.Compare(b.BeganAt), cmp.Compare(b.Endpoint, a.Endpoint))
	})
	m.seen.Store(next)
	m.mu.Lock()
	whenOpen := m.whenOpen
	m.mu.Unlock()
	for _, o := range next.open {
		for _, do := range whenOpen {
			do(ctx, o)
		}
	}
	return nil
}

// countAll shares results, and counts those of all instances, for each place that has
// results or an outage.
func (m *Monitor) countAll(ctx context.Context, open map[place]*Outage, ended map[place]time.Time, now time.Time) (map[place]counts, error) {
	if m.shares {
		if err := m.share(ctx, now); err != nil {
			return nil, err
		}
		if err := m.readOthers(ctx, now); err != nil {
			return nil, err
		}
	}
	all := map[place]counts{}
	for p, o := range open {
		all[p] = m.tallyOf(p).count(now, o.BeganAt, time.Time{})
	}
	m.mu.Lock()
	tallies := maps.Clone(m.tallies)
	m.mu.Unlock()
	for p, t := range tallies {
		t.forgetBefore(secondsOf(now.Add(-remembered)))
		if open[p] == nil {
			all[p] = t.count(now, time.Time{}, ended[p])
		}
	}
	return all, nil
}

// judge begins, updates, or ends the outage of a place. It returns an outage that began.
func (m *Monitor) judge(ctx context.Context, p place, c counts, open *Outage, ended, now time.Time) (began *Outage, err error) {
	found, shows := c.find()
	if open == nil {
		sure := shows && m.suspected[p]
		m.suspected[p] = shows
		if !sure {
			return nil, nil
		}
		if found.began.Before(ended) {
			found.began = ended
		}
		return m.begin(ctx, p, c, found, now)
	}
	delete(m.suspected, p)
	for kind := range found.kinds {
		open.Kinds[kind] = 0 // measured below
	}
	open.measure(c)
	if c.Latest.After(open.TriedAt) {
		open.TriedAt = c.Latest
	}
	if c.over(*open, now, now.Sub(m.started) >= retriedWithin) || now.Sub(open.TriedAt) > silentFor {
		return nil, m.end(ctx, open, now)
	}
	return nil, m.update(ctx, open, now)
}

// begin begins an outage, unless another instance has begun it.
func (m *Monitor) begin(ctx context.Context, p place, c counts, f finding, now time.Time) (*Outage, error) {
	o := Outage{
		Environment: p.Environment, Endpoint: p.Endpoint, BeganAt: f.began, SeenAt: now, Kinds: f.kinds, TriedAt: c.Latest, UpdatedAt: now,
	}
	for _, n := range f.kinds {
		o.Failing += n
	}
	// What worked since the beginning is counted from the next turn on.
	o.Tenants, o.Peak = o.Failing+c.Working.Within[0], o.Failing
	o.addSample(now)
	inserted, err := m.insert(ctx, &o)
	if err != nil || !inserted {
		return nil, err
	}
	m.log.WarnContext(ctx, "ServiceTitan has an outage", "environment", o.Environment, "endpoint", o.Endpoint, "began", o.BeganAt,
		"connections", o.Tenants, "failing", o.Failing, "errors", fmt.Sprint(o.Kinds))
	return &o, nil
}

// end ends an outage, unless another instance has ended it.
func (m *Monitor) end(ctx context.Context, o *Outage, now time.Time) error {
	o.EndedAt = &now
	o.addSample(now)
	mine, err := m.saveEnd(ctx, o)
	if err != nil || !mine {
		return err
	}
	m.log.WarnContext(ctx, "ServiceTitan answers again", "environment", o.Environment, "endpoint", o.Endpoint, "began", o.BeganAt,
		"lasted", now.Sub(o.BeganAt).Round(time.Second).String(), "peak", o.Peak)
	ended := *o
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, do := range m.whenEnded {
		m.underWay.Go(func() { do(ctx, ended) })
	}
	return nil
}
