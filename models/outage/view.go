package outage

import (
	"time"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// AnnouncedFor is how long after the end of an outage pages say that ServiceTitan answers
// again.
const AnnouncedFor = time.Hour

// view is what an instance saw in its last turn. It does not change.
type view struct {
	open, ended []Outage // the oldest first
	latest      map[place]time.Time
}

// Current returns the outage that an environment has now, from memory. If both endpoints
// have one, it returns the one that began first.
func (m *Monitor) Current(e servicetitan.EnvironmentName) (Outage, bool) {
	for _, o := range m.Open() {
		if o.Environment == e {
			return o, true
		}
	}
	return Outage{}, false
}

// Quiet says that no outage goes on, and that none ended a short time ago.
func (m *Monitor) Quiet() bool {
	if m == nil {
		return true
	}
	v := m.seen.Load()
	return len(v.open)+len(v.ended) == 0
}

// Open returns the outages that go on, the oldest first, from memory.
func (m *Monitor) Open() []Outage {
	if m == nil {
		return nil
	}
	return m.seen.Load().open
}

// Ended returns the outage of an environment that ended last, if that was within
// AnnouncedFor and none goes on. It is from memory.
func (m *Monitor) Ended(e servicetitan.EnvironmentName) (last Outage, ok bool) {
	if m == nil {
		return Outage{}, false
	}
	if _, open := m.Current(e); open {
		return Outage{}, false
	}
	for _, o := range m.seen.Load().ended {
		if o.Environment == e && m.db.Now().Sub(*o.EndedAt) < AnnouncedFor && (!ok || o.EndedAt.After(*last.EndedAt)) {
			last, ok = o, true
		}
	}
	return last, ok
}

// JustEnded returns the outages that ended within AnnouncedFor, from memory.
func (m *Monitor) JustEnded() []Outage {
	if m == nil {
		return nil
	}
	return m.seen.Load().ended
}

// Lately returns the outage of an endpoint that goes on, or that ended within a time.
func (m *Monitor) Lately(e servicetitan.EnvironmentName, at Endpoint, within time.Duration) (Outage, bool) {
	if m == nil {
		return Outage{}, false
	}
	v, now := m.seen.Load(), m.db.Now()
	for _, o := range v.open {
		if o.Environment == e && o.Endpoint == at {
			return o, true
		}
	}
	for _, o := range v.ended {
		if o.Environment == e && o.Endpoint == at && now.Sub(*o.EndedAt) < within {
			return o, true
		}
	}
	return Outage{}, false
}

// TriedAt returns when an environment last answered or failed to, for any connection. It is
// zero if that is not known.
func (m *Monitor) TriedAt(e servicetitan.EnvironmentName) (latest time.Time) {
	if m == nil {
		return latest
	}
	for p, at := range m.seen.Load().latest {
		if p.Environment == e && at.After(latest) {
			latest = at
		}
	}
	return latest
}
