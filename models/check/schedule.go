package check

import (
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

// afterFailure is the wait after checks that failed. The first one is about a minute. The
// longest is short enough for all connections to be back within five minutes after an
// outage.
var afterFailure = retry.Backoff{First: 80 * time.Second, Longest: 4 * time.Minute}

// every returns the longest time between two checks of a connection.
func (c *Checker) every(connection models.Connection, now time.Time) time.Duration {
	if keeper.InUse(connection, now) {
		return c.options.Every
	}
	return c.options.IdleEvery
}

// nextCheck returns when to check a connection again that works. The spread separates
// connections that were checked together. An eighth of the interval is left for the second
// check after a failure, and for a mail that is held, so that people are told within it.
func (c *Checker) nextCheck(connection models.Connection, now time.Time) time.Time {
	every := c.every(connection, now)
	return now.Add(every - every/8 - retry.Spread(every/5))
}

// firstCheck returns when to check a connection for the first time. Connections that were
// made together are spread over the whole interval.
func (c *Checker) firstCheck(connection models.Connection, now time.Time) time.Time {
	every := c.every(connection, now)
	return now.Add(every/10 + retry.Spread(every-every/8-every/10))
}

// nextTry returns when to check a connection again after failures in a row, but not before
// the time that ServiceTitan asks for.
func nextTry(failures int, asked time.Duration, now time.Time) time.Time {
	wait := afterFailure.Jittered(failures - 1)
	return now.Add(max(wait, asked+retry.Spread(afterFailure.First/4)))
}
