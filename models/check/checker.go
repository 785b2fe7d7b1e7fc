package check

import (
	"context"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

// Options holds a checker's settings.
type Options struct {
	// Every and IdleEvery are the longest times between two checks of a connection that
	// is in use, and of one that is idle.
	Every, IdleEvery time.Duration
	// PerSecond is the most scheduled checks in a second for each environment, by all
	// instances together.
	PerSecond int
}

// Checker checks connections. Its methods are safe for concurrent use.
type Checker struct {
	db      *database.DB
	clients models.Clients
	keeper  *keeper.Keeper
	// budget is the tenants' budget of calls.
	budget  *calls.Budget
	options Options
	log     *slog.Logger
}

// New returns a checker of the database's connections. It checks those of the
// environments that clients are given for.
func New(db *database.DB, clients models.Clients, k *keeper.Keeper, budget *calls.Budget, o Options, log *slog.Logger) *Checker {
	return &Checker{db: db, clients: clients, keeper: k, budget: budget, options: o, log: log}
}

// Schedule begins the checks of a connection whose access has just been shown to work.
func (c *Checker) Schedule(tx *gorm.DB, connection models.Connection, now time.Time) error {
	return models.ScheduleCheck(tx, connection, c.next(connection, now), now)
}

// next returns when to check a connection again after a check that worked. The spread
// separates connections that were made together.
func (c *Checker) next(connection models.Connection, now time.Time) time.Time {
	every := c.options.IdleEvery
	if keeper.InUse(connection, now) {
		every = c.options.Every
	}
	return now.Add(every - retry.Spread(every/5))
}

// Run checks what is due until the context ends. Any number of instances may run at the
// same time.
func (c *Checker) Run(ctx context.Context) { <-ctx.Done() }
