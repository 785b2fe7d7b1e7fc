package check

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// parallelChecks is the maximum number of checks that are under way at once in each
	// environment. There are no more than can begin in a second.
	parallelChecks = 64
	// leasedAtOnce is the maximum number of checks that one write leases.
	leasedAtOnce = 16
	// longestSpread is how much longer a check waits for its turn than it has to.
	longestSpread = 100 * time.Millisecond
	// pollEvery is how often the checker looks for due checks if there were none.
	pollEvery = 2 * time.Second
	// checkLimit is the time limit of one check, which ends before its lease does.
	checkLimit = database.LeaseLife - 5*time.Second
)

// Run checks what is due until the context ends. Then it stops the calls under way, which
// change nothing in ServiceTitan, and returns after their leases have ended. Any number of
// instances may run at the same time.
func (c *Checker) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, client := range c.clients {
		all.Go(func() { c.tend(ctx, client) })
	}
	all.Wait()
}

// tend checks what is due in an environment until the context ends.
func (c *Checker) tend(ctx context.Context, client *servicetitan.Client) {
	slots := make(chan struct{}, min(parallelChecks, max(c.options.PerSecond, 1)))
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select { // wait until a slot is free
		case slots <- struct{}{}:
			<-slots
		case <-ctx.Done():
			return
		}
		limit := min(leasedAtOnce, cap(slots)-len(slots))
		list := c.dueNow(ctx, client.Environment().Name, limit)
		for _, d := range list {
			slots <- struct{}{} // there is room, because nobody else fills the slots
			all.Go(func() {
				defer func() { <-slots }()
				c.check(ctx, client, d)
			})
		}
		if len(list) == limit && ctx.Err() == nil {
			continue // there is probably more
		}
		if retry.Pause(ctx, pollEvery) != nil {
			return
		}
	}
}

// dueNow is due within the time limit of work. It logs the error.
func (c *Checker) dueNow(ctx context.Context, of servicetitan.EnvironmentName, limit int) []dueCheck {
	within, cancel := c.db.LimitWork(ctx)
	defer cancel()
	list, err := c.due(within, of, limit)
	if err != nil && ctx.Err() == nil {
		c.log.WarnContext(ctx, "due checks cannot be leased", "environment", of, "error", err)
	}
	return list
}

// takeTurn waits until the pace of an environment allows a check. No tenant has the ID 0.
func (c *Checker) takeTurn(ctx context.Context, of servicetitan.EnvironmentName) error {
	for {
		err := c.pace.Take(ctx, calls.Tenant{Environment: of})
		spent, ok := errors.AsType[*calls.SpentError](err)
		if !ok {
			return err
		}
		// The spread keeps those who wait from asking all at once.
		if err := retry.Pause(ctx, spent.Until.Sub(c.db.Now())+retry.Spread(longestSpread)); err != nil {
			return err
		}
	}
}

// check makes one check that is due, and records the result. If it panics, the other checks
// continue, and its lease ends by its time.
func (c *Checker) check(ctx context.Context, client *servicetitan.Client, d dueCheck) {
	defer func() {
		if r := recover(); r != nil { // the value may hold secrets
			c.log.ErrorContext(ctx, "check panicked", "connection", d.ConnectionID, "type", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
		}
	}()
	within, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	err := c.takeTurn(within, d.Environment)
	began, outcome := c.db.Now(), "not_asked"
	defer func() { c.options.Watch.Checked(d.Environment, outcome, c.db.Now().Sub(began)) }()
	var found finding
	if err == nil {
		found, err = question{Checker: c, client: client, connection: d.connection, failingSince: d.FailingSince}.ask(within)
	}
	if err != nil {
		if _, told := errors.AsType[*models.ReasonError](err); !told && ctx.Err() == nil {
			c.log.InfoContext(ctx, "a check could not be made", "connection", d.ConnectionID, "error", err)
		}
		err = c.putBack(ctx, d, err)
	} else {
		outcome, err = c.record(ctx, client, d, found)
	}
	if err != nil {
		c.log.WarnContext(ctx, "the result of a check was not recorded", "connection", d.ConnectionID, "error", err)
	}
}
