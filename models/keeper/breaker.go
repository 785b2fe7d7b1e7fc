package keeper

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// breakerTrips is the number of failures in a row, each of another connection,
	// that opens a breaker.
	breakerTrips = 10
	// limitWindow is the time within which breakerTrips tenants have to be told to
	// wait before all tenants wait.
	limitWindow = time.Minute
	// shortestRest and longestRest bound how long a breaker stays open after
	// failures.
	shortestRest = 5 * time.Second
	longestRest  = time.Minute
	// foregroundShare is the number of requests that the rate limit keeps free for
	// callers who need a token now.
	foregroundShare = 5
)

// errBreakerOpen says that the breaker is open, so nothing was sent.
var errBreakerOpen = errors.New("the issuer is left alone for a while")

// breaker is a circuit breaker in front of an issuer. It limits the rate of renewals. It
// opens, and lets nothing through, while the issuer is down or asks us to wait. After
// failures, one request then probes whether the issuer is back.
//
// What one answer says about other connections depends on whose client asked:
//   - The app has one client ID. If the issuer refuses it or answers it with 429, that
//     concerns every connection, and the breaker opens at once.
//   - Each tenant's own client has a client ID of its own. A 429 holds back only the
//     connection that got it, and a refused request counts as one failure of that
//     connection. The breaker opens for all of them only when breakerTrips tenants
//     get the same answer within a short time.
//   - Metadata that contradicts our configuration concerns everybody. It opens
//     either breaker at once.
type breaker struct {
	now     func() time.Time
	limiter *rate.Limiter
	// recovery limits renewals ahead of time in an outage and shortly after.
	recovery *rate.Limiter
	// takenOver limits renewals that were taken over from dead instances. rescuing
	// is the number of these that are under way.
	takenOver *rate.Limiter
	rescuing  atomic.Int64
	turn      chan struct{}
	// own says that the requests come from tenants' own clients.
	own bool

	mu       sync.Mutex
	failures int
	// failed holds the connections whose failures are counted. Each counts once: a
	// connection that always fails says nothing about the issuer.
	failed map[uuid.UUID]struct{}
	// waiting holds the connections with their own client that the issuer recently
	// told to wait, and when it did.
	waiting   map[uuid.UUID]time.Time
	rest      time.Duration
	openUntil time.Time
	probing   bool
	// reason says why the breaker is open: ReasonUnavailable, ReasonRateLimited, or
	// ReasonOurSide.
	reason models.Reason
	// alarmed says that the operator was told that our registration is refused.
	alarmed bool
}

func newBreaker(perSecond int, own bool, now func() time.Time) *breaker {
	return &breaker{
		now: now, own: own, turn: make(chan struct{}, 1), failed: map[uuid.UUID]struct{}{}, waiting: map[uuid.UUID]time.Time{},
		limiter:   rate.NewLimiter(rate.Limit(perSecond), max(perSecond/4, 2*foregroundShare)),
		recovery:  rate.NewLimiter(rate.Limit(perSecond), max(perSecond, 1)),
		takenOver: rate.NewLimiter(rate.Limit(perSecond), parallelRenewals),
	}
}

// isOpen says whether the breaker holds back requests now. It also does while a
// probe is under way.
func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.probing || b.now().Before(b.openUntil)
}

// status returns why the breaker is open, and until when. It returns ReasonNone if
// the breaker is not open.
func (b *breaker) status() (models.Reason, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.now().Before(b.openUntil) {
		return models.ReasonNone, time.Time{}
	}
	return b.reason, b.openUntil
}

// admit lets a request through, or says why not and for how long. The caller reports
// the result with learn. A probe is the one request that finds out whether the issuer
// is back.
func (b *breaker) admit() (probe bool, refused *servicetitan.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if now.Before(b.openUntil) {
		return false, b.refusal(b.openUntil.Sub(now))
	}
	if b.failures < breakerTrips {
		return false, nil
	}
	if b.probing {
		return false, b.refusal(time.Second)
	}
	b.probing = true
	return true, nil
}

// refusal returns the error of a request that is not sent. Its kind is that of the
// answers that opened the breaker.
func (b *breaker) refusal(wait time.Duration) *servicetitan.Error {
	e := &servicetitan.Error{Op: "renew", Kind: servicetitan.Unavailable, RetryAfter: wait, Err: errBreakerOpen}
	// A breaker opens for three reasons. The error already has the kind of the third.
	//exhaustive:ignore
	switch b.reason {
	case models.ReasonOurSide:
		e.Kind = servicetitan.RequestRefused
	case models.ReasonRateLimited:
		e.Kind = servicetitan.RateLimited
	}
	return e
}

// learn takes in the result of a connection's request. It reports whether to tell the
// operator that our registration is not accepted. An issuer that refuses one grant, or
// one tenant's client, works.
func (b *breaker) learn(of uuid.UUID, probe bool, err *servicetitan.Error) (alarm bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	ours := err != nil && models.VerdictOf(err, b.own).Reason == models.ReasonOurSide
	switch {
	case err != nil && err.Kind == servicetitan.RateLimited:
		b.countLimited(of, err.RetryAfter)
		return false
	case !ours && (err == nil || err.Kind != servicetitan.Unavailable):
		b.countAnswer()
		return false
	}
	late := b.failures >= breakerTrips && !probe // it was under way when the breaker opened
	if !late {
		b.countFailure(of, err, ours)
	}
	if b.failures < breakerTrips || (late && !ours) {
		return false
	}
	if b.reason = models.ReasonUnavailable; ours {
		b.reason = models.ReasonOurSide
	}
	alarm = ours && !b.alarmed
	b.alarmed = b.alarmed || ours
	return alarm
}

// countFailure counts a failure, and opens the breaker if there are too many.
func (b *breaker) countFailure(of uuid.UUID, err *servicetitan.Error, ours bool) {
	concernsAll := ours && (!b.own || err.Kind == servicetitan.Misconfigured)
	if concernsAll {
		b.failures = max(b.failures, breakerTrips-1) // one is enough: it is not a coincidence
	} else if b.failures < breakerTrips {
		if _, again := b.failed[of]; again {
			return
		}
		b.failed[of] = struct{}{}
	}
	if b.failures++; b.failures >= breakerTrips {
		b.rest = min(max(2*b.rest, shortestRest), longestRest)
		b.openFor(max(b.rest/2+retry.Spread(b.rest/2), min(err.RetryAfter, longestAsked)))
	}
}

// countLimited opens the breaker because the issuer asks us to wait, if that concerns
// more than the one connection.
func (b *breaker) countLimited(of uuid.UUID, asked time.Duration) {
	if b.own {
		now := b.now()
		maps.DeleteFunc(b.waiting, func(_ uuid.UUID, since time.Time) bool { return now.Sub(since) > limitWindow })
		if b.waiting[of] = now; len(b.waiting) < breakerTrips {
			return
		}
		clear(b.waiting)
	}
	b.reason = models.ReasonRateLimited
	b.openFor(max(min(asked, longestAsked), shortestRest))
}

// countAnswer notes that the issuer works.
func (b *breaker) countAnswer() {
	b.failures, b.rest, b.alarmed = 0, 0, false
	clear(b.failed)
}

// reset closes the breaker and forgets what it has learned.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.countAnswer()
	clear(b.waiting)
	b.openUntil, b.reason = time.Time{}, models.ReasonNone
}

// openFor keeps the breaker open for a time from now. It never shortens that time.
func (b *breaker) openFor(d time.Duration) {
	if until := b.now().Add(d); until.After(b.openUntil) {
		b.openUntil = until
	}
}

// waitTurn waits until the issuer's rate limit allows a request. A renewal that was
// taken over does not wait for other renewals, because the issuer's grace period is
// running out. Such renewals have the same rate to themselves, and the others give way
// to them.
func (b *breaker) waitTurn(ctx context.Context, held lease, ahead bool) error {
	if !held.TakenOver {
		return b.wait(ctx, ahead)
	}
	b.limiter.Reserve()
	return b.takenOver.Wait(ctx)
}

// wait waits for the rate limit. Renewals ahead of time leave room for callers who
// need a token now.
func (b *breaker) wait(ctx context.Context, ahead bool) error {
	if !ahead {
		return b.limiter.Wait(ctx)
	}
	select { // one at a time, so that they do not all wake up for one free request
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		missing := foregroundShare + 1 - b.limiter.Tokens()
		if missing <= 0 && b.limiter.Allow() {
			return nil
		}
		enough := time.Duration(max(missing, 0.1) / float64(b.limiter.Limit()) * float64(time.Second))
		if err := retry.Pause(ctx, enough); err != nil {
			return err
		}
	}
}
