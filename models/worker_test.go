package models

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// An idle connection is renewed once in a keep-alive, one in use before its
// access lapses; those made together come apart.
func TestRenewedAheadOfTime(t *testing.T) {
	inVirtualTime(t, func(k *kept) {
		ids := k.seed(40, time.Now(), time.Now())
		k.start()
		k.pass(10 * time.Second)
		if n := k.tokenRequests(); n != 40 {
			t.Errorf("%d token requests for 40 that are due", n)
		}
		dues := map[string]bool{}
		for _, id := range ids {
			c := k.connection(id)
			if wait := time.Until(*c.NextRenewalAt); wait < 45*time.Minute || wait > time.Hour {
				t.Errorf("an idle connection is next renewed in %s", wait)
			}
			dues[c.NextRenewalAt.Format(time.RFC3339)] = true
		}
		if len(dues) < 30 {
			t.Errorf("40 connections are due at %d moments", len(dues))
		}

		// In use, it is renewed in time, and nobody ever waits for ServiceTitan.
		before := k.tokenRequests()
		for range 60 {
			access, err := k.keeper.AccessToken(k.Context(), k.companyID, ids[0])
			if err != nil || time.Until(access.ExpiresAt) < time.Minute {
				t.Fatalf("access until %s at %s, error %v", access.ExpiresAt, time.Now(), err)
			}
			k.pass(time.Minute)
		}
		if c := k.connection(ids[0]); c.LastUsedAt == nil || c.Generation < 5 {
			t.Errorf("in use for an hour it is of generation %d", c.Generation)
		}
		if n := k.tokenRequests() - before; n < 39+4 || n > 39+7 {
			t.Errorf("%d token requests in an hour, want about one each and five for the one in use", n)
		}
	})
}

// What each fault of the token endpoint makes of renewals in the background,
// and that they heal by themselves when it is gone.
func TestFaultsAheadOfTime(t *testing.T) {
	tests := map[string]struct {
		fault  sandbox.Fault
		state  State
		reason Reason
		heals  bool
	}{
		"B1 500":                {sandbox.Fault{Kind: sandbox.Status500}, Degraded, ReasonUnavailable, true},
		"B1 503":                {sandbox.Fault{Kind: sandbox.Status503, RetryAfter: time.Minute}, Degraded, ReasonUnavailable, true},
		"B1 502":                {sandbox.Fault{Kind: sandbox.CustomToken, Status: 502, ContentType: "text/html", Body: "Bad Gateway"}, Degraded, ReasonUnavailable, true},
		"B1 504":                {sandbox.Fault{Kind: sandbox.CustomToken, Status: 504, ContentType: "text/html", Body: "Gateway Timeout"}, Degraded, ReasonUnavailable, true},
		"B2 429":                {sandbox.Fault{Kind: sandbox.Status429, RetryAfter: 30 * time.Second}, Degraded, ReasonRateLimited, true},
		"B3 no answer":          {sandbox.Fault{Kind: sandbox.ResetBefore}, Degraded, ReasonUnavailable, true},
		"B4 answer lost":        {sandbox.Fault{Kind: sandbox.ResetAfter, Times: 1}, ReconnectNeeded, ReasonAnswerLost, false},
		"B5 garbage":            {sandbox.Fault{Kind: sandbox.Garbage}, Degraded, ReasonUnavailable, true},
		"missing expires_in":    {sandbox.Fault{Kind: sandbox.MissingExpiresIn}, Connected, ReasonNone, true},
		"B11 registration gone": {sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_client"}`}, Connected, ReasonOurSide, true},
		"grant revoked":         {sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_grant"}`}, ReconnectNeeded, ReasonGrantRefused, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(k *kept) {
				id := k.seed(1, time.Now(), time.Now())[0]
				k.sandbox.SetFault(tt.fault)
				k.start()
				k.pass(20 * time.Minute)
				c := k.connection(id)
				if c.State != tt.state || c.Reason != tt.reason {
					t.Errorf("%s %s, want %s %s", c.State, c.Reason, tt.state, tt.reason)
				}
				if k.sandbox.Fired(tt.fault.Kind) == 0 {
					t.Error("the fault did not fire")
				}
				asked := k.tokenRequests()
				if asked > 60 {
					t.Errorf("%d token requests in 20 minutes", asked)
				}
				if tt.state == Degraded && (c.Failures < 2 || c.FailingSince == nil || c.NextRenewalAt == nil || time.Until(*c.NextRenewalAt) > longestRetry+10*time.Second) {
					t.Errorf("%d failures since %v, next try %v", c.Failures, c.FailingSince, c.NextRenewalAt)
				}
				k.sandbox.ClearFaults()
				k.pass(longestRetry + time.Minute)
				if c = k.connection(id); tt.heals && (c.State != Connected || c.Generation < 2 || c.Failures != 0) {
					t.Errorf("after the fault: %s, generation %d, %d failures", c.State, c.Generation, c.Failures)
				}
				if !tt.heals && k.tokenRequests() != asked {
					t.Error("it is tried on after a refusal for good")
				}
				if tt.reason == ReasonGrantRefused {
					k.sandbox.RevokeGrants(northgate) // the fault only said so
				}
				if n := k.count("SELECT count(*) FROM events"); n > 2 {
					t.Errorf("%d events, want those of a change alone", n)
				}
			})
		})
	}
}

// B1, B22, C13: while the issuer is down it is left alone, and when it is back
// everything recovers at the rate that is allowed.
func TestSoakOutage(t *testing.T) { outage(t, many(t, 2000, 20_000)) }

func outage(t *testing.T, connections int) {
	const perSecond = 100
	inVirtualTime(t, func(k *kept) {
		k.seed(connections, time.Now(), time.Now())
		k.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503})
		k.start()
		began := time.Now()
		k.pass(time.Hour)
		if n := k.tokenRequests(); n < 30 || n > 300 {
			t.Errorf("%d token requests in an hour's outage", n)
		}
		if states := k.states(); states[ReconnectNeeded] != 0 {
			t.Errorf("given up in an outage: %v", states)
		}
		k.sandbox.ClearFaults()
		back, asked := time.Now(), k.tokenRequests()
		for k.count("SELECT count(*) FROM connections WHERE generation = 1") > 0 {
			if time.Since(back) > time.Hour {
				t.Fatalf("not recovered after an hour: %v", k.states())
			}
			k.pass(10 * time.Second)
			if n := k.tokenRequests() - asked; n > perSecond*(10+1) {
				t.Errorf("%d token requests in ten seconds", n)
			}
			asked = k.tokenRequests()
		}
		t.Logf("%d connections, an outage of %s: recovered in %s at %d a second at most", connections, back.Sub(began), time.Since(back), perSecond)
		if states := k.states(); states[Connected] != connections {
			t.Errorf("after the outage: %v", states)
		}
		if k.refusals() != 0 {
			t.Errorf("%d grants were refused", k.refusals())
		}
	}, func(_ *sandbox.Options, o *KeeperOptions) { o.PerSecond = perSecond })
}

// A row that cannot be opened, or makes us panic, is no burden to the others (B23).
func TestB23PoisonedRows(t *testing.T) {
	inVirtualTime(t, func(k *kept) {
		ids := k.seed(30, time.Now(), time.Now())
		k.write(func(tx *gorm.DB) error {
			return tx.Exec("UPDATE credentials SET refresh_sealed = (SELECT refresh_sealed FROM credentials WHERE connection_id = ?) WHERE connection_id IN ?", ids[29], ids[:10]).Error
		})
		k.start()
		k.pass(10 * time.Second)
		if states := k.states(); states[Connected] != 20 || states[ReconnectNeeded] != 10 {
			t.Errorf("%v", states)
		}
		if c := k.connection(ids[0]); c.Reason != ReasonSealBroken {
			t.Errorf("reason %s", c.Reason)
		}
	})
}

// B15: new tokens that cannot be saved are held until they can, and nothing
// more is sent meanwhile.
func TestB15SaveIsTriedUntilItWorks(t *testing.T) {
	inVirtualTime(t, func(k *kept) {
		ids := k.seed(5, time.Now(), time.Now())
		away := make(chan struct{})
		k.db.Intercept(func(write WriteFunc) WriteFunc {
			return func(ctx context.Context, fn func(*gorm.DB) error) error {
				select {
				case <-away:
				default:
					if k.tokenRequests() > 0 { // the database is lost once something was asked
						return ErrUnavailable
					}
				}
				return write(ctx, fn)
			}
		})
		k.start()
		k.pass(3 * time.Minute)
		asked := k.tokenRequests()
		if asked == 0 || asked > 5 || k.keeper.Unsaved() == 0 {
			t.Errorf("%d token requests, %d wait to be saved", asked, k.keeper.Unsaved())
		}
		if !strings.Contains(k.logged.String(), "renewals wait to be saved") {
			t.Error("nobody is told")
		}
		close(away)
		k.pass(2 * time.Minute)
		if k.keeper.Unsaved() != 0 || k.refusals() != 0 {
			t.Errorf("%d wait to be saved, %d were refused", k.keeper.Unsaved(), k.refusals())
		}
		for _, id := range ids {
			if c := k.connection(id); c.State != Connected || c.Generation != 2 {
				t.Errorf("%s of generation %d", c.State, c.Generation)
			}
		}
	})
}

// A day with many connections: the load is that of the keep-alive in each hour,
// memory and events do not grow, and the counters say what was done.
func TestSoakADay(t *testing.T) { aDay(t, many(t, 60, 10_000)) }

func aDay(t *testing.T, connections int) {
	inVirtualTime(t, func(k *kept) {
		k.seed(connections, time.Now(), time.Now())
		began := time.Now()
		k.start()
		var heap []uint64 // in use after each hour
		var hourly []int
		asked := 0
		for range 24 {
			k.pass(time.Hour)
			hourly = append(hourly, k.tokenRequests()-asked)
			asked = k.tokenRequests()
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			heap = append(heap, m.HeapInuse)
		}
		// A keep-alive of 1 h with its spread is 24 to 31 renewals.
		if n := k.tokenRequests(); n < 24*connections || n > 31*connections {
			t.Errorf("%d token requests in a day, %.1f each", n, float64(n)/float64(connections))
		}
		settled := hourly[2:]
		if least, most := slices.Min(settled), slices.Max(settled); least < connections*8/10 || most > connections*15/10 {
			t.Errorf("%d to %d token requests in an hour of %d idle connections", least, most, connections)
		}
		if first, last := heap[1], heap[23]; last > first+first/10+(4<<20) {
			t.Errorf("%d KiB in use after 2 hours, %d KiB after 24", first>>10, last>>10)
		}
		t.Logf("%d connections for %s: %d token requests, %d to %d in an hour once they were spread, %.2f a second; %.1f MiB of heap in use after 2 hours, %.1f after 24",
			connections, time.Since(began), k.tokenRequests(), slices.Min(settled), slices.Max(settled), float64(k.tokenRequests())/time.Since(began).Seconds(),
			float64(heap[1])/(1<<20), float64(heap[23])/(1<<20))
		if n := k.count("SELECT count(*) FROM events"); n != 0 {
			t.Errorf("%d events of a day without any", n)
		}
		if n := k.count("SELECT count(*) FROM renewal_days"); n > 2*connections {
			t.Errorf("%d rows of counters", n)
		}
		if n := k.count("SELECT sum(ok) FROM renewal_days"); n != k.tokenRequests() {
			t.Errorf("%d renewals are counted, %d were made", n, k.tokenRequests())
		}
	})
}

// What a company reconnects or disconnects is served no more, by any instance,
// at once (I5).
func TestCacheEndsWithTheConnection(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		other := k.newKeeper(KeeperOptions{KeepAlive: time.Hour, PerSecond: 1000})
		id := k.seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		for _, instance := range []*Keeper{k.keeper, other} {
			for range 2 { // the second time from memory
				if _, err := instance.AccessToken(t.Context(), k.companyID, id); err != nil {
					t.Fatal(err)
				}
			}
			if _, ok := instance.cache.get(k.companyID, id, db.Now()); !ok {
				t.Error("the token is not in memory")
			}
			if _, err := instance.AccessToken(t.Context(), newID(), id); err == nil {
				t.Error("another company is served")
			}
		}
		k.reconnect(id)
		for range 2 {
			for _, keeper := range []*Keeper{k.keeper, other} {
				if access, err := keeper.AccessToken(t.Context(), k.companyID, id); err != nil || access.Generation != 2 {
					t.Errorf("served generation %d after the reconnect, error %v", access.Generation, err)
				}
			}
		}
		k.disconnect(id)
		for _, keeper := range []*Keeper{k.keeper, other} {
			if access, err := keeper.AccessToken(t.Context(), k.companyID, id); err == nil {
				t.Errorf("served %d after the disconnect", access.Generation)
			}
		}
		k.invariants()
	})
}

// B9: however many ask at the moment of expiry, and on however many instances,
// one renewal answers all.
func TestB9ManyAskAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		keepers := []*Keeper{k.keeper, k.newKeeper(k.options), k.newKeeper(k.options)}
		id := k.seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		clock.Add(20 * time.Minute)
		answers := make(chan error, 300)
		for i := range 300 {
			go func() {
				access, err := keepers[i%len(keepers)].AccessToken(t.Context(), k.companyID, id)
				if err == nil && access.Generation != 2 {
					err = ErrUnavailable
				}
				answers <- err
			}()
		}
		for range 300 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if n := k.tokenRequests(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
		k.invariants()
	})
}
