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

// Figures counts. It reads every connection, so it is not for each request.
func (k *Keeper) Figures(ctx context.Context) (Figures, error) {
	f := Figures{Unsaved: k.Unsaved()}
	db := k.db.Read(ctx)
	if err := db.Raw("SELECT environment, state, count(*) AS n FROM connections GROUP BY environment, state").Scan(&f.Connections).Error; err != nil {
		return f, fmt.Errorf("count connections: %w", err)
	}
	now, err := k.db.sharedNow(db)
	if err != nil {
		return f, err
	}
	for at := range k.gates {
		var due []credential
		err := db.Select("due_at").Where("environment = ? AND own_client = ? AND due_at <= ?", at.environment, at.own, now).
			Order("due_at").Limit(1).Find(&due).Error
		if err != nil {
			return f, fmt.Errorf("find the longest due: %w", err)
		}
		for _, d := range due {
			f.Lag = max(f.Lag, now.Sub(*d.DueAt))
		}
	}
	return f, nil
}
