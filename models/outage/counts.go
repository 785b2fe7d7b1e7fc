package outage

import (
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// minute is how far back results are counted to see the end of an outage.
	minute = time.Minute
	// short is the shortest of the windows.
	short = 5 * time.Minute
	// retriedWithin is how soon a connection that fails is tried again, at the latest,
	// unless ServiceTitan asks us to wait. One that was not has ended.
	retriedWithin = 6 * time.Minute
	// settledAfter is how long after the end of an outage every connection was tried.
	settledAfter = 4 * time.Minute
	// manyCompanies is how many companies must be refused before it can be an outage. One
	// company may have many connections, and two may end theirs by coincidence.
	manyCompanies = 3
)

// windows are how far back results are counted to see the beginning of an outage. Many
// connections show it within the shortest. A few idle ones are all tried within the longest.
var windows = [...]time.Duration{short, 15 * time.Minute, 30 * time.Minute, remembered}

// counts are the results at a place.
type counts struct {
	// Latest is when the latest result came.
	Latest  time.Time
	Working workingCounts
	// Failing has the connections that fail, by the kind of their error.
	Failing map[servicetitan.ErrorKind]failingCounts
}

// workingCounts says how many connections worked when last tried.
type workingCounts struct {
	// Again counts those that failed before and were tried within the last minute.
	Again int
	// Within counts those that were tried within each of the windows.
	Within [len(windows)]int
	// Outage counts those since the beginning of the outage that goes on.
	Outage int
}

// failingCounts says how many connections fail with a kind of error.
type failingCounts struct {
	All int
	// Minute counts those that were tried within the last minute.
	Minute int
	// New counts those that began to fail within each of the windows and still do. First
	// is when the first of them began.
	New   [len(windows)]int
	First [len(windows)]seconds
	// Companies counts the companies of those in the shortest window, up to manyCompanies.
	// Only refusals have it.
	Companies int
}

// count counts the results at a place. since is the beginning of its outage; zero if it has
// none. ended is when its last outage ended; zero if that was long ago. Connections that have
// failed since then are not new until they were tried again.
func (t *tally) count(now, since, ended time.Time) counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := counts{Failing: make(map[servicetitan.ErrorKind]failingCounts)}
	if t.latest > 0 {
		c.Latest = t.latest.time()
	}
	minuteAgo, began, due := secondsOf(now.Add(-minute)), secondsOf(since), secondsOf(now.Add(-retriedWithin))
	var ago [len(windows)]seconds
	for i, window := range windows {
		ago[i] = secondsOf(now.Add(-window))
	}
	for _, w := range t.working {
		for i := len(ago) - 1; i >= 0 && w.at >= ago[i]; i-- {
			c.Working.Within[i]++
		}
		if w.again && w.at >= minuteAgo {
			c.Working.Again++
		}
		if !since.IsZero() && w.at >= began {
			c.Working.Outage++
		}
	}
	var byOutcome [len(kinds) + 1]failingCounts
	companies := make(map[outcome]map[uuid.UUID]bool)
	for _, f := range t.failing {
		n := &byOutcome[f.outcome]
		n.All++
		if f.at >= minuteAgo {
			n.Minute++
		}
		if f.at < due || !ended.IsZero() && f.since <= secondsOf(ended) && f.at < secondsOf(ended.Add(settledAfter)) {
			continue
		}
		for i := len(ago) - 1; i >= 0 && f.since >= ago[i]; i-- {
			if n.New[i]++; n.New[i] == 1 || f.since < n.First[i] {
				n.First[i] = f.since
			}
		}
		if refusal(f.outcome.kind()) && f.since >= ago[0] && len(companies[f.outcome]) < manyCompanies {
			if companies[f.outcome] == nil {
				companies[f.outcome] = map[uuid.UUID]bool{}
			}
			companies[f.outcome][f.company] = true
		}
	}
	for i, n := range byOutcome {
		if n.All > 0 {
			n.Companies = len(companies[outcome(i)]) // #nosec G115 -- there are few
			c.Failing[outcome(i).kind()] = n         // #nosec G115 -- there are few
		}
	}
	return c
}
