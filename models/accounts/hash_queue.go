package accounts

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fieldbridge/fieldbridge/models/retry"
)

// How many sign-ins may wait to hash a password. A whole office that signs in
// at the same moment fits into one address's share.
const (
	hashWaiters           = 80
	hashWaitersPerAddress = 40
	hashWaitersPerAccount = 8
	// hashPatience bounds how long strangers wait for a turn, so that they hear
	// within three seconds. Who is known is let in a little later rather than not.
	hashPatience      = 2500 * time.Millisecond
	knownHashPatience = 10 * time.Second
	// knownTurns is how many known devices are served before one of the others is.
	knownTurns = 3
	// busyRetry is when people whom we could not serve are told to come back. The
	// times are spread, so that they do not all come back at once.
	busyRetry = 5 * time.Second
)

// hashAsker is who asks for a turn to hash a password.
type hashAsker struct {
	// known says that it is somebody whom strangers cannot be: on a device that
	// has signed in to the account before, or with a valid link.
	known bool
	// key is the account of whoever is known, and the address of the others.
	key string
}

// hashQueue decides who may hash a password. Hashing keeps a core busy and
// takes 19 MiB, so only a few do it at a time, and only so many wait. Known
// devices have a line of their own, which strangers cannot fill: they come
// first, and where there are several slots, one is theirs alone. In each line
// turns go round: by account among known devices, by address among others.
type hashQueue struct {
	now func() time.Time

	mu              sync.Mutex
	slots           int // free ones
	strangerSlots   int // of them, those that strangers may take
	known, stranger hashLine
	knownInARow     int
}

// hashLine is a line of askers. Those of the same key wait behind each other.
type hashLine struct {
	most, mostPerKey int
	waiting          int
	order            []string // keys with waiters, the next one first
	byKey            map[string][]*hashWaiter
}

type hashWaiter struct {
	asker hashAsker
	// turn gets nil when it is the waiter's turn, and an error when they gave up
	// their place for somebody of another address.
	turn chan error
}

func newHashQueue(slots int, now func() time.Time) *hashQueue {
	line := func(perKey int) hashLine {
		return hashLine{most: hashWaiters, mostPerKey: perKey, byKey: map[string][]*hashWaiter{}}
	}
	return &hashQueue{
		now: now, slots: slots, strangerSlots: max(1, slots-1),
		known: line(hashWaitersPerAccount), stranger: line(hashWaitersPerAddress),
	}
}

// Turn waits until the asker may hash and returns what ends the turn. It
// returns a BusyError at once if too many wait, or when it has waited for too long.
func (q *hashQueue) Turn(ctx context.Context, asker hashAsker) (done func(), err error) {
	w := &hashWaiter{asker: asker, turn: make(chan error, 1)}
	if !q.enter(w) {
		return nil, q.busy()
	}
	limit := hashPatience
	if asker.known {
		limit = knownHashPatience
	}
	patience := time.NewTimer(limit)
	defer patience.Stop()
	select {
	case err = <-w.turn:
	case <-patience.C:
		err = q.leave(w, q.busy())
	case <-ctx.Done():
		err = q.leave(w, context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("wait to hash: %w", err)
	}
	return sync.OnceFunc(func() { q.end(asker) }), nil
}

func (q *hashQueue) busy() error {
	return &BusyError{Until: q.now().Add(busyRetry + retry.Spread(busyRetry))}
}

func (q *hashQueue) lineOf(asker hashAsker) *hashLine {
	if asker.known {
		return &q.known
	}
	return &q.stranger
}

// enter says whether there is a place for the waiter.
func (q *hashQueue) enter(w *hashWaiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	evicted, ok := q.lineOf(w.asker).add(w)
	if evicted != nil {
		evicted.turn <- q.busy()
	}
	q.serve()
	return ok
}

// leave takes a waiter out, whose error it returns. If the turn came at the
// same moment, it goes to the next.
func (q *hashQueue) leave(w *hashWaiter, why error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lineOf(w.asker).remove(w) {
		return why
	}
	if err := <-w.turn; err != nil {
		return err
	}
	q.free(w.asker)
	q.serve()
	return why
}

func (q *hashQueue) end(asker hashAsker) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free(asker)
	q.serve()
}

func (q *hashQueue) free(asker hashAsker) {
	q.slots++
	if !asker.known {
		q.strangerSlots++
	}
}

// serve gives free slots to those who come next.
func (q *hashQueue) serve() {
	for q.slots > 0 {
		forStrangers := q.stranger.waiting > 0 && q.strangerSlots > 0
		switch {
		case q.known.waiting > 0 && (q.knownInARow < knownTurns || !forStrangers):
			q.knownInARow++
			q.known.next().turn <- nil
		case forStrangers:
			q.knownInARow = 0
			q.strangerSlots--
			q.stranger.next().turn <- nil
		default:
			return
		}
		q.slots--
	}
}

// add puts a waiter behind the others of the same key. In a full line, whoever
// has fewer waiters takes the place of the last one of whoever has most.
func (l *hashLine) add(w *hashWaiter) (evicted *hashWaiter, ok bool) {
	key := w.asker.key
	if len(l.byKey[key]) >= l.mostPerKey {
		return nil, false
	}
	if l.waiting >= l.most {
		longest := slices.MaxFunc(l.order, func(a, b string) int { return len(l.byKey[a]) - len(l.byKey[b]) })
		if len(l.byKey[longest]) <= len(l.byKey[key])+1 {
			return nil, false
		}
		evicted = l.byKey[longest][len(l.byKey[longest])-1]
		l.remove(evicted)
	}
	if len(l.byKey[key]) == 0 {
		l.order = append(l.order, key)
	}
	l.byKey[key] = append(l.byKey[key], w)
	l.waiting++
	return evicted, true
}

// next takes the first waiter of the key whose turn it is. The key's others
// come again after those of all other keys.
func (l *hashLine) next() *hashWaiter {
	key := l.order[0]
	w := l.byKey[key][0]
	l.order = append(l.order[1:], key)
	l.remove(w)
	return w
}

// remove says whether the waiter was in the line.
func (l *hashLine) remove(w *hashWaiter) bool {
	key := w.asker.key
	i := slices.Index(l.byKey[key], w)
	if i < 0 {
		return false
	}
	l.waiting--
	l.byKey[key] = slices.Delete(l.byKey[key], i, i+1)
	if len(l.byKey[key]) == 0 {
		delete(l.byKey, key)
		l.order = slices.DeleteFunc(l.order, func(k string) bool { return k == key })
	}
	return true
}
