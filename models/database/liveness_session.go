package database

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fieldbridge/fieldbridge/models/retry"
)

// lookLimit bounds one look, with one new session if it needs one.
const lookLimit = 3 * time.Second

// locksQuery returns the advisory locks of the database, each with whether it is
// this session's, and which run of the server this is.
const locksQuery = `SELECT (l.classid::bigint << 32) | l.objid::bigint, l.pid = pg_backend_pid(), pg_postmaster_start_time(), clock_timestamp()
	FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
	WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted`

// sessionLiveness is an advisory lock on a PostgreSQL session that has no other use.
// The session is not one of the pool's, because an exhausted pool must not make the
// instance look dead. The lock is shared, so this instance can take it again even
// while the server keeps an old session of it.
type sessionLiveness struct {
	address string
	key     int64
	// turn is held by whoever uses the session.
	turn    chan struct{}
	session *pgx.Conn
	closed  bool

	begin   sync.Once
	stop    context.CancelFunc // set by begin
	looking sync.WaitGroup

	mu   sync.Mutex
	held Term
	// confirmed is when the last look that found our lock began. It is zero if the
	// session was lost since.
	confirmed time.Time
	others    presence
	// looks is how many looks have succeeded.
	looks int
}

func newSessionLiveness(address string) *sessionLiveness {
	return &sessionLiveness{
		address: address, key: rand.Int64(), // #nosec G404 -- a name, and no secret
		turn: make(chan struct{}, 1),
	}
}

func (l *sessionLiveness) prove(ctx context.Context) (Term, error) {
	l.begin.Do(func() {
		looking, stop := context.WithCancel(context.Background())
		l.stop = stop
		l.looking.Go(func() { l.keepLooking(looking) })
	})
	if t, age := l.current(); age >= 0 {
		return t, nil
	}
	if err := l.look(ctx); err != nil {
		return Term{}, fmt.Errorf("show that this instance is alive: %w", err)
	}
	t, _ := l.current()
	return t, nil
}

// holds looks until a look is answered soon enough to be relied on.
func (l *sessionLiveness) holds(ctx context.Context, t Term) error {
	for {
		now, age := l.current()
		switch {
		case now != t || age < 0:
			return ErrLockLost
		case age < confirmedFor:
			return nil
		}
		if err := l.look(ctx); err != nil {
			return err
		}
	}
}

func (l *sessionLiveness) suspects() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.others.suspects()
}

func (l *sessionLiveness) dead(owner string, taken time.Time) bool {
	text, epoch, _ := strings.Cut(holderOf(owner), ".")
	key, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		return false // it is from before leases named their holders
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ours, _ := strings.Cut(l.held.holder, ".")
	return int64(key) != l.key && epoch == ours && l.others.dead(int64(key), taken, time.Now()) // #nosec G115 -- the same bits
}

// current returns the term of the lock, and how long ago the last look that found the
// lock began. The age is -1 if the lock is lost.
func (l *sessionLiveness) current() (t Term, age time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.confirmed.IsZero() {
		return l.held, -1
	}
	return l.held, time.Since(l.confirmed)
}

// keepLooking looks until the context ends, whether anybody asks or not.
func (l *sessionLiveness) keepLooking(ctx context.Context) {
	for range retry.NowAndEvery(ctx, LookEvery) {
		_ = l.look(ctx) // whoever proves or confirms is told
	}
}

// look finds out which locks are held. If the session was lost, it begins
// another at once.
func (l *sessionLiveness) look(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if l.closed {
		return errWriterClosed
	}
	// The driver ends the session if the context ends. Whoever asks may go away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
	defer cancel()
	if l.session != nil {
		err := l.lookIn(ctx, l.session, false)
		if err == nil {
			return nil
		}
		l.drop()
	}
	session, err := pgx.Connect(ctx, l.address)
	if err != nil {
		return redactDSN(err, l.address)
	}
	l.session = session
	if _, err = session.Exec(ctx, "SELECT pg_advisory_lock_shared($1)", l.key); err == nil {
		err = l.lookIn(ctx, session, true)
	}
	if err != nil {
		l.drop()
	}
	return err
}

// drop ends the session. The caller has the turn.
func (l *sessionLiveness) drop() {
	ctx, cancel := context.WithTimeout(context.Background(), letWithin)
	defer cancel()
	_ = l.session.Close(ctx)
	l.session = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.confirmed = time.Time{}
	l.others.lose()
}

// lookIn looks in a session. In a fresh one, a new term begins.
func (l *sessionLiveness) lookIn(ctx context.Context, session *pgx.Conn, fresh bool) error {
	began := time.Now()
	rows, err := session.Query(ctx, locksQuery)
	if err != nil {
		return err
	}
	keys, held := map[int64]bool{}, false
	var key int64
	var ours bool
	var epoch, clock time.Time
	_, err = pgx.ForEachRow(rows, []any{&key, &ours, &epoch, &clock}, func() error {
		keys[key] = true
		held = held || ours && key == l.key
		return nil
	})
	if err != nil {
		return err
	}
	if !held {
		return ErrLockLost // a pooler has given us another session
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if fresh {
		l.held = Term{fmt.Sprintf("%016x.%x", uint64(l.key), epoch.UnixMicro()), l.held.number + 1} // #nosec G115 -- the same bits
	}
	l.confirmed = began
	l.looks++
	l.others.saw(look{time.Now(), clock}, keys)
	return nil
}

func (l *sessionLiveness) close() {
	l.begin.Do(func() { l.stop = func() {} }) // nobody begins to look any more
	l.stop()
	l.looking.Wait()
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.closed = true
	if l.session != nil {
		l.drop()
	}
}
