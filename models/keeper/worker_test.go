package keeper_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// An idle connection is renewed once per keep-alive, and one in use before its access expires.
// Connections that were made together are spread out.
func TestRenewedAheadOfTime(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		ids := k.Seed(40, time.Now(), time.Now())
		k.Start()
		k.Pass(10 * time.Second)
		if n := k.TokenRequests(); n != 40 {
			t.Errorf("%d token requests for 40 that are due", n)
		}
		dues := map[string]bool{}
		for _, id := range ids {
			c := k.Connection(id)
			if wait := time.Until(*c.NextRenewalAt); wait < 45*time.Minute || wait > time.Hour {
				t.Errorf("an idle connection is next renewed in %s", wait)
			}
			dues[c.NextRenewalAt.Format(time.RFC3339)] = true
		}
		if len(dues) < 30 {
			t.Errorf("40 connections are due at %d moments", len(dues))
		}

		// In use, it is renewed in time, and nobody ever waits for ServiceTitan.
		before := k.TokenRequests()
		for range 60 {
			access, err := k.Keeper.AccessToken(k.Context(), k.CompanyID, ids[0])
			if err != nil || time.Until(access.ExpiresAt) < time.Minute {
				t.Fatalf("access until %s at %s, error %v", access.ExpiresAt, time.Now(), err)
			}
			k.Pass(time.Minute)
		}
		if c := k.Connection(ids[0]); c.LastUsedAt == nil || c.Generation < 5 {
			t.Errorf("in use for an hour it is of generation %d", c.Generation)
		}
		if n := k.TokenRequests() - before; n < 39+4 || n > 39+7 {
			t.Errorf("%d token requests in an hour, want about one each and five for the one in use", n)
		}
	})
}

// Each fault of the token endpoint leads background renewals to a certain state. They recover by
// themselves when the fault is gone, unless the refusal was permanent.
func TestFaultsAheadOfTime(t *testing.T) {
	tests := map[string]struct {
		fault  sandbox.Fault
		state  models.State
		reason models.Reason
		heals  bool
	}{
		"500":                {sandbox.Fault{Kind: sandbox.Status500}, models.Degraded, models.ReasonUnavailable, true},
		"503":                {sandbox.Fault{Kind: sandbox.Status503, RetryAfter: time.Minute}, models.Degraded, models.ReasonUnavailable, true},
		"502":                {sandbox.Fault{Kind: sandbox.CustomToken, Status: 502, ContentType: "text/html", Body: "Bad Gateway"}, models.Degraded, models.ReasonUnavailable, true},
		"504":                {sandbox.Fault{Kind: sandbox.CustomToken, Status: 504, ContentType: "text/html", Body: "Gateway Timeout"}, models.Degraded, models.ReasonUnavailable, true},
		"429":                {sandbox.Fault{Kind: sandbox.Status429, RetryAfter: 30 * time.Second}, models.Degraded, models.ReasonRateLimited, true},
		"no answer":          {sandbox.Fault{Kind: sandbox.ResetBefore}, models.Degraded, models.ReasonUnavailable, true},
		"answer lost":        {sandbox.Fault{Kind: sandbox.ResetAfter, Times: 1}, models.ReconnectNeeded, models.ReasonAnswerLost, false},
		"garbage":            {sandbox.Fault{Kind: sandbox.Garbage}, models.Degraded, models.ReasonUnavailable, true},
		"missing expires_in": {sandbox.Fault{Kind: sandbox.MissingExpiresIn}, models.Connected, models.ReasonNone, true},
		"registration gone":  {sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_client"}`}, models.Connected, models.ReasonOurSide, true},
		"grant revoked":      {sandbox.Fault{Kind: sandbox.CustomToken, Status: 400, ContentType: "application/json", Body: `{"error":"invalid_grant"}`}, models.ReconnectNeeded, models.ReasonGrantRefused, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
				id := k.Seed(1, time.Now(), time.Now())[0]
				k.Sandbox.SetFault(tt.fault)
				k.Start()
				k.Pass(20 * time.Minute)
				c := k.Connection(id)
				if c.State != tt.state || c.Reason != tt.reason {
					t.Errorf("%s %s, want %s %s", c.State, c.Reason, tt.state, tt.reason)
				}
				if k.Sandbox.Fired(tt.fault.Kind) == 0 {
					t.Error("the fault did not fire")
				}
				asked := k.TokenRequests()
				if asked > 60 {
					t.Errorf("%d token requests in 20 minutes", asked)
				}
				if tt.state == models.Degraded && (c.Failures < 2 || c.FailingSince == nil || c.NextRenewalAt == nil || time.Until(*c.NextRenewalAt) > keeper.LongestRetry+10*time.Second) {
					t.Errorf("%d failures since %v, next try %v", c.Failures, c.FailingSince, c.NextRenewalAt)
				}
				k.Sandbox.ClearFaults()
				k.Pass(keeper.LongestRetry + time.Minute)
				if c = k.Connection(id); tt.heals && (c.State != models.Connected || c.Generation < 2 || c.Failures != 0) {
					t.Errorf("after the fault: %s, generation %d, %d failures", c.State, c.Generation, c.Failures)
				}
				if !tt.heals && k.TokenRequests() != asked {
					t.Error("attempts continue after a permanent refusal")
				}
				if tt.reason == models.ReasonGrantRefused {
					k.Sandbox.RevokeGrants(modeltest.Northgate) // the fault only said so
				}
				if n := k.Count("SELECT count(*) FROM events"); n > 2 {
					t.Errorf("%d events, want those of a change alone", n)
				}
			})
		})
	}
}

// While the issuer is down, it is left alone. When it is back, everything recovers at the rate
// that is allowed.
func TestSoakOutage(t *testing.T) { throughOutage(t, modeltest.Many(t, 2000, 20_000)) }

func throughOutage(t *testing.T, connections int) {
	const perSecond = 100
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		k.Seed(connections, time.Now(), time.Now())
		k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503})
		k.Start()
		began := time.Now()
		k.Pass(time.Hour)
		if n := k.TokenRequests(); n < 30 || n > 300 {
			t.Errorf("%d token requests in an hour's outage", n)
		}
		if states := k.States(); states[models.ReconnectNeeded] != 0 {
			t.Errorf("given up in an outage: %v", states)
		}
		k.Sandbox.ClearFaults()
		back, asked := time.Now(), k.TokenRequests()
		for k.Count("SELECT count(*) FROM connections WHERE generation = 1") > 0 {
			if time.Since(back) > time.Hour {
				t.Fatalf("not recovered after an hour: %v", k.States())
			}
			k.Pass(10 * time.Second)
			if n := k.TokenRequests() - asked; n > perSecond*(10+1) {
				t.Errorf("%d token requests in ten seconds", n)
			}
			asked = k.TokenRequests()
		}
		t.Logf("%d connections, an outage of %s: recovered in %s at %d a second at most", connections, back.Sub(began), time.Since(back), perSecond)
		if states := k.States(); states[models.Connected] != connections {
			t.Errorf("after the outage: %v", states)
		}
		if k.Refusals() != 0 {
			t.Errorf("%d grants were refused", k.Refusals())
		}
	}, func(_ *sandbox.Options, o *keeper.Options) { o.PerSecond = perSecond })
}

// Rows that cannot be decrypted do not affect the others.
func TestPoisonedRows(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		ids := k.Seed(30, time.Now(), time.Now())
		k.Write(func(tx *gorm.DB) error {
			return tx.Exec("UPDATE credentials SET refresh_sealed = (SELECT refresh_sealed FROM credentials WHERE connection_id = ?) WHERE connection_id IN ?", ids[29], ids[:10]).Error
		})
		k.Start()
		k.Pass(10 * time.Second)
		if states := k.States(); states[models.Connected] != 20 || states[models.ReconnectNeeded] != 10 {
			t.Errorf("%v", states)
		}
		if c := k.Connection(ids[0]); c.Reason != models.ReasonSealBroken {
			t.Errorf("reason %s", c.Reason)
		}
	})
}

// New tokens that cannot be saved are held until they can, and nothing more is sent in the
// meantime.
func TestSaveIsRepeatedUntilItWorks(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		ids := k.Seed(5, time.Now(), time.Now())
		away := make(chan struct{})
		k.DB.Intercept(func(write database.WriteFunc) database.WriteFunc {
			return func(ctx context.Context, fn func(*gorm.DB) error) error {
				select {
				case <-away:
				default:
					if k.TokenRequests() > 0 { // the database is lost once something was asked
						return database.ErrUnavailable
					}
				}
				return write(ctx, fn)
			}
		})
		k.Start()
		k.Pass(3 * time.Minute)
		asked := k.TokenRequests()
		if asked == 0 || asked > 5 || k.Keeper.Unsaved() == 0 {
			t.Errorf("%d token requests, %d wait to be saved", asked, k.Keeper.Unsaved())
		}
		if !strings.Contains(k.Logged.String(), "renewals wait to be saved") {
			t.Error("nobody is told")
		}
		close(away)
		k.Pass(2 * time.Minute)
		if k.Keeper.Unsaved() != 0 || k.Refusals() != 0 {
			t.Errorf("%d wait to be saved, %d were refused", k.Keeper.Unsaved(), k.Refusals())
		}
		for _, id := range ids {
			if c := k.Connection(id); c.State != models.Connected || c.Generation != 2 {
				t.Errorf("%s of generation %d", c.State, c.Generation)
			}
		}
	})
}

// In a day with many connections, each hour has the load of the keep-alive, memory and events do
// not grow, and the counters are right.
func TestSoakADay(t *testing.T) { aDay(t, modeltest.Many(t, 60, 10_000)) }

func aDay(t *testing.T, connections int) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		k.Seed(connections, time.Now(), time.Now())
		began := time.Now()
		k.Start()
		var heap []uint64 // in use after each hour
		var hourly []int
		asked := 0
		for range 24 {
			k.Pass(time.Hour)
			hourly = append(hourly, k.TokenRequests()-asked)
			asked = k.TokenRequests()
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			heap = append(heap, m.HeapInuse)
		}
		// A keep-alive of 1 h with its spread is 24 to 31 renewals.
		if n := k.TokenRequests(); n < 24*connections || n > 31*connections {
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
			connections, time.Since(began), k.TokenRequests(), slices.Min(settled), slices.Max(settled), float64(k.TokenRequests())/time.Since(began).Seconds(),
			float64(heap[1])/(1<<20), float64(heap[23])/(1<<20))
		if n := k.Count("SELECT count(*) FROM events"); n != 0 {
			t.Errorf("%d events of a day without any", n)
		}
		if n := k.Count("SELECT count(*) FROM renewal_days"); n > 2*connections {
			t.Errorf("%d rows of counters", n)
		}
		if n := k.Count("SELECT sum(ok) FROM renewal_days"); n != k.TokenRequests() {
			t.Errorf("%d renewals are counted, %d were made", n, k.TokenRequests())
		}
	})
}

// After a reconnect or disconnect, no instance serves the old token, from that moment on.
func TestCacheEndsWithTheConnection(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		other := k.NewKeeper(keeper.Options{KeepAlive: time.Hour, PerSecond: 1000})
		id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		for _, instance := range []*keeper.Keeper{k.Keeper, other} {
			for range 2 { // the second time from memory
				if _, err := instance.AccessToken(t.Context(), k.CompanyID, id); err != nil {
					t.Fatal(err)
				}
			}
			if _, ok := instance.Cached(k.CompanyID, id, db.Now()); !ok {
				t.Error("the token is not in memory")
			}
			if _, err := instance.AccessToken(t.Context(), database.NewID(), id); err == nil {
				t.Error("another company is served")
			}
		}
		k.Reconnect(id)
		for range 2 {
			for _, instance := range []*keeper.Keeper{k.Keeper, other} {
				if access, err := instance.AccessToken(t.Context(), k.CompanyID, id); err != nil || access.Generation != 2 {
					t.Errorf("served generation %d after the reconnect, error %v", access.Generation, err)
				}
			}
		}
		k.Disconnect(id)
		for _, instance := range []*keeper.Keeper{k.Keeper, other} {
			if access, err := instance.AccessToken(t.Context(), k.CompanyID, id); err == nil {
				t.Errorf("served %d after the disconnect", access.Generation)
			}
		}
		k.Invariants()
	})
}

// No matter how many callers ask at the moment of expiry, and on how many instances, one renewal
// answers all.
func TestManyAskAtOnce(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		keepers := []*keeper.Keeper{k.Keeper, k.NewKeeper(k.Options), k.NewKeeper(k.Options)}
		id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		clock.Add(20 * time.Minute)
		answers := make(chan error, 300)
		for i := range 300 {
			go func() {
				access, err := keepers[i%len(keepers)].AccessToken(t.Context(), k.CompanyID, id)
				if err == nil && access.Generation != 2 {
					err = database.ErrUnavailable
				}
				answers <- err
			}()
		}
		for range 300 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if n := k.TokenRequests(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
		k.Invariants()
	})
}
