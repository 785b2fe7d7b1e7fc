package calls_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

var north, south = calls.Tenant{Environment: servicetitan.Sandbox, ID: 1}, calls.Tenant{Environment: servicetitan.Sandbox, ID: 2}

// onBoth runs a test on databases with the real clock, which PostgreSQL always has.
func onBoth(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, testdb.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, testdb.Postgres(t)) })
}

// spent takes a call, and returns for how long the tenant gets none.
func spent(t *testing.T, b *calls.Budget, of calls.Tenant) time.Duration {
	t.Helper()
	err := b.Take(t.Context(), of)
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*calls.SpentError](err)
	if !ok {
		t.Fatal(err)
	}
	return time.Until(e.Until)
}

// A tenant gets its calls at any moment of a second, and then none until a second after
// the first of them. Other tenants have budgets of their own.
func TestBudgetOfATenant(t *testing.T) {
	onBoth(t, func(t *testing.T, address string) {
		b := calls.NewBudget(modeltest.OpenAt(t, address), 5)
		for i := range 5 {
			if wait := spent(t, b, north); wait != 0 {
				t.Errorf("call %d has to wait %v", i+1, wait)
			}
		}
		wait := spent(t, b, north)
		if wait <= 0 || wait > 1100*time.Millisecond {
			t.Errorf("the call after the last has to wait %v", wait)
		}
		if wait := spent(t, b, south); wait != 0 {
			t.Errorf("another tenant has to wait %v", wait)
		}
		if err := retry.Pause(t.Context(), wait+10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if wait := spent(t, b, north); wait != 0 {
			t.Errorf("after a second, it still has to wait %v", wait)
		}
	})
}

// If ServiceTitan asks to wait, no instance calls the tenant until then. A shorter wait
// does not shorten a longer one, and nobody waits longer than an hour.
func TestEveryInstanceWaitsAsServiceTitanAsks(t *testing.T) {
	onBoth(t, func(t *testing.T, address string) {
		db := modeltest.OpenAt(t, address)
		one := calls.NewBudget(db, 60)
		other := one
		if db.OnPostgres() {
			other = calls.NewBudget(modeltest.OpenAt(t, address), 60)
		}
		for _, wait := range []time.Duration{30 * time.Second, time.Second} {
			if err := one.Close(t.Context(), north, wait); err != nil {
				t.Fatal(err)
			}
		}
		for name, b := range map[string]*calls.Budget{"the same instance": one, "another instance": other} {
			if wait := spent(t, b, north); wait < 29*time.Second || wait > 30*time.Second {
				t.Errorf("%s has to wait %v, want 30 s", name, wait)
			}
			if wait := spent(t, b, south); wait != 0 {
				t.Errorf("%s: another tenant has to wait %v", name, wait)
			}
		}
		if err := one.Close(t.Context(), north, 365*24*time.Hour); err != nil {
			t.Fatal(err)
		}
		if wait := spent(t, one, north); wait > time.Hour {
			t.Errorf("it has to wait %v", wait)
		}
		if one.StartOver(); !db.OnPostgres() && spent(t, one, north) != 0 {
			t.Error("after a reset, it still has to wait")
		}
	})
}

// Three instances, all of which want to call far more often, together keep to the
// budget within a tenth, as the API that they call counts, whenever the second begins. A
// machine that is busy delays calls on their way to the API, so one round of three is enough.
func TestInstancesShareTheBudget(t *testing.T) {
	const rounds = 3
	for range rounds {
		each, most := share(t)
		t.Logf("%.1f calls a second, at most %d in any second", each, most)
		if most <= calls.PerSecond*11/10 && each >= calls.PerSecond*0.9 {
			return
		}
	}
	t.Errorf("no round of %d had %d calls a second within a tenth", rounds, calls.PerSecond)
}

// share lets several instances call an API as fast as their budget allows. It returns how
// many calls a second the API counts, and the most in any second.
func share(t *testing.T) (each float64, most int) {
	t.Helper()
	const instances, callers, seconds = 3, 4, 4
	address := testdb.Postgres(t)
	ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
	defer cancel()
	var mu sync.Mutex
	var at []time.Time
	stub := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Now())
	}))
	defer stub.Close()
	var working sync.WaitGroup
	for range instances {
		b := calls.NewBudget(modeltest.OpenAt(t, address), calls.PerSecond)
		for range callers {
			working.Go(func() {
				for ctx.Err() == nil {
					err := b.Take(ctx, north)
					if e, ok := errors.AsType[*calls.SpentError](err); ok {
						_ = retry.Pause(ctx, time.Until(e.Until))
						continue
					}
					if err != nil {
						if ctx.Err() == nil {
							t.Error(err)
						}
						return
					}
					if resp, err := stub.Client().Get(stub.URL); err == nil {
						_ = resp.Body.Close()
					}
				}
			})
		}
	}
	working.Wait()
	return float64(len(at)) / seconds, mostInASecond(at)
}

// mostInASecond returns how many times lie within one second at most.
func mostInASecond(times []time.Time) (most int) {
	slices.SortFunc(times, time.Time.Compare)
	for i, first := 0, 0; i < len(times); i++ {
		for times[i].Sub(times[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// The memory of a process stays small, however many tenants are called.
func TestBudgetsInMemoryAreBounded(t *testing.T) {
	clock := modeltest.NewClock()
	b := calls.NewBudget(modeltest.OpenBy(t, testdb.SQLite(t), clock.Now), 1)
	for i := range 2 * calls.TenantsInMemory {
		tenant := calls.Tenant{Environment: servicetitan.Sandbox, ID: int64(i)}
		if err := b.Take(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		if err := b.Take(t.Context(), tenant); err == nil {
			t.Fatal("a second call within a second is allowed")
		}
		clock.Add(2 * time.Second)
	}
	if n := b.InMemory(); n > calls.TenantsInMemory {
		t.Errorf("%d tenants are in memory", n)
	}
}
