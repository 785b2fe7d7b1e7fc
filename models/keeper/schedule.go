package keeper

import (
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

const (
	// freshFor is how long an access token must still be valid to be served without a
	// renewal.
	freshFor = time.Minute
	// inUse is how long a connection counts as in use after its last use. While it does,
	// it is renewed before its access expires.
	inUse = time.Hour
	// useNoted is the minimum time between two records of use.
	useNoted = 10 * time.Minute
	// firstRetry and longestRetry bound the wait after failures for a temporary reason.
	// The longest one is short enough for all connections to be back within five minutes
	// after an outage, as it is for checks.
	firstRetry   = 5 * time.Second
	longestRetry = 4 * time.Minute
	// longestAsked is the longest wait that a Retry-After header may ask for (RFC 9110,
	// section 10.2.3).
	longestAsked = time.Hour
)

// InUse says whether a connection's access was used recently.
func InUse(c models.Connection, now time.Time) bool { return inUseAt(&c, now) }

// inUseAt is InUse without a copy of the connection.
func inUseAt(c *models.Connection, now time.Time) bool {
	return c.LastUsedAt != nil && now.Sub(*c.LastUsedAt) < inUse
}

// nextRenewal returns when to renew access that was granted now. For a connection in use,
// that is when a fifth of the access's life is left. An idle one proves once per keep-alive
// that it still works. The spread separates connections that were made together.
func nextRenewal(c *models.Connection, keepAlive time.Duration, now time.Time) time.Time {
	if inUseAt(c, now) {
		life := max(c.ExpiresAt.Sub(now), 0)
		return now.Add(life*4/5 - retry.Spread(life/20))
	}
	return now.Add(keepAlive - retry.Spread(keepAlive/5))
}

// nextTry returns when to attempt a renewal again after failures in a row: exponential
// backoff with full jitter, but not before the time that ServiceTitan asks for.
func nextTry(failures int, asked time.Duration, now time.Time) time.Time {
	wait := time.Second + retry.Spread(LongestWait(failures))
	return now.Add(max(wait, min(asked, longestAsked)+retry.Spread(firstRetry)))
}

// LongestWait returns the longest wait after failures in a row, without the one second
// that each wait has in addition.
func LongestWait(failures int) time.Duration {
	return retry.Backoff{First: firstRetry, Longest: longestRetry}.Wait(failures - 1)
}
