package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Lag returns how long the longest overdue check has been due. It is 0 if none is overdue,
// and leaves out environments that this instance does not have.
func (c *Checker) Lag(ctx context.Context) (lag time.Duration, err error) {
	now, err := c.db.SharedNow(c.db.Read(ctx))
	if err != nil {
		return 0, err
	}
	for _, client := range c.clients {
		var due time.Time
		err := c.db.ReadRow(ctx, "SELECT due_at FROM checks WHERE environment = $1 AND due_at <= $2 ORDER BY due_at LIMIT 1",
			[]any{client.Environment().Name, now}, &due)
		if errors.Is(err, database.ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("find the longest overdue check: %w", err)
		}
		lag = max(lag, now.Sub(due))
	}
	return lag, nil
}
