package accounts

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fieldbridge/fieldbridge/models/retry"
)

// How many sign-ins may wait to hash a password, and for how long. An office whose
// people all sign in at the same moment fits into the share of one address.
const (
	hashWaiters           = 80
	hashWaitersPerAddress = 40
	hashWaitersPerAccount = 8
	// hashPatience limits how long strangers wait for a turn, so that they get an
	// answer within three seconds. Known devices wait longer, because for them a
	// slow sign-in is better than none.
	hashPatience      = 2500 * time.Millisecond
	knownHashPatience = 10 * time.Second
	// knownTurns is how many turns in a row known devices get before a stranger
	// gets one.
	knownTurns = 3
	// busyRetry is the shortest time after which people who got no turn should try
	// again. The actual times are spread, so that they do not all return at once.
	busyRetry = 5 * time.Second
)

// hashAsker is who asks for a turn to hash a password.
type hashAsker struct {
	// known says that this cannot be a stranger: the device has signed in to the
	// account before, or the person has a valid link.
	known bool
	// key is the account of a known asker, and the address of a stranger.
	key string
}

// hashQueue decides who may hash a password. Hashing keeps a core busy and takes 19
// MiB of memory, so few may hash and few may wait at a time.
//
// Known devices have a line of their own, which strangers cannot fill. They come
// first, and if there are several slots, strangers leave one of them free. Within a
// line, the turns rotate: by account among known devices, by address among
// strangers.
type hashQueue struct {
	now func() time.Time

	mu              sync.Mutex
	slots           int // that are free
	strangerSlots   int // how many of them strangers may take
	known, stranger hashLine
	knownInARow     int
}

// hashLine is a line of waiters. Waiters with the same key queue behind each other.
type hashLine struct {
	most, mostPerKey int
	waiting          int
	order            []string // keys that have waiters, the next one first
	byKey            map[string][]*hashWaiter
}

type hashWaiter struct {
	asker hashAsker
	// turn receives nil when it is the waiter's turn. It receives an error when the
	// waiter loses the place to somebody at another address.
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

// Turn waits until the asker may hash. The caller calls done to end the turn. Turn
// returns a BusyError at once if too many are waiting, and later if the wait takes
// too long.
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

// enter adds the waiter and reports whether there was a place.
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

// leave removes a waiter, and returns why. If the turn came at the same moment, the
// next waiter gets it.
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

// serve gives the free slots to the next waiters.
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

// add puts a waiter behind the others with the same key. If the line is full, the
// key with the most waiters loses its last one, unless the new waiter's key would
// then have as many.
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

// next removes and returns the first waiter of the key whose turn it is. That key
// then goes behind all others.
func (l *hashLine) next() *hashWaiter {
	key := l.order[0]
	w := l.byKey[key][0]
	l.order = append(l.order[1:], key)
	l.remove(w)
	return w
}

// remove removes the waiter and reports whether it was in the line.
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
