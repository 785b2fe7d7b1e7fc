package request

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// ErrForeignHost refuses requests that were sent to another host than ours.
var ErrForeignHost = errors.New("request is for another host")

// Kind returns a function that says whether an error is of a kind.
func Kind[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// Exactly returns a function that says whether an error is the target.
func Exactly(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// NoToken says that a connection has no token for now.
func NoToken(err error) bool { return Kind[*models.ReasonError](err) && database.Unavailable(err) }

const (
	// RetrySoon is the Retry-After of a 503 when the time of the next attempt is
	// unknown.
	RetrySoon = 5 * time.Second
	// longestRetry is the longest Retry-After of a 503.
	longestRetry = time.Hour
)

// RetryAt returns when to retry after an error. It is zero if a retry is no use.
func RetryAt(status int, err error, now time.Time) time.Time {
	if e, ok := errors.AsType[*accounts.ThrottledError](err); ok {
		return e.Until
	}
	if e, ok := errors.AsType[*accounts.BusyError](err); ok {
		return e.Until
	}
	if e, ok := errors.AsType[*calls.SpentError](err); ok {
		return e.Until
	}
	if status != http.StatusServiceUnavailable {
		return time.Time{}
	}
	if e, ok := errors.AsType[*models.ReasonError](err); ok && !e.RetryAt.IsZero() {
		return now.Add(min(max(e.RetryAt.Sub(now), time.Second), longestRetry))
	}
	return now.Add(RetrySoon)
}

// SetRetryAfter sets the header that says when to retry (RFC 9110, section 10.2.3).
func SetRetryAfter(h http.Header, at, now time.Time) {
	if !at.IsZero() {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(at.Sub(now).Seconds())))))
	}
}
