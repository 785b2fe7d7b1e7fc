package outage

import (
	"math"
	"time"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// fewestFailing is how many connections fail in an outage at least.
	fewestFailing = 2
	// enoughWork is how many connections that work are certainly enough to end an outage.
	enoughWork = 100
)

// threshold returns how many of some connections must fail for an outage: a tenth of them
// and, because few connections show little, their square root.
func threshold(connections int) int {
	n := float64(connections)
	return max(fewestFailing, int(math.Round(n/10+math.Sqrt(n))))
}

// finding is what counts say about a place that has no outage.
type finding struct {
	began time.Time
	kinds Kinds
}

// find returns the outage that the counts show, and whether they show one. In each window, it
// compares the connections that began to fail with all that were tried. A connection that
// failed before says nothing, because it is tried far more often than those that work.
// Refusals count in the shortest window, because most connections are not tried again.
func (c counts) find() (finding, bool) {
	f := finding{kinds: make(Kinds)}
	for i := range windows {
		tried := c.Working.Within[i]
		for _, n := range c.Failing {
			tried += n.New[i]
		}
		for kind, n := range c.Failing {
			enough := threshold(tried)
			if refusal(kind) {
				// A connection that was refused is not tried again, so ordinary refusals
				// are far fewer than ordinary errors.
				enough = max(fewestFailing, (enough+1)/2)
			}
			if refusal(kind) && (i > 0 || n.Companies < manyCompanies) || n.New[i] < enough || f.has(kind) {
				continue
			}
			f.began, f.kinds[kind] = earlier(f.began, n.First[i].time()), n.All
		}
	}
	return f, len(f.kinds) > 0
}

func (f finding) has(kind servicetitan.ErrorKind) bool {
	_, ok := f.kinds[kind]
	return ok
}

// earlier returns the earlier of two times. A zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// over says whether the counts show that an outage is over. Of the connections that failed
// and were tried again in the last minute, enough work and few fail. Or, if this instance has
// run for long enough to know, few fail at all: of those that were tried within the shortest
// window, or since the outage began. The latter shows that an outage was a coincidence among
// the few connections that were tried at its beginning. Nothing follows from silence.
func (c counts) over(o Outage, now time.Time, knows bool) bool {
	if now.Sub(o.SeenAt) < minute {
		return false
	}
	enough := min(max(threshold(o.Peak)/2, 1), enoughWork)
	inMinute, all := 0, 0
	for kind := range o.Kinds {
		inMinute += c.Failing[kind].Minute
		all += c.Failing[kind].All
	}
	below := func(failing, work int) bool { return work >= enough && 2*failing < threshold(failing+work) }
	return below(inMinute, c.Working.Again) || knows && (below(all, c.Working.Within[0]) || below(all, c.Working.Outage))
}

// measure updates an outage with the counts.
func (o *Outage) measure(c counts) {
	o.Failing = 0
	measured := make(Kinds)
	for kind := range o.Kinds {
		measured[kind] = c.Failing[kind].All
		o.Failing += measured[kind]
	}
	o.Kinds, o.Tenants, o.Peak = measured, c.Working.Outage+o.Failing, max(o.Peak, o.Failing)
}

// has says whether errors of a kind are part of the outage.
func (o Outage) has(kind servicetitan.ErrorKind) bool {
	_, ok := o.Kinds[kind]
	return ok
}
