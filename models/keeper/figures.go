package keeper

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Figures says how all connections are doing, for metrics.
type Figures struct {
	Connections []StateCount
	// Lag is how long the longest overdue renewal has been due.
	Lag time.Duration
	// Unsaved is the number of renewals of this instance whose answer could not be saved
	// yet.
	Unsaved int64
}

// StateCount is the number of connections of an environment in a state.
type StateCount struct {
	Environment servicetitan.EnvironmentName
	State       models.State
	N           int64
}

// Figures returns the figures of this moment.
func (k *Keeper) Figures(ctx context.Context) (Figures, error) {
	f := Figures{Unsaved: k.unsaved.Load()}
	db := k.db.Read(ctx)
	if err := db.Raw("SELECT environment, state, sum(n) AS n FROM connection_totals GROUP BY environment, state").Scan(&f.Connections).Error; err != nil {
		return f, fmt.Errorf("count connections: %w", err)
	}
	now, err := k.db.SharedNow(db)
	if err != nil {
		return f, err
	}
	if f.Lag, err = k.Lag(db, now); err != nil {
		return f, err
	}
	return f, nil
}

// Lag returns how long the longest overdue renewal has been due. It is 0 if none is
// overdue, and leaves out environments that this instance does not have.
func (k *Keeper) Lag(db *gorm.DB, now time.Time) (time.Duration, error) {
	var pieces []string
	var args []any
	for i, lane := range k.Lanes() {
		pieces = append(pieces, fmt.Sprintf("SELECT due_at FROM (SELECT due_at FROM credentials WHERE environment = ? AND own_client = ? AND due_at <= ? ORDER BY due_at LIMIT 1) AS lane%d", i))
		args = append(args, lane.Environment, lane.OwnClient, now)
	}
	if len(pieces) == 0 {
		return 0, nil
	}
	var due []credential
	if err := db.Raw(strings.Join(pieces, " UNION ALL ")+" ORDER BY due_at LIMIT 1", args...).Scan(&due).Error; err != nil {
		return 0, fmt.Errorf("find the longest overdue renewal: %w", err)
	}
	if len(due) == 0 || due[0].DueAt == nil {
		return 0, nil
	}
	return now.Sub(*due[0].DueAt), nil
}
