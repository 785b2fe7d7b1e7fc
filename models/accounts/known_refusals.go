package accounts

import (
	"sync"
	"time"
)

// refusalsKept limits how many refusals an instance remembers.
const refusalsKept = 10_000

// knownRefusals remembers until when limits refuse an address or an account. A
// flood of attempts that will be refused anyway does not reach the database. It
// counts nothing itself: the counts of all instances are in the database, and it
// only remembers their results.
type knownRefusals struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func newKnownRefusals() *knownRefusals { return &knownRefusals{until: map[string]time.Time{}} }

// Check returns a ThrottledError if one of the keys is refused now.
func (r *knownRefusals) Check(now time.Time, keys ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		until, ok := r.until[key]
		if !ok {
			continue
		}
		if until.After(now) {
			return &ThrottledError{Until: until}
		}
		delete(r.until, key)
	}
	return nil
}

// Remember keeps a refusal until it ends. If there are too many, it first forgets
// those that have ended, and then any others. Forgetting one costs only one more
// query.
func (r *knownRefusals) Remember(now time.Time, key string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.until) >= refusalsKept {
		for old, ends := range r.until {
			if !ends.After(now) {
				delete(r.until, old)
			}
		}
		for old := range r.until {
			if len(r.until) < refusalsKept {
				break
			}
			delete(r.until, old)
		}
	}
	r.until[key] = until
}
