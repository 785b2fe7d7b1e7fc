package models

import (
	"context"
	"fmt"
	"time"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Figures are how all connections are doing at a moment.
type Figures struct {
	Connections []StateCount
	// Lag is for how long the renewal that is due the longest has been due.
	Lag time.Duration
	// Unsaved is how many renewals wait for the database.
	Unsaved int64
}

// StateCount is how many connections of an environment are in a state.
type StateCount struct {
	Environment servicetitan.EnvironmentName
	State       State
	N           int64
}

// Figures reads them.
func (k *Keeper) Figures(ctx context.Context) (Figures, error) {
	f := Figures{Unsaved: k.Unsaved()}
	db := k.db.Read(ctx)
	if err := db.Raw("SELECT environment, state, sum(n) AS n FROM connection_totals GROUP BY environment, state").Scan(&f.Connections).Error; err != nil {
		return f, fmt.Errorf("count connections: %w", err)
	}
	now, err := k.db.sharedNow(db)
	if err != nil {
		return f, err
	}
	if f.Lag, err = k.lag(db, now); err != nil {
		return f, err
	}
	return f, nil
}
