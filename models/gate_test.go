package models

import (
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// While the issuer is down, one request at a time tries whether it is back.
// Answers to requests that were sent before do not end that try, and do not
// prolong the rest.
func TestGateProbes(t *testing.T) {
	down := &servicetitan.Error{Kind: servicetitan.Unavailable}
	for _, own := range []bool{false, true} {
		clock := newClock()
		g := newGate(1000, own, clock.Now)
		for range gateTrips {
			if probe, refused := g.enter(); probe || refused != nil {
				t.Fatalf("own %t: a working issuer is probed: %t, %v", own, probe, refused)
			}
			g.leave(newID(), false, down)
		}
		if _, refused := g.enter(); refused == nil || refused.Kind != servicetitan.Unavailable || refused.RetryAfter <= 0 {
			t.Fatalf("own %t: the gate is open after %d failures: %v", own, gateTrips, refused)
		}
		_, until := g.shut()
		for range 50 { // were under way
			g.leave(newID(), false, down)
		}
		if _, now := g.shut(); !now.Equal(until) {
			t.Errorf("own %t: late answers prolong the rest by %s", own, now.Sub(until))
		}
		clock.Add(longestRest)
		if probe, refused := g.enter(); !probe || refused != nil {
			t.Fatalf("own %t: nobody may try whether it is back: %v", own, refused)
		}
		g.leave(newID(), false, down) // was under way
		if probe, refused := g.enter(); probe || refused == nil {
			t.Errorf("own %t: a second one tries at the same time", own)
		}
		g.leave(newID(), true, nil)
		if probe, refused := g.enter(); probe || refused != nil {
			t.Errorf("own %t: the issuer is back, and the gate %v", own, refused)
		}
	}
}

// What an answer says of an issuer depends on whose client asked.
func TestGateLearnsByClient(t *testing.T) {
	for name, tt := range map[string]struct {
		kind       servicetitan.ErrorKind
		appShuts   Reason
		ownShuts   Reason
		ownTenShut Reason
	}{
		"down":          {servicetitan.Unavailable, ReasonNone, ReasonNone, ReasonUnavailable},
		"rate limit":    {servicetitan.RateLimited, ReasonRateLimited, ReasonNone, ReasonRateLimited},
		"client":        {servicetitan.ClientRefused, ReasonOurSide, ReasonNone, ReasonNone},
		"grant":         {servicetitan.GrantRefused, ReasonNone, ReasonNone, ReasonNone},
		"request":       {servicetitan.RequestRefused, ReasonOurSide, ReasonNone, ReasonOurSide},
		"misconfigured": {servicetitan.Misconfigured, ReasonOurSide, ReasonOurSide, ReasonOurSide},
	} {
		t.Run(name, func(t *testing.T) {
			after := func(own bool, n int, one bool) Reason {
				g, of := newGate(1000, own, time.Now), newID()
				for range n {
					if !one {
						of = newID()
					}
					g.leave(of, false, &servicetitan.Error{Kind: tt.kind})
				}
				why, _ := g.shut()
				return why
			}
			if got := after(false, 1, true); got != tt.appShuts {
				t.Errorf("one answer to the app: shut for %q, want %q", got, tt.appShuts)
			}
			if got := after(true, 3*gateTrips, true); got != tt.ownShuts {
				t.Errorf("many answers to one tenant: shut for %q, want %q", got, tt.ownShuts)
			}
			if got := after(true, gateTrips, false); got != tt.ownTenShut {
				t.Errorf("answers to %d tenants: shut for %q, want %q", gateTrips, got, tt.ownTenShut)
			}
		})
	}
}
