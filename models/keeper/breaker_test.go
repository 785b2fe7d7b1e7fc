package keeper_test

import (
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// While the issuer is down, one request at a time probes whether it is back.
// Answers to requests that were sent before do not end that probe, and do not keep
// the breaker open longer.
func TestBreakerProbes(t *testing.T) {
	down := &servicetitan.Error{Kind: servicetitan.Unavailable}
	for _, own := range []bool{false, true} {
		clock := modeltest.NewClock()
		b := keeper.NewBreaker(1000, own, clock.Now)
		for range keeper.BreakerTrips {
			if probe, refused := b.Admit(); probe || refused != nil {
				t.Fatalf("own %t: a working issuer is probed: %t, %v", own, probe, refused)
			}
			b.Learn(database.NewID(), false, down)
		}
		if _, refused := b.Admit(); refused == nil || refused.Kind != servicetitan.Unavailable || refused.RetryAfter <= 0 {
			t.Fatalf("own %t: the breaker lets requests through after %d failures: %v", own, keeper.BreakerTrips, refused)
		}
		_, until := b.Status()
		for range 50 { // were under way
			b.Learn(database.NewID(), false, down)
		}
		if _, now := b.Status(); !now.Equal(until) {
			t.Errorf("own %t: late answers keep the breaker open for another %s", own, now.Sub(until))
		}
		clock.Add(keeper.LongestRest)
		if probe, refused := b.Admit(); !probe || refused != nil {
			t.Fatalf("own %t: no request may probe whether it is back: %v", own, refused)
		}
		b.Learn(database.NewID(), false, down) // was under way
		if probe, refused := b.Admit(); probe || refused == nil {
			t.Errorf("own %t: a second request probes at the same time", own)
		}
		b.Learn(database.NewID(), true, nil)
		if probe, refused := b.Admit(); probe || refused != nil {
			t.Errorf("own %t: the issuer is back, and the breaker says %v", own, refused)
		}
	}
}

// What an answer says about an issuer depends on whose client asked.
func TestBreakerLearnsByClient(t *testing.T) {
	for name, tt := range map[string]struct {
		kind         servicetitan.ErrorKind
		appOpens     models.Reason
		ownOpens     models.Reason
		manyOwnOpens models.Reason
	}{
		"down":          {servicetitan.Unavailable, models.ReasonNone, models.ReasonNone, models.ReasonUnavailable},
		"rate limit":    {servicetitan.RateLimited, models.ReasonRateLimited, models.ReasonNone, models.ReasonRateLimited},
		"client":        {servicetitan.ClientRefused, models.ReasonOurSide, models.ReasonNone, models.ReasonNone},
		"grant":         {servicetitan.GrantRefused, models.ReasonNone, models.ReasonNone, models.ReasonNone},
		"request":       {servicetitan.RequestRefused, models.ReasonOurSide, models.ReasonNone, models.ReasonOurSide},
		"misconfigured": {servicetitan.Misconfigured, models.ReasonOurSide, models.ReasonOurSide, models.ReasonOurSide},
	} {
		t.Run(name, func(t *testing.T) {
			after := func(own bool, n int, one bool) models.Reason {
				b, of := keeper.NewBreaker(1000, own, time.Now), database.NewID()
				for range n {
					if !one {
						of = database.NewID()
					}
					b.Learn(of, false, &servicetitan.Error{Kind: tt.kind})
				}
				reason, _ := b.Status()
				return reason
			}
			if got := after(false, 1, true); got != tt.appOpens {
				t.Errorf("one answer to the app: open for %q, want %q", got, tt.appOpens)
			}
			if got := after(true, 3*keeper.BreakerTrips, true); got != tt.ownOpens {
				t.Errorf("many answers to one tenant: open for %q, want %q", got, tt.ownOpens)
			}
			if got := after(true, keeper.BreakerTrips, false); got != tt.manyOwnOpens {
				t.Errorf("answers to %d tenants: open for %q, want %q", keeper.BreakerTrips, got, tt.manyOwnOpens)
			}
		})
	}
}
