package readiness

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

const (
	// kept is how long a result counts, so that however often somebody asks, the
	// database has one small write in this time.
	kept  = 5 * time.Second
	limit = 2 * time.Second
	// patience is how long the last result counts while the database is too busy for
	// the next one.
	patience = 30 * time.Second
	// checkEvery is how often the process asks itself.
	checkEvery = time.Minute
	// countEvery is how often all encrypted values are read, to learn their keys.
	countEvery = time.Hour
)

// Result is what a check found, and when.
type Result struct {
	Cause Cause
	// Err says more than the cause, for the log and for operators. It has no secret.
	Err error
	At  time.Time
}

// Checker checks whether its process can do its work. All who ask share one check.
type Checker struct {
	db    *database.DB
	keys  *seal.Keys
	watch func(Cause)
	log   *slog.Logger
	// limit is how long somebody who asks waits.
	limit time.Duration

	mu      sync.Mutex
	last    Result
	running chan struct{} // is closed when the check under way ends; nil if there is none
	// wroteAt is when a small write last worked.
	wroteAt time.Time
}

// New returns a checker. It calls watch with the result of each check.
func New(db *database.DB, keys *seal.Keys, watch func(Cause), log *slog.Logger) *Checker {
	return &Checker{db: db, keys: keys, watch: watch, log: log, limit: limit}
}

// Run checks now and then, so that the log and the metrics know even if nobody asks, and
// so that other instances learn the key of this one.
func (c *Checker) Run(ctx context.Context) {
	var counted time.Time
	for range retry.NowAndEvery(ctx, checkEvery) {
		c.Check(ctx)
		if now := c.db.Now(); now.Sub(counted) >= countEvery {
			counted = now
			if err := keyring.CountKeys(ctx, c.db); err != nil && ctx.Err() == nil {
				c.log.Warn("finding out which keys are in use failed", "error", err)
			}
		}
	}
}

// Check returns a result that is at most a few seconds old. If the database is so busy
// that there is none in time, the last result counts for a while.
func (c *Checker) Check(ctx context.Context) Result {
	running := c.start(ctx)
	if running != nil {
		enough := time.NewTimer(c.limit)
		defer enough.Stop()
		select {
		case <-running:
		case <-enough.C:
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.db.Now().Sub(c.last.At) >= patience {
		return Result{Cause: NoAnswer, At: c.last.At}
	}
	return c.last
}

// start starts a check unless one is under way or the last result still counts. It
// returns what to wait for, or nil.
func (c *Checker) start(ctx context.Context) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil && c.db.Now().Sub(c.last.At) >= kept {
		c.running = make(chan struct{})
		go c.check(context.WithoutCancel(ctx)) // for all who ask, not only for this one
	}
	return c.running
}

func (c *Checker) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cause, err := Examine(ctx, c.db, c.keys, func(ctx context.Context) error {
		err := keyring.NoteKey(ctx, c.db, c.keys)
		if err == nil {
			c.mu.Lock()
			c.wroteAt = c.db.Now()
			c.mu.Unlock()
		}
		return err
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.db.Now()
	if cause == WritesWait && now.Sub(c.wroteAt) < patience {
		cause, err = None, nil // busy, not broken
	}
	if cause != c.last.Cause || c.last.At.IsZero() {
		c.tell(cause, err)
	}
	c.last = Result{Cause: cause, Err: err, At: now}
	c.watch(cause)
	close(c.running)
	c.running = nil
}

// tell logs a change.
func (c *Checker) tell(cause Cause, err error) {
	switch {
	case cause != None:
		c.log.Warn("not ready", "cause", cause, "error", err)
	case !c.last.At.IsZero():
		c.log.Info("ready again")
	}
}
