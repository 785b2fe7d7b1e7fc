package models

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// gateTrips is after how many failures in a row, of as many connections, an
	// issuer is left alone.
	gateTrips = 10
	// shortestRest and longestRest bound for how long.
	shortestRest = 5 * time.Second
	longestRest  = time.Minute
	// foregroundShare is how many requests at once are kept free for those who
	// wait for a token right now.
	foregroundShare = 5
)

// errGateClosed says that the issuer is left alone for a while.
var errGateClosed = errors.New("the issuer is left alone for a while")

// gate stands before an issuer: it limits the rate of renewals, and leaves the
// issuer alone while it is down or asks us to wait. One request then tries
// whether it is back.
type gate struct {
	now     func() time.Time
	limiter *rate.Limiter
	// takenOver limits what was taken over from the dead.
	takenOver *rate.Limiter
	turn      chan struct{}

	mu       sync.Mutex
	failures int
	// failed are the connections that they are of: one that always fails says
	// nothing of the issuer.
	failed      map[uuid.UUID]struct{}
	rest        time.Duration
	closedUntil time.Time
	probing     bool
	// ours says that it was shut because our own registration is refused, and
	// limited that the issuer asked us to wait.
	ours, limited bool
}

func newGate(perSecond int, now func() time.Time) *gate {
	return &gate{now: now, turn: make(chan struct{}, 1), failed: map[uuid.UUID]struct{}{}, limiter: rate.NewLimiter(rate.Limit(perSecond), max(perSecond/4, 2*foregroundShare)),
		takenOver: rate.NewLimiter(rate.Limit(perSecond), parallelRenewals)}
}

// closed says that the issuer is left alone for now.
func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.probing || g.now().Before(g.closedUntil)
}

// asked says that the issuer is left alone because it asked us to wait.
func (g *gate) asked() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limited && g.now().Before(g.closedUntil)
}

// enter admits a request, or says why not and for how long. Who enters says how
// it went with leave.
func (g *gate) enter() *servicetitan.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	refuse := func(wait time.Duration) *servicetitan.Error {
		e := &servicetitan.Error{Op: "renew", Kind: servicetitan.Unavailable, RetryAfter: wait, Err: errGateClosed}
		switch {
		case g.ours:
			e.Kind = servicetitan.ClientRefused
		case g.limited:
			e.Kind = servicetitan.RateLimited
		}
		return e
	}
	if now.Before(g.closedUntil) {
		return refuse(g.closedUntil.Sub(now))
	}
	if g.failures >= gateTrips {
		if g.probing {
			return refuse(time.Second)
		}
		g.probing = true
	}
	return nil
}

// leave learns from how a connection's request went, and reports whether the
// gate shuts by it. A refusal of one grant is the answer of an issuer that
// works.
func (g *gate) leave(of uuid.UUID, err *servicetitan.Error, ours bool) (shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing, g.ours = false, ours
	g.limited = err != nil && err.Kind == servicetitan.RateLimited
	switch {
	case err == nil:
		g.works()
		return false
	case err.Kind == servicetitan.RateLimited:
		g.close(max(min(err.RetryAfter, longestAsked), shortestRest))
		return false
	case ours:
		g.failures = max(g.failures, gateTrips-1) // one is enough: it is not a matter of chance
	case err.Kind != servicetitan.Unavailable:
		g.works()
		return false
	case g.failures < gateTrips:
		if _, again := g.failed[of]; again {
			return false
		}
		g.failed[of] = struct{}{}
	}
	if g.failures++; g.failures >= gateTrips {
		shut = g.failures == gateTrips
		g.rest = min(max(2*g.rest, shortestRest), longestRest)
		g.close(max(g.rest/2+spread(g.rest/2), min(err.RetryAfter, longestAsked)))
	}
	return shut
}

func (g *gate) works() {
	g.failures, g.rest = 0, 0
	clear(g.failed)
}

// open forgets what was learned.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.works()
	g.closedUntil, g.ours, g.limited = time.Time{}, false, false
}

func (g *gate) close(d time.Duration) {
	if until := g.now().Add(d); until.After(g.closedUntil) {
		g.closedUntil = until
	}
}

// wait waits for the rate limit. Those who renew ahead of time leave room for
// those who need a token now.
func (g *gate) wait(ctx context.Context, ahead bool) error {
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
		select {
		case <-time.After(enough):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
