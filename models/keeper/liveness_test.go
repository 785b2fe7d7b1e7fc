package keeper_test

import (
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// looked waits until a number of instances have each checked the locks of the others a number
// of times more. Each instance checks in a session of its own.
func looked(k *modeltest.Kept, instances, times int) {
	k.Helper()
	type session struct {
		Pid        int
		QueryStart time.Time
	}
	last, looks := map[int]time.Time{}, map[int]int{}
	k.Until(func() bool {
		var sessions []session
		err := k.DB.Read(k.Context()).Raw(`SELECT pid, query_start FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%l.objsubid = 1 AND l.granted%'`).Scan(&sessions).Error
		if err != nil {
			k.Fatal(err)
		}
		enough := 0
		for _, s := range sessions {
			if !s.QueryStart.Equal(last[s.Pid]) {
				looks[s.Pid]++
				last[s.Pid] = s.QueryStart
			}
			if looks[s.Pid] > times {
				enough++
			}
		}
		return enough >= instances
	})
}

// enoughLooks is a number of checks after which a dead holder is known to be dead: one every
// 100 ms, for three times as long as a lock must be absent.
const enoughLooks = 24

// A process that is stopped with a request under way does not count as dead. After it is
// killed, another process repeats its request.
func TestStoppedIsNotDead(t *testing.T) {
	address := testdb.Postgres(t)
	db := modeltest.OpenAt(t, address)
	k := modeltest.NewKept(t, db, time.Now)
	c := k.OverTheNetwork(address, time.Hour)
	k.Clients = k.NetworkClients(c)
	c.Company, c.Connection = k.CompanyID, k.Seed(1, time.Now(), time.Now())[0]
	holder := startAsked(t, c)
	k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
	holder.renew(t, 1)
	<-k.Sandbox.Held()
	holder.stop(t)
	k.Sandbox.Release()
	other := k.NewKeeper(k.Options)
	defer k.Run(other)()
	k.Until(func() bool { return db.HoldForServing(t.Context()) == nil })
	looked(k, 1, enoughLooks)
	if n, leased := k.TokenRequests(), k.Count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL"); n != 1 || leased != 1 {
		t.Fatalf("%d token requests, %d leases while the holder is stopped", n, leased)
	}
	if err := holder.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.Until(func() bool { return k.Connection(c.Connection).Generation == 2 })
	if n := k.TokenRequests(); n != 2 || k.Refusals() != 0 {
		t.Errorf("%d token requests, %d refused", n, k.Refusals())
	}
	k.Invariants()
}

// PostgreSQL ends all sessions while the requests of two instances are under way. Neither
// instance counts the other as dead, and each saves what it got.
func TestCutOffIsNotDead(t *testing.T) {
	for name, cut := range map[string]string{
		"all sessions":          "pid <> pg_backend_pid()",
		"those that hold locks": "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')",
	} {
		t.Run(name, func(t *testing.T) {
			address := testdb.Postgres(t)
			k := modeltest.NewKept(t, modeltest.OpenAt(t, address), time.Now)
			ids := k.Seed(4, time.Now(), time.Now().Add(time.Hour))
			k.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
			var all sync.WaitGroup
			for i := range 2 {
				db := modeltest.OpenAt(t, address)
				instance := k.NewKeeperOn(db, k.Options)
				defer k.Run(instance)()
				for _, id := range ids[2*i : 2*i+2] {
					all.Go(func() {
						if access, err := instance.Renew(t.Context(), k.CompanyID, id, 1); err != nil || access.Generation != 2 {
							t.Errorf("generation %d, error %v", access.Generation, err)
						}
					})
				}
			}
			for range ids {
				<-k.Sandbox.Held()
			}
			if n := k.Count("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND " + cut); n < 2 {
				t.Fatalf("%d sessions were ended", n)
			}
			looked(k, 2, enoughLooks)
			if n := k.TokenRequests(); n != len(ids) {
				t.Errorf("%d token requests while %d are under way", n, len(ids))
			}
			k.Sandbox.Release()
			all.Wait()
			if n := k.TokenRequests(); n != len(ids) || k.Refusals() != 0 {
				t.Errorf("%d token requests for %d connections, %d refused", n, len(ids), k.Refusals())
			}
			k.Invariants()
		})
	}
}

// An instance that has lost its lock sends nothing under the leases from before, even after it
// has the lock again.
func TestLostLockSendsNothing(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.Postgres(t))
	k := modeltest.NewKept(t, db, time.Now)
	ids := k.Seed(2, time.Now(), time.Now())
	leased := func(i int) keeper.DueRenewal {
		t.Helper()
		connection, cred, err := keeper.KeeperLoad(k.Keeper, t.Context(), k.CompanyID, ids[i])
		if err != nil {
			t.Fatal(err)
		}
		held, err := keeper.KeeperTakeLease(k.Keeper, t.Context(), cred)
		if err != nil || held.Owner == "" {
			t.Fatalf("no lease: %v", err)
		}
		return keeper.DueRenewal{Connection: connection, Cred: cred, Held: held}
	}
	d := leased(0)
	if err := keeper.KeeperMaySend(k.Keeper, t.Context(), d.Held); err != nil {
		t.Fatalf("before: %v", err)
	}
	first := k.Count("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
	if n := k.Count("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'"); n != 1 {
		t.Fatalf("%d sessions were ended", n)
	}
	k.Until(func() bool {
		return k.Count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> ?", first) == 1
	})
	looked(k, 1, 2)
	if err := keeper.KeeperMaySend(k.Keeper, t.Context(), d.Held); !errors.Is(err, database.ErrLockLost) || !errors.Is(err, keeper.ErrLeaseOld) {
		t.Errorf("after: %v", err)
	}
	access, err := keeper.KeeperRenewLeased(k.Keeper, t.Context(), d.Connection, d.Cred, d.Held, false)
	if err != nil || access.Generation != 1 || k.TokenRequests() != 0 {
		t.Errorf("served generation %d, error %v, %d token requests", access.Generation, err, k.TokenRequests())
	}
	next := leased(1)
	if access, err := keeper.KeeperRenewLeased(k.Keeper, t.Context(), next.Connection, next.Cred, next.Held, false); err != nil || access.Generation != 2 {
		t.Errorf("under the new lock: generation %d, error %v", access.Generation, err)
	}
	k.Invariants()
}

// Other instances take over an instance's leases as soon as it is dead, and not before, and
// only if it died in the same run of the database server.
func TestLeaseEndsWithItsHolder(t *testing.T) {
	for name, newDatabase := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		t.Run(name, func(t *testing.T) { leaseEndsWithItsHolder(t, newDatabase(t)) })
	}
}

func leaseEndsWithItsHolder(t *testing.T, address string) {
	clock := modeltest.NewClock()
	db := modeltest.OpenBy(t, address, clock.Now)
	k := modeltest.NewKept(t, db, clock.Now, func(o *sandbox.Options, _ *keeper.Options) { o.RefreshGrace = time.Minute })
	ids := k.Seed(3, clock.Now(), clock.Now())
	holder := modeltest.OpenBy(t, address, clock.Now)
	dying := k.NewKeeperOn(holder, k.Options)
	list, err := keeper.KeeperDue(dying, t.Context(), keeper.Lane{Environment: servicetitan.Sandbox}, keeper.LeasedAtOnce)
	if err != nil || len(list) != len(ids) {
		t.Fatalf("%d leased: %v", len(list), err)
	}
	if db.OnPostgres() { // on SQLite nobody else may serve
		k.Exec("UPDATE credentials SET lease_owner = '0000000000000007.1/from-another-run-of-the-server' WHERE connection_id = ?", ids[1])
		k.Exec("UPDATE credentials SET lease_owner = 'from-before-holders-were-named' WHERE connection_id = ?", ids[2])
		if err := db.HoldForServing(t.Context()); err != nil {
			t.Fatal(err)
		}
		looked(k, 2, enoughLooks)
		if list, err := keeper.KeeperTakeOver(k.Keeper, t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%d are taken over from one that lives: %v", len(list), err)
		}
	} else if err := db.HoldForServing(t.Context()); !errors.Is(err, database.ErrServed) {
		t.Errorf("a second process may serve the file: %v", err)
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	want := len(ids)
	if db.OnPostgres() {
		want = 1
		looked(k, 1, enoughLooks)
	}
	// A caller who asks for a token gets it.
	if access, err := k.Keeper.Renew(t.Context(), k.CompanyID, ids[0], 1); err != nil || access.Generation != 2 {
		t.Errorf("generation %d, error %v", access.Generation, err)
	}
	list, err = keeper.KeeperTakeOver(k.Keeper, t.Context())
	if err != nil || len(list) != want-1 {
		t.Errorf("%d are taken over, want %d: %v", len(list), want-1, err)
	}
	for _, d := range list {
		if !d.Held.Abandoned || !d.Held.TakenOver {
			t.Errorf("a lease of the dead is not known as one: %+v", d.Held)
		}
		keeper.KeeperRenewDue(k.Keeper, t.Context(), d)
	}
	if n := k.TokenRequests(); n != want || k.Refusals() != 0 {
		t.Errorf("%d token requests, %d refused", n, k.Refusals())
	}
	k.ExpireLeases(true)
	k.Invariants()
}

// Renewals that were taken over do not wait behind those that wait for the rate limit.
func TestTakenOverGoesFirst(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		const due = 40
		k.Seed(due, time.Now(), time.Now())
		left := k.Seed(1, time.Now(), time.Now().Add(time.Hour))[0]
		k.Start()
		k.Pass(time.Second) // from now on, all wait
		k.Exec("UPDATE credentials SET lease_owner = ?, lease_until = ? WHERE connection_id = ?", "dead/lease", time.Now().Add(database.LeaseLife).UTC(), left)
		list, err := keeper.KeeperTakeOver(k.Keeper, k.Context())
		if err != nil || len(list) != 1 {
			k.Fatalf("%d taken over: %v", len(list), err)
		}
		began := time.Now()
		keeper.KeeperRenewDue(k.Keeper, k.Context(), list[0])
		if took := time.Since(began); took > 0 || k.Connection(left).Generation != 2 {
			k.Errorf("renewed to generation %d after %s", k.Connection(left).Generation, took)
		}
		if n := k.Count("SELECT count(*) FROM connections WHERE generation = 1"); n < due/2 {
			k.Errorf("%d others wait for the rate limit", n)
		}
		k.Pass(time.Minute)
	}, func(_ *sandbox.Options, o *keeper.Options) { o.PerSecond = 1 })
}

// Both databases find the leases of dead instances by an index.
func TestTakeOverUsesIndexes(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Seed(3, clock.Now(), clock.Now())
		modeltest.Explains(t, db, "leases of the dead", func() {
			if _, err := keeper.KeeperOwnersDead(k.Keeper, t.Context()); err != nil {
				t.Fatal(err)
			}
		})
		owners := []any{"dead/1", "dead/2"}
		for _, whole := range modeltest.WholeReads(t, db, "SELECT * FROM credentials WHERE lease_until IS NOT NULL AND lease_owner IN (?, ?) AND due_at IS NOT NULL AND environment IN ('sandbox') ORDER BY lease_until LIMIT 128", owners) {
			t.Errorf("taking over reads %s whole", whole)
		}
	})
}

// While a renewal waits to be saved because of its own row, leases of dead instances are still
// taken over. While the database is unavailable, they are not.
func TestTakesOverWhileASaveWaits(t *testing.T) {
	for name, unavailable := range map[string]bool{"its own row": false, "the database": true} {
		t.Run(name, func(t *testing.T) {
			k := modeltest.NewKept(t, modeltest.OpenAt(t, testdb.SQLite(t)), time.Now)
			k.Seed(1, time.Now(), time.Now().Add(time.Hour))
			k.Exec("UPDATE credentials SET lease_owner = 'dead/1', lease_until = ?", time.Now().Add(database.LeaseLife).UTC())
			(*k.Keeper.UnsavedField()).Add(1)
			want := 1
			if unavailable {
				(*k.Keeper.StalledField()).Add(1)
				want = 0
			}
			var all sync.WaitGroup
			taken, err := keeper.KeeperTakeOverNow(k.Keeper, t.Context(), &all)
			all.Wait()
			if err != nil || taken != want || k.TokenRequests() != want {
				t.Errorf("%d taken over, %d token requests, error %v; want %d", taken, k.TokenRequests(), err, want)
			}
		})
	}
}
