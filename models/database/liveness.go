package database

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

// LeaseLife is how long a lease lasts. It is longer than the slowest request to
// ServiceTitan and its repetition together.
const LeaseLife = 30 * time.Second

// ErrServed says that another process serves the same SQLite file.
var ErrServed = errors.New("another fieldbridge is serving this SQLite file, and one process serves a file; stop that one, or use PostgreSQL for several")

// ErrLockLost says that this instance lost the lock under which it took a lease.
// Others may have taken it for dead since, and taken the lease over.
var ErrLockLost = errors.New("the lock that shows this instance alive was lost")

// liveness shows other instances that this one is alive, and says which of them
// have died. What a dead instance had sent can then be retried within the
// issuer's grace period, instead of after the end of its lease.
//
// On SQLite one process serves a file. It holds an exclusive lock on a file
// beside the database for as long as it lives. Only the lock's holder writes
// leases, so every other holder's lease belongs to a dead process.
//
// On PostgreSQL each instance holds an advisory lock on a session of its own,
// and everybody sees who holds one. These rules keep an instance that lives
// from being taken for a dead one, and two instances from sending the same
// refresh token:
//
//  1. An instance checks every LookEvery whether its session still has the lock.
//     It takes a lost lock again at once, under the same key.
//  2. A lease is taken under a lock, and its request is sent only in the same
//     session, within confirmedFor of the beginning of a look that found the
//     lock. An instance that has lost its lock therefore sends nothing more
//     under the leases that it has, even after it has the lock again.
//  3. A holder is dead once its lock has been absent at every look for
//     absentFor. That is longer than confirmedFor, so the holder has stopped
//     sending by then. It is also longer than it takes to take the lock again.
//  4. A restart or failover of the database ends all sessions at once while
//     requests are under way. A lease from before the server's start ends by its
//     time only. An instance that has lost its own session believes an absence
//     only of a holder that it has seen again since, until all leases from
//     before have ended by their time.
//
// A process that is stopped keeps its lock on either database. Its leases end
// by their time, and lease.old keeps it from sending when it goes on.
type liveness interface {
	// prove returns the term of this instance's lock, and begins one if there is
	// none. On SQLite it returns ErrServed if another process has the lock.
	prove(ctx context.Context) (Term, error)
	// holds returns an error unless the term lasts.
	holds(ctx context.Context, t Term) error
	// dead says whether the holder of a lease has died. The lease was taken at a
	// time of the database's clock.
	dead(owner string, taken time.Time) bool
	// suspects says whether there may be a lease of a holder that has died.
	suspects() bool
	close()
}

// Term is a period in which an instance holds its lock without a break.
type Term struct {
	holder string
	number int
}

// NewOwner returns the owner for a new lease of the term's holder.
func (t Term) NewOwner() string { return t.holder + "/" + NewID().String() }

// holderOf returns the holder that a lease's owner names. Owners from before
// leases named their holders have none.
func holderOf(owner string) string {
	holder, _, named := strings.Cut(owner, "/")
	if !named {
		return ""
	}
	return holder
}

// HoldForServing shows until Close that this process serves the database. On
// SQLite it returns ErrServed if another process does.
func (db *DB) HoldForServing(ctx context.Context) error {
	_, err := db.alive.prove(ctx)
	return err
}

// ProveAlive returns the term of this instance's lock, and takes the lock if it
// is not held. On SQLite it returns ErrServed if another process has it.
func (db *DB) ProveAlive(ctx context.Context) (Term, error) { return db.alive.prove(ctx) }

// StillAlive returns an error unless the term lasts.
func (db *DB) StillAlive(ctx context.Context, t Term) error { return db.alive.holds(ctx, t) }

// HolderDied says whether the holder of a lease has died. The lease was taken at
// a time of the database's clock.
func (db *DB) HolderDied(owner string, taken time.Time) bool { return db.alive.dead(owner, taken) }

// SuspectsDead says whether there may be a lease of a holder that has died.
func (db *DB) SuspectsDead() bool { return db.alive.suspects() }

// fileLiveness is a lock on a file beside a SQLite database.
type fileLiveness struct {
	path string

	mu      sync.Mutex
	held    Term
	release func()
}

func (l *fileLiveness) prove(context.Context) (Term, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.release == nil {
		release, err := lockFile(l.path+".serving", syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrServed
		}
		if err != nil {
			return Term{}, fmt.Errorf("hold database for serving: %w", err)
		}
		l.release, l.held = release, Term{NewID().String(), l.held.number + 1}
	}
	return l.held, nil
}

func (l *fileLiveness) holds(_ context.Context, t Term) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.release == nil || l.held != t {
		return ErrLockLost
	}
	return nil
}

func (l *fileLiveness) dead(owner string, _ time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.release != nil && holderOf(owner) != l.held.holder
}

func (l *fileLiveness) suspects() bool { return true }

func (l *fileLiveness) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.release != nil {
		l.release()
		l.release = nil
	}
}
