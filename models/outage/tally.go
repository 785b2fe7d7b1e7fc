package outage

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// remembered is how long a result stays in memory. Nearly every connection is tried at
	// least that often.
	remembered = time.Hour
	// mostRemembered limits the connections in memory, for each endpoint of an environment.
	mostRemembered = 200_000
)

// place is what has an outage: an endpoint of an environment.
type place struct {
	Environment servicetitan.EnvironmentName
	Endpoint    Endpoint
}

// kinds are the kinds of errors that can be an outage. The others are about us: our
// registration, our configuration, or how often we ask.
var kinds = [...]servicetitan.ErrorKind{
	servicetitan.Unavailable, servicetitan.GrantRefused, servicetitan.ClientRefused,
	servicetitan.Unauthorized, servicetitan.NotAllowed, servicetitan.TenantUnknown,
}

// refusal says whether an error of the kind usually ends a connection.
func refusal(kind servicetitan.ErrorKind) bool { return kind != servicetitan.Unavailable }

// outcome says how a request ended: worked, or one more than the place of the error's kind
// in kinds.
type outcome uint8

const worked outcome = 0

func (o outcome) kind() servicetitan.ErrorKind { return kinds[o-1] }

// outcomeOf returns the outcome of an error, and whether the error counts.
func outcomeOf(kind servicetitan.ErrorKind) (outcome, bool) {
	i := slices.Index(kinds[:], kind)
	return outcome(i + 1), i >= 0 // #nosec G115 -- there are six
}

// seconds is a time in seconds since 1970. Results keep it, because there may be very many.
type seconds uint32

func secondsOf(t time.Time) seconds {
	return seconds(max(t.Unix(), 0)) // #nosec G115 -- until 2106
}

func (s seconds) time() time.Time { return time.Unix(int64(s), 0).UTC() }

// result is a Result as instances share it. Its size is fixed.
type result struct {
	ID, Company uuid.UUID
	// Since is when the connection began to fail; 0 if it did not.
	Since, At seconds
	Outcome   outcome
}

// tally has the latest result of each connection at a place.
type tally struct {
	mu      sync.Mutex
	working map[uuid.UUID]working
	failing map[uuid.UUID]failing
	latest  seconds
	// fresh are the results that this instance has not shared yet.
	fresh []result
}

// working is a connection that worked when it was last tried. again says that it had
// failed before.
type working struct {
	at    seconds
	again bool
}

// failing is a connection that failed when it was last tried.
type failing struct {
	company   uuid.UUID
	since, at seconds
	outcome   outcome
}

func newTally() *tally {
	return &tally{working: map[uuid.UUID]working{}, failing: map[uuid.UUID]failing{}}
}

// note takes in a result of this instance. The others get it too, if share is set.
func (t *tally) note(r result, share bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take(r)
	if share && len(t.fresh) < mostShared {
		t.fresh = append(t.fresh, r)
	}
}

// noteOthers takes in results of another instance.
func (t *tally) noteOthers(list []result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range list {
		t.take(r)
	}
}

// take takes in a result, unless there is a later one. The caller holds the lock.
func (t *tally) take(r result) {
	before, failed := t.failing[r.ID]
	was, did := t.working[r.ID]
	if failed && before.at > r.At || did && was.at > r.At {
		return
	}
	t.latest = max(t.latest, r.At)
	if !failed && !did && len(t.failing)+len(t.working) >= mostRemembered {
		return
	}
	if r.Outcome == worked {
		delete(t.failing, r.ID)
		t.working[r.ID] = working{at: r.At, again: r.Since > 0}
		return
	}
	// A refusal is news even if the connection failed for another reason before.
	if refusal(r.Outcome.kind()) {
		r.Since = r.At
		if failed && before.outcome == r.Outcome {
			r.Since = before.since
		}
	}
	delete(t.working, r.ID)
	t.failing[r.ID] = failing{company: r.Company, since: r.Since, at: r.At, outcome: r.Outcome}
}

// takeFresh returns the results that are to be shared, and forgets that they are.
func (t *tally) takeFresh() []result {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.fresh
	t.fresh = nil
	return list
}

// forgetBefore drops the results from before a time.
func (t *tally) forgetBefore(before seconds) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, w := range t.working {
		if w.at < before {
			delete(t.working, id)
		}
	}
	for id, f := range t.failing {
		if f.at < before {
			delete(t.failing, id)
		}
	}
}
