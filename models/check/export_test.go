package check

import (
	"context"
	"time"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// This file exports to the tests in package check_test what they need besides the
// package's API.

// Limits.
const (
	PollEvery = pollEvery
)

// DueCheck is a check that is due.
type DueCheck = dueCheck

// Finding is what a check has found.
type Finding = finding

// NextTry is when a check that failed is repeated.
var NextTry = nextTry

// Methods of the checker, as functions.
var (
	CheckerDue        = (*Checker).due
	CheckerFirstCheck = (*Checker).firstCheck
	CheckerNextCheck  = (*Checker).nextCheck
	CheckerRecord     = (*Checker).record
	CheckerTakeTurn   = (*Checker).takeTurn
)

// AskFor asks for a check that is due, and records nothing.
func (c *Checker) AskFor(ctx context.Context, d DueCheck) (Finding, error) {
	client, _ := c.clients.In(d.Environment)
	return question{Checker: c, client: client, connection: d.connection}.ask(ctx)
}

// Client returns the client of an environment.
func (c *Checker) Client(name servicetitan.EnvironmentName) *servicetitan.Client {
	client, _ := c.clients.In(name)
	return client
}

// CheckDue makes the checks of an environment that are due, one after the other, and
// returns how many there were.
func (c *Checker) CheckDue(ctx context.Context, of servicetitan.EnvironmentName) (n int, err error) {
	for {
		list, err := c.due(ctx, of, leasedAtOnce)
		if err != nil || len(list) == 0 {
			return n, err
		}
		for _, d := range list {
			c.check(ctx, c.Client(of), d)
			n++
		}
	}
}

// AnHourAgo is when a check is overdue.
func AnHourAgo() time.Time { return time.Now().Add(-time.Hour).UTC() }
