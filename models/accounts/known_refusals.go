package accounts

import (
	"sync"
	"time"
)

// refusalsKept bounds how many refusals an instance remembers.
const refusalsKept = 10_000

// knownRefusals remembers until when a limit refuses an address or an account, so
// that a flood of tries that are refused anyway does not reach the database. It
// is no count: the database has that, for all instances. It knows only what the
// database has said.
type knownRefusals struct {
	mu    sync.Mutex
	Until map[string]time.Time
}

func newKnownRefusals() *knownRefusals { return &knownRefusals{Until: map[string]time.Time{}} }

// Check returns a ThrottledError if one of the keys is refused at this time.
func (r *knownRefusals) Check(now time.Time, keys ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		until, ok := r.Until[key]
		if !ok {
			continue
		}
		if until.After(now) {
			return &ThrottledError{Until: until}
		}
		delete(r.Until, key)
	}
	return nil
}

// Remember keeps a refusal until its end. Where there are too many, those that
// have ended go first, and then any others: a forgotten one costs a look into the
// database.
func (r *knownRefusals) Remember(now time.Time, key string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.Until) >= refusalsKept {
		for old, ends := range r.Until {
			if !ends.After(now) {
				delete(r.Until, old)
			}
		}
		for old := range r.Until {
			if len(r.Until) < refusalsKept {
				break
			}
			delete(r.Until, old)
		}
	}
	r.Until[key] = until
}
