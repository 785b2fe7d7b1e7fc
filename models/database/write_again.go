package database

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/retry"
)

const (
	// writeRuns is how often a write is run at most.
	writeRuns = 5
	// firstWritePause is the longest pause before a write is run again. It doubles
	// each time.
	firstWritePause = 20 * time.Millisecond
)

// writeAgain runs a write up to writeRuns times if PostgreSQL rolls its transaction
// back because of others: after a deadlock, after a serialization failure, or when a
// newer program has changed a table. The pauses are random, so that the same
// transactions do not collide again. SQLite does not need this, because its single
// writer waits for the lock before it begins.
func writeAgain(ctx context.Context, write func(context.Context, func(*gorm.DB) error) error, fn func(*gorm.DB) error) error {
	pause := firstWritePause
	for run := 1; ; run++ {
		err := write(ctx, fn)
		if !rolledBack(err) || run == writeRuns {
			return err
		}
		if retry.Pause(ctx, retry.Spread(pause)) != nil {
			return err
		}
		pause *= 2
	}
}

// rolledBack says whether the server rolled the transaction back, so that
// running it again can succeed and does nothing twice.
func rolledBack(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	if stalePlan(e) {
		return true
	}
	switch e.Code {
	case "40000", // transaction_rollback
		"40001", // serialization_failure
		"40P01": // deadlock_detected
		return true
	}
	// 40002 fails again, and of 40003 (statement_completion_unknown) nobody knows
	// whether the transaction was committed.
	return false
}

// stalePlan says whether a newer program has changed a table since the connection
// planned the statement. The driver plans it anew the next time.
func stalePlan(e *pgconn.PgError) bool {
	return e.Code == "0A000" && strings.Contains(e.Routine, "RevalidateCachedQuery")
}
