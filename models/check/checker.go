package check

import (
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Options holds a checker's settings.
type Options struct {
	// Every and IdleEvery are the longest times between two checks of a connection that
	// is in use, and of one that is idle.
	Every, IdleEvery time.Duration
	// PerSecond is the most scheduled checks in a second for each environment, by all
	// instances together.
	PerSecond int
	// Watch is told what the checker does. Its functions may be nil.
	Watch Watch
}

// Watch holds the functions that count what the checker does, for metrics.
type Watch struct {
	// Checked is called after each scheduled check. The outcome is "ok", a models.Reason,
	// or "not_asked" if there was no token or no call to ask with.
	Checked func(environment servicetitan.EnvironmentName, outcome string, took time.Duration)
}

// Checker checks connections. Its methods are safe for concurrent use.
type Checker struct {
	db      *database.DB
	clients models.Clients
	keeper  *keeper.Keeper
	// budget is the tenants' budget of calls.
	budget *calls.Budget
	// pace limits the scheduled checks of an environment.
	pace    *calls.Budget
	outages *outage.Monitor
	options Options
	log     *slog.Logger
}

// New returns a checker of the database's connections. It checks those of the
// environments that clients are given for, and takes each call from the budget.
func New(db *database.DB, clients models.Clients, k *keeper.Keeper, budget *calls.Budget, outages *outage.Monitor, o Options, log *slog.Logger) *Checker {
	if o.Watch.Checked == nil {
		o.Watch.Checked = func(servicetitan.EnvironmentName, string, time.Duration) {}
	}
	return &Checker{
		db: db, clients: clients, keeper: k, budget: budget, pace: calls.NewBudget(db, max(o.PerSecond, 1)), outages: outages, options: o, log: log,
	}
}

// Schedule begins the checks of a connection whose access has just been shown to work.
func (c *Checker) Schedule(tx *gorm.DB, connection models.Connection, now time.Time) error {
	return models.ScheduleCheck(tx, connection, c.firstCheck(connection, now), now)
}
