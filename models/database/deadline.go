package database

import (
	"context"
	"time"
)

// limits bound requests to PostgreSQL, so that a host that silently disappears blocks
// nothing forever. When the context of a request ends, the driver closes the
// connection, and the pool has room again. SQLite runs in this process and needs no
// limits.
type limits struct {
	// Work bounds a query of the background work, which soon tries again.
	Work time.Duration
	// Write bounds a transaction, including the runs after a deadlock.
	Write time.Duration
	// Part bounds one of the many reads of an export.
	Part time.Duration
}

func defaultLimits() limits {
	return limits{Work: 5 * time.Second, Write: 30 * time.Second, Part: 30 * time.Second}
}

// aloneLimit bounds a write that touches most tables.
const aloneLimit = 10 * time.Minute

// within returns a context that ends after the limit on PostgreSQL.
func (db *DB) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if db.dialect != postgresDialect {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// LimitWork returns a context for a query of the background work. On PostgreSQL
// it ends after 5 seconds, and the caller soon tries again.
func (db *DB) LimitWork(ctx context.Context) (context.Context, context.CancelFunc) {
	return db.within(ctx, db.limits.Work)
}

// LimitPart returns a context for one of the many reads of an export. On
// PostgreSQL it ends after 30 seconds.
func (db *DB) LimitPart(ctx context.Context) (context.Context, context.CancelFunc) {
	return db.within(ctx, db.limits.Part)
}
