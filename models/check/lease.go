package check

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// dueCheck is a check that is due, as it was when it was leased, and its connection.
type dueCheck struct {
	models.Check
	connection models.Connection
}

var (
	checkRow      = database.RowOf[models.Check]()
	connectionRow = database.RowOf[models.Connection]()
)

// dueChecks is the query of readDue. It locks nothing but checks.
var dueChecks = `SELECT ` + checkRow.ColumnsOf("k") + `, ` + connectionRow.ColumnsOf("c") + `
	FROM checks k JOIN connections c ON c.id = k.connection_id
	WHERE k.environment = $1 AND k.due_at <= $2 AND (k.lease_until IS NULL OR k.lease_until <= $3) ORDER BY k.due_at LIMIT $4`

// due leases checks of an environment that are due, the longest due first.
//
// Nothing is lost with a check that ends without a result, so its lease is simpler than
// that of a renewal: if its holder dies, another instance makes the check again once the
// lease has ended by its time. A holder that was stopped for longer finds another owner in
// its place, and records nothing.
func (c *Checker) due(ctx context.Context, of servicetitan.EnvironmentName, limit int) (leased []dueCheck, err error) {
	// A read costs less than a write, and most of the time nothing is due.
	if some, err := c.anythingDue(ctx, of); err != nil || !some {
		return nil, err
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		leased = nil // the transaction may run more than once
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		if leased, err = readDue(tx, of, limit, now); err != nil || len(leased) == 0 {
			return err
		}
		return lease(tx, leased, now)
	})
	if err != nil {
		return nil, fmt.Errorf("lease due checks: %w", err)
	}
	return leased, nil
}

// anythingDue says whether a check of an environment is due and not leased.
func (c *Checker) anythingDue(ctx context.Context, of servicetitan.EnvironmentName) (bool, error) {
	now, err := c.db.SharedNow(c.db.Read(ctx))
	if err != nil {
		return false, err
	}
	var found int
	err = c.db.ReadRow(ctx, "SELECT 1 FROM checks WHERE environment = $1 AND due_at <= $2 AND (lease_until IS NULL OR lease_until <= $3) LIMIT 1",
		[]any{of, now, now}, &found)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return false, fmt.Errorf("look for due checks: %w", err)
	}
	return err == nil, nil
}

// readDue reads the checks of an environment that are due, the longest due first. It locks
// them, and skips those that other instances have locked.
func readDue(tx *gorm.DB, of servicetitan.EnvironmentName, limit int, now time.Time) (list []dueCheck, err error) {
	query := dueChecks
	if database.IsPostgres(tx) {
		query += " FOR UPDATE OF k SKIP LOCKED"
	}
	err = database.Query(tx, query, []any{of, now, now, limit}, func(rows *sql.Rows) error {
		var d dueCheck
		err := rows.Scan(append(checkRow.Into(&d.Check), connectionRow.Into(&d.connection)...)...)
		list = append(list, d)
		return err
	})
	return list, err
}

// lease leases checks whose rows the caller has locked, with one statement.
func lease(tx *gorm.DB, these []dueCheck, now time.Time) error {
	owner, ids := database.NewID().String(), make([]uuid.UUID, len(these))
	for i := range these {
		these[i].LeaseOwner, ids[i] = owner, these[i].ConnectionID
	}
	return tx.Model(&models.Check{}).Where("connection_id IN ?", ids).
		Updates(map[string]any{"lease_owner": owner, "lease_until": now.Add(database.LeaseLife)}).Error
}

// putBack ends the lease of a check that found out nothing, and schedules it for later. A
// connection that has no access to check is never due.
func (c *Checker) putBack(ctx context.Context, d dueCheck, cause error) error {
	within, cancel := c.db.LimitWork(context.WithoutCancel(ctx))
	defer cancel()
	err := c.db.Write(within, func(tx *gorm.DB) error {
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		due := putOff(d, cause, ctx.Err() != nil, now)
		_, err = database.Exec(tx, "UPDATE checks SET due_at = $1, lease_owner = '', lease_until = NULL WHERE connection_id = $2 AND lease_owner = $3",
			due, d.ConnectionID, d.LeaseOwner)
		return err
	})
	if err != nil {
		return fmt.Errorf("put check back: %w", err)
	}
	return nil
}

// putOff returns when a check is due that found out nothing. Stopping says that this
// instance stops, so that another one makes it at once.
func putOff(d dueCheck, cause error, stopping bool, now time.Time) *time.Time {
	due := nextTry(1, 0, now)
	if spent, ok := errors.AsType[*calls.SpentError](cause); ok {
		due = nextTry(1, spent.Until.Sub(now), now)
	}
	if e, ok := errors.AsType[*models.ReasonError](cause); ok {
		if errors.Is(e, models.ErrReconnectNeeded) || errors.Is(e, models.ErrNotConnected) {
			return nil
		}
		due = nextTry(1, e.RetryAt.Sub(now), now)
	}
	if stopping {
		return d.DueAt
	}
	return &due
}
