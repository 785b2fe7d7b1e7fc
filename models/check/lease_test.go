package check_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/check"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// leased leases the check of a connection.
func (k checks) leased(c *check.Checker, id uuid.UUID) check.DueCheck {
	k.Helper()
	k.makeDue(id)
	list, err := check.CheckerDue(c, k.Context(), servicetitan.Sandbox, 1)
	if err != nil || len(list) != 1 || list[0].ConnectionID != id {
		k.Fatalf("%d checks are due, %v", len(list), err)
	}
	return list[0]
}

// What happens to a connection between the question and its record counts, and the record
// does not: no stale result ends, degrades, or recovers a connection.
func TestStaleResultsChangeNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		between func(k checks, id uuid.UUID)
		state   models.State
	}{
		"disconnected":       {func(k checks, id uuid.UUID) { k.Disconnect(id) }, models.Disconnected},
		"reconnected":        {func(k checks, id uuid.UUID) { k.Reconnect(id) }, models.Connected},
		"disconnected twice": {func(k checks, id uuid.UUID) { k.Disconnect(id); k.Reconnect(id) }, models.Connected},
		"refused": {func(k checks, id uuid.UUID) {
			c := k.Connection(id)
			_ = k.Keeper.Refuse(k.Context(), c, c.Generation, models.ReasonClientRefused, nil)
		}, models.ReconnectNeeded},
		"tested by a person": {func(k checks, id uuid.UUID) {
			k.Sandbox.RestoreAll(modeltest.Northgate)
			if err := k.Connections().Test(k.Context(), k.Owner(), id); err != nil {
				k.Fatal(err)
			}
		}, models.Connected},
	} {
		t.Run(name, func(t *testing.T) {
			onChecks(t, func(t *testing.T, k checks) {
				id := k.Connect(modeltest.Northgate)
				if _, err := k.Sandbox.DisableSilently(modeltest.Northgate); err != nil {
					t.Fatal(err)
				}
				k.run(id) // the first of two
				d := k.leased(k.Checker, id)
				found, err := k.Checker.AskFor(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				tt.between(k, id)
				before, row := k.Connection(id), k.Check(id)
				if _, err := check.CheckerRecord(k.Checker, t.Context(), k.Checker.Client(servicetitan.Sandbox), d, found); err != nil {
					t.Fatal(err)
				}
				c := k.Connection(id)
				if c.State != tt.state || c.Reason != before.Reason || !c.UpdatedAt.Equal(before.UpdatedAt) {
					t.Errorf("it is %s for %q, want %s for %q", c.State, c.Reason, tt.state, before.Reason)
				}
				if now := k.Check(id); now.Failures != row.Failures || now.Reason != row.Reason || !now.TriedAt.Equal(*row.TriedAt) || (now.DueAt == nil) != (row.DueAt == nil) {
					t.Errorf("the check was %+v, and is %+v", row, now)
				}
			})
		})
	}
}

// A renewal between the question and its record does not keep a refusal from counting, and
// it does not end the connection either: the refused token is not the newest.
func TestRefusalOfAnOldTokenEndsNothing(t *testing.T) {
	onChecks(t, func(t *testing.T, k checks) {
		id := k.Connect(modeltest.Northgate)
		if _, err := k.Sandbox.DisableSilently(modeltest.Northgate); err != nil {
			t.Fatal(err)
		}
		k.run(id)
		d := k.leased(k.Checker, id)
		found, err := k.Checker.AskFor(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Keeper.Renewed(t.Context(), k.CompanyID, id, k.Connection(id).Generation); err != nil {
			t.Fatal(err)
		}
		if _, err := check.CheckerRecord(k.Checker, t.Context(), k.Checker.Client(servicetitan.Sandbox), d, found); err != nil {
			t.Fatal(err)
		}
		if c, row := k.Connection(id), k.Check(id); c.State != models.Connected || row.Failures != 2 || !soon(row) {
			t.Errorf("it is %s, %+v", c.State, row)
		}
		k.run(id)
		if c := k.Connection(id); c.State != models.ReconnectNeeded || k.mails(id, models.MailReconnectNeeded) != 1 {
			t.Errorf("the next check leaves it %s", c.State)
		}
	})
}

// Only one instance makes a check. If that one dies, another makes it once the lease has
// ended, and what the first one finds later is not recorded.
func TestChecksAreTakenOver(t *testing.T) {
	onChecks(t, func(t *testing.T, k checks) {
		id, other := k.Connect(modeltest.Northgate), k.NewChecker(modeltest.CheckOptions)
		d := k.leased(k.Checker, id)
		if list, err := check.CheckerDue(other, t.Context(), servicetitan.Sandbox, 1); len(list) > 0 || err != nil {
			t.Errorf("another instance leases %d of them, %v", len(list), err)
		}
		k.Exec("UPDATE checks SET lease_until = ?", check.AnHourAgo())
		if n, err := other.CheckDue(t.Context(), servicetitan.Sandbox); n != 1 || err != nil {
			t.Errorf("another instance makes %d, %v", n, err)
		}
		row := k.Check(id)
		found, err := k.Checker.AskFor(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := check.CheckerRecord(k.Checker, t.Context(), k.Checker.Client(servicetitan.Sandbox), d, found); err != nil {
			t.Fatal(err)
		}
		if now := k.Check(id); !now.TriedAt.Equal(*row.TriedAt) || !now.DueAt.Equal(*row.DueAt) {
			t.Errorf("the late result changed %+v to %+v", row, now)
		}
		if n := k.Count("SELECT sum(checks_ok) FROM renewal_days"); n != 1 {
			t.Errorf("%d checks are counted", n)
		}
	})
}

// All instances together keep to the pace.
func TestInstancesShareThePace(t *testing.T) {
	onChecks(t, func(t *testing.T, k checks) {
		options := modeltest.CheckOptions
		options.PerSecond = 5
		instances := []*check.Checker{k.NewChecker(options), k.NewChecker(options)}
		if !k.DB.OnPostgres() {
			instances[1] = instances[0] // one process serves a SQLite file
		}
		within, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var turns sync.WaitGroup
		var taken atomic.Int64
		for i := range 20 {
			turns.Go(func() {
				if check.CheckerTakeTurn(instances[i%2], within, servicetitan.Sandbox) == nil {
					taken.Add(1)
				}
			})
		}
		turns.Wait()
		if n := int(taken.Load()); n == 0 || n > options.PerSecond {
			t.Errorf("%d checks begin in a second, want %d", n, options.PerSecond)
		}
	})
}

// After a time in which no instance was there, everything is due at once. It is checked at
// the pace, and is spread out from then on.
func TestBacklogKeepsToThePace(t *testing.T) {
	modeltest.InVirtualTime(t, func(kept *modeltest.Kept) {
		k := checks{kept}
		k.Start()
		k.makeDue(k.ConnectMany(40)...)
		options := modeltest.CheckOptions
		options.PerSecond = 5
		c := k.NewChecker(options)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.Run(ctx)
		}()
		asked := 0
		for second := range 20 {
			k.Pass(time.Second)
			now := k.Sandbox.Count(sandbox.PathBusinessUnits)
			if n := now - asked; n > options.PerSecond+1 {
				t.Errorf("%d calls in second %d", n, second)
			}
			asked = now
		}
		if asked != 40 {
			t.Errorf("%d of 40 were checked", asked)
		}
		stop()
		<-done
		var dues []time.Time
		if err := k.DB.Read(t.Context()).Raw("SELECT due_at FROM checks ORDER BY due_at").Scan(&dues).Error; err != nil {
			t.Fatal(err)
		}
		if width := dues[39].Sub(dues[0]); width < modeltest.CheckOptions.IdleEvery/10 {
			t.Errorf("the next ones come within %s", width)
		}
	})
}

// A check takes from the tenant's budget. If that is used up, it comes later.
func TestChecksTakeFromTheTenantsBudget(t *testing.T) {
	onChecks(t, func(t *testing.T, k checks) {
		id, budget := k.Connect(modeltest.Northgate), calls.NewBudget(k.DB, 1)
		c := check.New(k.DB, k.Clients, k.Keeper, budget, nil, modeltest.CheckOptions, k.Logger())
		if err := budget.Take(t.Context(), calls.Tenant{Environment: servicetitan.Sandbox, ID: modeltest.Northgate}); err != nil {
			t.Fatal(err)
		}
		k.makeDue(id)
		before := k.Check(id)
		if n, err := c.CheckDue(t.Context(), servicetitan.Sandbox); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		row := k.Check(id)
		if n := k.Sandbox.Count(sandbox.PathBusinessUnits); n != 0 || !row.TriedAt.Equal(*before.TriedAt) || row.Failures != 0 || row.LeaseUntil != nil {
			t.Errorf("%d calls, %+v", n, row)
		}
		if wait := time.Until(*row.DueAt); wait < 20*time.Second || wait > 2*time.Minute {
			t.Errorf("it is due in %s", wait)
		}
	})
}

// No statement of a round reads a whole table.
func TestChecksUseIndexes(t *testing.T) {
	onChecks(t, func(t *testing.T, k checks) {
		id := k.Connect(modeltest.Northgate)
		modeltest.Explains(t, k.DB, "a check that works", func() { k.run(id) })
		if _, err := k.Sandbox.DisableSilently(modeltest.Northgate); err != nil {
			t.Fatal(err)
		}
		modeltest.Explains(t, k.DB, "checks that are refused", func() { k.run(id); k.run(id) })
	})
}

// A scheduled check does not count as use, and stays out of the memory for tokens.
func TestChecksAreNoUse(t *testing.T) {
	served := 0
	count := func(_ *sandbox.Options, ko *keeper.Options) {
		ko.Watch.Served = func(string) { served++ }
	}
	onChecks(t, func(t *testing.T, k checks) {
		served = 0
		id := k.Connect(modeltest.Northgate)
		k.run(id)
		if c := k.Connection(id); c.LastUsedAt != nil || served != 0 {
			t.Errorf("it was used at %v, and %d tokens were served", c.LastUsedAt, served)
		}
	}, count)
}

// While it runs, the checker makes what is due. It stops at once although a call is under
// way, and the check is due for the next instance.
func TestCheckerStops(t *testing.T) {
	modeltest.InVirtualTime(t, func(kept *modeltest.Kept) {
		k := checks{kept}
		k.Start()
		id := k.Connect(modeltest.Northgate)
		k.makeDue(id)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			k.Checker.Run(ctx)
		}()
		k.Pass(time.Second)
		if row := k.Check(id); row.LeaseUntil != nil || row.AnsweredAt == nil || !row.DueAt.After(time.Now()) {
			t.Errorf("%+v", row)
		}
		k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.NoAnswer, Path: sandbox.WholeAPI})
		k.makeDue(id)
		k.Pass(check.PollEvery + time.Second)
		if row := k.Check(id); row.LeaseUntil == nil {
			t.Errorf("it is not under way: %+v", row)
		}
		began := time.Now()
		stop()
		<-done
		synctest.Wait()
		if took := time.Since(began); took > time.Second {
			t.Errorf("it stopped after %s", took)
		}
		if row := k.Check(id); row.LeaseUntil != nil || row.Failures != 0 || row.DueAt.After(time.Now()) {
			t.Errorf("%+v", row)
		}
	})
}

// Connections that were made together are checked at different times, from the first check
// on.
func TestChecksAreSpread(t *testing.T) {
	onChecks(t, func(t *testing.T, k checks) {
		now := time.Now()
		used := now.Add(-10 * time.Minute)
		for _, c := range []models.Connection{{}, {LastUsedAt: &used}} {
			every := modeltest.CheckOptions.IdleEvery
			if c.LastUsedAt != nil {
				every = modeltest.CheckOptions.Every
			}
			var firsts, nexts []time.Duration
			for range 1000 {
				firsts = append(firsts, check.CheckerFirstCheck(k.Checker, c, now).Sub(now))
				nexts = append(nexts, check.CheckerNextCheck(k.Checker, c, now).Sub(now))
			}
			for name, tt := range map[string]struct {
				waits        []time.Duration
				least, width time.Duration
			}{"first": {firsts, every / 10, every / 2}, "next": {nexts, every * 2 / 3, every / 10}} {
				low, high := slices.Min(tt.waits), slices.Max(tt.waits)
				if low < tt.least || high > every || high-low < tt.width {
					t.Errorf("the %s check of every %s comes after %s to %s", name, every, low, high)
				}
			}
		}
	})
}

// A check that failed is repeated after about a minute, then ever later, and never sooner
// than ServiceTitan asks.
func TestFailedChecksAreRepeated(t *testing.T) {
	now := time.Now()
	for failures, want := range map[int][2]time.Duration{1: {40 * time.Second, 80 * time.Second}, 2: {80 * time.Second, 160 * time.Second}, 9: {2 * time.Minute, 4 * time.Minute}} {
		for range 100 {
			if wait := check.NextTry(failures, 0, now).Sub(now); wait < want[0] || wait > want[1] {
				t.Errorf("after %d failures: %s", failures, wait)
			}
			if wait := check.NextTry(failures, time.Hour, now).Sub(now); wait < time.Hour || wait > time.Hour+time.Minute {
				t.Errorf("asked to wait an hour: %s", wait)
			}
		}
	}
}

// An idle connection that is used is checked as soon as others in use.
func TestUseBringsTheCheckForward(t *testing.T) {
	within := func(_ *sandbox.Options, ko *keeper.Options) { ko.CheckWithin = modeltest.CheckOptions.Every }
	onChecks(t, func(t *testing.T, k checks) {
		id := k.Connect(modeltest.Northgate)
		k.Exec("UPDATE checks SET due_at = ?", k.DB.Now().Add(5*time.Hour))
		if _, err := k.Keeper.AccessToken(t.Context(), k.CompanyID, id); err != nil {
			t.Fatal(err)
		}
		if wait := time.Until(*k.Check(id).DueAt); wait > time.Hour || wait < 29*time.Minute {
			t.Errorf("it is due in %s", wait)
		}
	}, within)
}
