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

// While the issuer is down, one request at a time tries whether it is back.
// Answers to requests that were sent before do not end that try, and do not
// prolong the rest.
func TestGateProbes(t *testing.T) {
	down := &servicetitan.Error{Kind: servicetitan.Unavailable}
	for _, own := range []bool{false, true} {
		clock := modeltest.NewClock()
		g := keeper.NewGate(1000, own, clock.Now)
		for range keeper.GateTrips {
			if probe, refused := g.Enter(); probe || refused != nil {
				t.Fatalf("own %t: a working issuer is probed: %t, %v", own, probe, refused)
			}
			g.Leave(database.NewID(), false, down)
		}
		if _, refused := g.Enter(); refused == nil || refused.Kind != servicetitan.Unavailable || refused.RetryAfter <= 0 {
			t.Fatalf("own %t: the gate is open after %d failures: %v", own, keeper.GateTrips, refused)
		}
		_, until := g.Shut()
		for range 50 { // were under way
			g.Leave(database.NewID(), false, down)
		}
		if _, now := g.Shut(); !now.Equal(until) {
			t.Errorf("own %t: late answers prolong the rest by %s", own, now.Sub(until))
		}
		clock.Add(keeper.LongestRest)
		if probe, refused := g.Enter(); !probe || refused != nil {
			t.Fatalf("own %t: nobody may try whether it is back: %v", own, refused)
		}
		g.Leave(database.NewID(), false, down) // was under way
		if probe, refused := g.Enter(); probe || refused == nil {
			t.Errorf("own %t: a second one tries at the same time", own)
		}
		g.Leave(database.NewID(), true, nil)
		if probe, refused := g.Enter(); probe || refused != nil {
			t.Errorf("own %t: the issuer is back, and the gate %v", own, refused)
		}
	}
}

// What an answer says of an issuer depends on whose client asked.
func TestGateLearnsByClient(t *testing.T) {
	for name, tt := range map[string]struct {
		kind       servicetitan.ErrorKind
		appShuts   models.Reason
		ownShuts   models.Reason
		ownTenShut models.Reason
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
				g, of := keeper.NewGate(1000, own, time.Now), database.NewID()
				for range n {
					if !one {
						of = database.NewID()
					}
					g.Leave(of, false, &servicetitan.Error{Kind: tt.kind})
				}
				why, _ := g.Shut()
				return why
			}
			if got := after(false, 1, true); got != tt.appShuts {
				t.Errorf("one answer to the app: shut for %q, want %q", got, tt.appShuts)
			}
			if got := after(true, 3*keeper.GateTrips, true); got != tt.ownShuts {
				t.Errorf("many answers to one tenant: shut for %q, want %q", got, tt.ownShuts)
			}
			if got := after(true, keeper.GateTrips, false); got != tt.ownTenShut {
				t.Errorf("answers to %d tenants: shut for %q, want %q", keeper.GateTrips, got, tt.ownTenShut)
			}
		})
	}
}
