package models

import (
	"context"
	"time"
)

// limits bound what is asked of PostgreSQL, so that a host that vanishes without
// a word stops nothing for good: when its context ends, the driver closes the
// connection, and the pool has room again. SQLite is in the process and needs
// none.
type limits struct {
	// work bounds a query of the background work, which tries again soon.
	work time.Duration
	// write bounds a transaction with the runs that follow a deadlock.
	write time.Duration
	// part bounds one of the reads of an export, which has many.
	part time.Duration
}

func defaultLimits() limits {
	return limits{work: 5 * time.Second, write: 30 * time.Second, part: 30 * time.Second}
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
