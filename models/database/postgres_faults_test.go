package database_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// onProxy opens a migrated PostgreSQL database through a proxy.
func onProxy(t *testing.T) (*database.DB, *testdb.Proxy) {
	t.Helper()
	proxy := testdb.NewProxy(t, testdb.Postgres(t))
	db := modeltest.OpenAt(t, proxy.Address)
	return db, proxy
}

// PostgreSQL is gone in the middle of a save, or commits it and is gone
// before it says so. The renewal is saved once and asked for once.
func TestConnectionLostInASave(t *testing.T) {
	for name, when := range map[string]struct{ before, inside, atCommit bool }{
		"before": {before: true}, "inside": {inside: true}, "at commit": {atCommit: true},
	} {
		t.Run(name, func(t *testing.T) {
			db, proxy := onProxy(t)
			k := modeltest.NewKept(t, db, time.Now)
			id := k.Seed(1, time.Now(), time.Now().Add(time.Hour))[0]
			fired := 0
			write := (*db.WriteField())
			(*db.WriteField()) = func(ctx context.Context, fn func(*gorm.DB) error) error {
				if k.TokenRequests() != 1 || fired > 0 {
					return write(ctx, fn)
				}
				fired++
				if when.before {
					proxy.Cut()
				}
				if when.atCommit {
					proxy.LoseCommits(1)
				}
				return write(ctx, func(tx *gorm.DB) error {
					err := fn(tx)
					if when.inside {
						proxy.Cut()
					}
					return err
				})
			}
			access, err := k.Keeper.Renew(t.Context(), k.CompanyID, id, 1)
			if err != nil || access.Generation != 2 || fired != 1 || (proxy.Lost() == 1) != when.atCommit {
				t.Errorf("served generation %d, error %v; the fault fired %d times, %d commits were lost", access.Generation, err, fired, proxy.Lost())
			}
			if n := k.TokenRequests(); n != 1 {
				t.Errorf("%d token requests, want 1", n)
			}
			k.StillGranted(k.Keeper, id)
			k.Invariants()
		})
	}
}

// The database ends all its sessions again and again while instances
// renew. Every connection is renewed, none twice, and the pool recovers.
func TestSoakSessionsAreTerminated(t *testing.T) {
	address := testdb.Postgres(t)
	db := modeltest.OpenAt(t, address)
	k := modeltest.NewKept(t, db, time.Now)
	const connections = 600
	k.Seed(connections, time.Now(), time.Now())
	control, err := database.Open(t.Context(), address, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = control.Close() }()
	watch := *k // through sessions that nobody ends
	watch.DB = control
	keepers := []*keeper.Keeper{k.Keeper, k.NewKeeper(k.Options)}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, keeper := range keepers {
		all.Go(func() { keeper.Run(ctx) })
	}
	ended := 0
	for storm := range 6 {
		watch.Until(func() bool { return k.TokenRequests() > storm*connections/8 })
		var n int
		if err := control.Read(ctx).Raw("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		if ended += n; n == 0 {
			t.Error("there was no session to end")
		}
	}
	over := time.Now()
	watch.Until(func() bool {
		return watch.Count("SELECT count(*) FROM credentials WHERE generation = 1 AND lease_until IS NULL") == 0
	})
	recovered := time.Since(over)
	if recovered > 10*time.Second {
		t.Errorf("%s until all was leased again", recovered)
	}
	stop()
	all.Wait()
	// A lease whose commit was cut off is nobody's; half a minute passes.
	left := watch.Count("SELECT count(*) FROM connections WHERE generation = 1")
	watch.ExpireLeases(true)
	ctx, stop = context.WithCancel(t.Context())
	all.Go(func() { k.Keeper.Run(ctx) })
	watch.Until(func() bool { return watch.Count("SELECT count(*) FROM connections WHERE generation = 1") == 0 })
	stop()
	all.Wait()
	t.Logf("%d connections, %d sessions ended: recovered in %s, %d leases of nobody, %d token requests", connections, ended, recovered, left, k.TokenRequests())
	if n := k.TokenRequests(); n != connections || k.Refusals() != 0 {
		t.Errorf("%d token requests for %d connections, %d refused", n, connections, k.Refusals())
	}
	if states := watch.States(); states[models.Connected] != connections {
		t.Errorf("%v", states)
	}
	watch.Invariants()
}

// However many requests to ServiceTitan hang, hardly a connection of the
// database's is in use, and no transaction is open.
func TestSoakNoDatabaseWhileAsking(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		hanging := modeltest.Many(t, 100, 1000)
		ids := k.Seed(hanging, clock.Now(), clock.Now().Add(time.Hour))
		k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
		var all sync.WaitGroup
		for _, id := range ids {
			all.Go(func() {
				if _, err := k.Keeper.Renew(t.Context(), k.CompanyID, id, 1); err != nil {
					t.Error(err)
				}
			})
		}
		for range hanging {
			<-k.Sandbox.Held()
		}
		pool, err := (*db.ReaderField()).DB()
		if err != nil {
			t.Fatal(err)
		}
		if n := pool.Stats().InUse; n > 4 {
			t.Errorf("%d connections of the database are in use while %d requests hang", n, hanging)
		}
		if db.OnPostgres() {
			if n := k.Count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"); n != 0 {
				t.Errorf("%d transactions are open", n)
			}
		}
		// Others write meanwhile.
		k.Write(func(tx *gorm.DB) error {
			return tx.Exec("UPDATE companies SET name = ? WHERE id = ?", "Northgate Heating", k.CompanyID).Error
		})
		k.Sandbox.Release()
		all.Wait()
		if n := k.Sandbox.Fired(sandbox.Hold); n != hanging {
			t.Errorf("%d requests were held, want %d", n, hanging)
		}
		if states := k.States(); states[models.Connected] != hanging || k.Count("SELECT count(*) FROM connections WHERE generation = 2") != hanging {
			t.Errorf("%v", states)
		}
		k.Invariants()
	})
}
