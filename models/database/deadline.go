package database

import (
	"context"
	"time"
)

// limits bound what is asked of PostgreSQL, so that a host that vanishes without
// a word stops nothing for good: when its context ends, the driver closes the
// connection, and the pool has room again. SQLite is in the process and needs
// none.
type limits struct {
	// Work bounds a query of the background work, which tries again soon.
	Work time.Duration
	// Write bounds a transaction with the runs that follow a deadlock.
	Write time.Duration
	// Part bounds one of the reads of an export, which has many.
	Part time.Duration
}

func defaultLimits() limits {
	return limits{Work: 5 * time.Second, Write: 30 * time.Second, Part: 30 * time.Second}
}

// aloneLimit bounds a write that touches most tables.
const aloneLimit = 10 * time.Minute

// within is a context that ends after a limit, on PostgreSQL.
func (db *DB) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if db.dialect != postgresDialect {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// LimitWork returns a context for a query of the background work. On PostgreSQL
// it ends after a few seconds; whoever waits tries again soon.
func (db *DB) LimitWork(ctx context.Context) (context.Context, context.CancelFunc) {
	return db.within(ctx, db.limits.Work)
}

// LimitPart returns a context for one of the many reads of an export. On
// PostgreSQL it ends after 30 seconds.
func (db *DB) LimitPart(ctx context.Context) (context.Context, context.CancelFunc) {
	return db.within(ctx, db.limits.Part)
}
