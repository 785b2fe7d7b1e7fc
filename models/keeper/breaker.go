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
	// breakerTrips is after how many failures in a row, of as many connections, an
	// issuer is left alone.
	breakerTrips = 10
	// limitWindow is within which time as many tenants must be told to wait for
	// all of them to wait.
	limitWindow = time.Minute
	// shortestRest and longestRest bound for how long.
	shortestRest = 5 * time.Second
	longestRest  = time.Minute
	// foregroundShare is how many requests at once are kept free for those who
	// wait for a token right now.
	foregroundShare = 5
)

// errBreakerOpen says that the issuer is left alone for a while.
var errBreakerOpen = errors.New("the issuer is left alone for a while")

// breaker stands before an issuer: it limits the rate of renewals, and leaves the
// issuer alone while it is down or asks us to wait. One request then tries
// whether it is back.
//
// What one answer says about the others depends on whose client asked. The app
// has one client ID: a 429 to it, or a refusal of it, concerns every connection,
// and shuts the gate at once. Tenants' own clients have a client ID each: a 429
// holds back only the connection that got it, and a refused request counts as
// one failure of that connection. Only when gateTrips tenants meet the same
// within a short time does the gate shut for all of them. Metadata that
// contradicts our configuration concerns everybody, and shuts either gate at
// once.
type breaker struct {
	now     func() time.Time
	limiter *rate.Limiter
	// takenOver limits what was taken over from the dead, and rescuing is how much
	// of that is under way.
	takenOver *rate.Limiter
	rescuing  atomic.Int64
	turn      chan struct{}
	// own says that the gate stands before the requests of tenants' own clients.
	own bool

	mu       sync.Mutex
	failures int
	// failed are the connections that they are of: one that always fails says
	// nothing of the issuer.
	failed map[uuid.UUID]struct{}
	// waiting are the connections with a client of their own that the issuer
	// told to wait lately, and when.
	waiting     map[uuid.UUID]time.Time
	rest        time.Duration
	closedUntil time.Time
	probing     bool
	// why says why the gate is shut: ReasonUnavailable, ReasonRateLimited, or
	// ReasonOurSide.
	why models.Reason
	// alarmed says that the operator knows that our registration is refused.
	alarmed bool
}

func newBreaker(perSecond int, own bool, now func() time.Time) *breaker {
	return &breaker{
		now: now, own: own, turn: make(chan struct{}, 1), failed: map[uuid.UUID]struct{}{}, waiting: map[uuid.UUID]time.Time{},
		limiter:   rate.NewLimiter(rate.Limit(perSecond), max(perSecond/4, 2*foregroundShare)),
		takenOver: rate.NewLimiter(rate.Limit(perSecond), parallelRenewals),
	}
}

// closed says that the issuer is left alone for now.
func (g *breaker) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.probing || g.now().Before(g.closedUntil)
}

// Shut says why the issuer is left alone, and until when; ReasonNone if it is not.
func (g *breaker) Shut() (models.Reason, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.now().Before(g.closedUntil) {
		return models.ReasonNone, time.Time{}
	}
	return g.why, g.closedUntil
}

// Enter admits a request, or says why not and for how long. Who enters says how
// it went with leave. A probe is the one request that tries whether the issuer
// is back.
func (g *breaker) Enter() (probe bool, refused *servicetitan.Error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if now.Before(g.closedUntil) {
		return false, g.refusal(g.closedUntil.Sub(now))
	}
	if g.failures < breakerTrips {
		return false, nil
	}
	if g.probing {
		return false, g.refusal(time.Second)
	}
	g.probing = true
	return true, nil
}

// refusal says why a request is not sent, in the terms of what was answered to
// others.
func (g *breaker) refusal(wait time.Duration) *servicetitan.Error {
	e := &servicetitan.Error{Op: "renew", Kind: servicetitan.Unavailable, RetryAfter: wait, Err: errBreakerOpen}
	// A gate shuts for three reasons, and one is set already.
	//exhaustive:ignore
	switch g.why {
	case models.ReasonOurSide:
		e.Kind = servicetitan.RequestRefused
	case models.ReasonRateLimited:
		e.Kind = servicetitan.RateLimited
	}
	return e
}

// Leave learns from how a connection's request went. It reports whether the
// operator is to be told that our registration is not accepted. A refusal of one
// grant, or of one tenant's client, is the answer of an issuer that works.
func (g *breaker) Leave(of uuid.UUID, probe bool, err *servicetitan.Error) (alarm bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if probe {
		g.probing = false
	}
	ours := err != nil && models.VerdictOf(err, g.own).Reason == models.ReasonOurSide
	switch {
	case err != nil && err.Kind == servicetitan.RateLimited:
		g.limited(of, err.RetryAfter)
		return false
	case !ours && (err == nil || err.Kind != servicetitan.Unavailable):
		g.works()
		return false
	}
	late := g.failures >= breakerTrips && !probe // it was under way when the gate shut
	if !late {
		g.fails(of, err, ours)
	}
	if g.failures < breakerTrips || (late && !ours) {
		return false
	}
	if g.why = models.ReasonUnavailable; ours {
		g.why = models.ReasonOurSide
	}
	alarm = ours && !g.alarmed
	g.alarmed = g.alarmed || ours
	return alarm
}

// fails counts a failure, and shuts the gate if it is one too many.
func (g *breaker) fails(of uuid.UUID, err *servicetitan.Error, ours bool) {
	concernsAll := ours && (!g.own || err.Kind == servicetitan.Misconfigured)
	if concernsAll {
		g.failures = max(g.failures, breakerTrips-1) // one is enough: it is not a matter of chance
	} else if g.failures < breakerTrips {
		if _, again := g.failed[of]; again {
			return
		}
		g.failed[of] = struct{}{}
	}
	if g.failures++; g.failures >= breakerTrips {
		g.rest = min(max(2*g.rest, shortestRest), longestRest)
		g.close(max(g.rest/2+retry.Spread(g.rest/2), min(err.RetryAfter, longestAsked)))
	}
}

// limited shuts the gate because the issuer asks to wait, if that concerns more
// than the connection that was told so.
func (g *breaker) limited(of uuid.UUID, asked time.Duration) {
	if g.own {
		now := g.now()
		maps.DeleteFunc(g.waiting, func(_ uuid.UUID, since time.Time) bool { return now.Sub(since) > limitWindow })
		if g.waiting[of] = now; len(g.waiting) < breakerTrips {
			return
		}
		clear(g.waiting)
	}
	g.why = models.ReasonRateLimited
	g.close(max(min(asked, longestAsked), shortestRest))
}

func (g *breaker) works() {
	g.failures, g.rest, g.alarmed = 0, 0, false
	clear(g.failed)
}

// open forgets what was learned.
func (g *breaker) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.works()
	clear(g.waiting)
	g.closedUntil, g.why = time.Time{}, models.ReasonNone
}

func (g *breaker) close(d time.Duration) {
	if until := g.now().Add(d); until.After(g.closedUntil) {
		g.closedUntil = until
	}
}

// wait waits for the rate limit. Those who renew ahead of time leave room for
// those who need a token now.
func (g *breaker) wait(ctx context.Context, ahead bool) error {
	if !ahead {
		return g.limiter.Wait(ctx)
	}
	select { // one at a time, so that they do not wake each other up
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		missing := foregroundShare + 1 - g.limiter.Tokens()
		if missing <= 0 && g.limiter.Allow() {
			return nil
		}
		enough := time.Duration(max(missing, 0.1) / float64(g.limiter.Limit()) * float64(time.Second))
		if err := retry.Pause(ctx, enough); err != nil {
			return err
		}
	}
}
