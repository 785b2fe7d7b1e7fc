package models

import (
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// looked waits until so many instances have looked some more times at the locks
// of the others. Each looks in a session of its own.
func looked(k *kept, instances, times int) {
	k.Helper()
	type session struct {
		Pid        int
		QueryStart time.Time
	}
	last, looks := map[int]time.Time{}, map[int]int{}
	k.until(func() bool {
		var sessions []session
		err := k.db.Read(k.Context()).Raw(`SELECT pid, query_start FROM pg_stat_activity
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

// enoughLooks are so many that a dead holder is known to be dead: a look every
// 100 ms, for three times as long as a lock must be absent.
const enoughLooks = 24

// B8: a process that is stopped with a request under way is not taken for a dead
// one. Once it is killed, another retries what it had sent.
func TestB8StoppedIsNotDead(t *testing.T) {
	database := testdb.Postgres(t)
	db := openAt(t, database)
	k := newKept(t, db, time.Now)
	c := k.overTheNetwork(database, time.Hour)
	k.clients = k.networkClients(c)
	c.Company, c.Connection = k.companyID, k.seed(1, time.Now(), time.Now())[0]
	holder := startAsked(c, t)
	k.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
	holder.renew(t, 1)
	<-k.sandbox.Held()
	holder.stop(t)
	k.sandbox.Release()
	other := k.newKeeper(k.options)
	defer k.run(other)()
	k.until(func() bool { return db.HoldForServing(t.Context()) == nil })
	looked(k, 1, enoughLooks)
	if n, leased := k.tokenRequests(), k.count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL"); n != 1 || leased != 1 {
		t.Fatalf("%d token requests, %d leases while the holder is stopped", n, leased)
	}
	if err := holder.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.until(func() bool { return k.connection(c.Connection).Generation == 2 })
	if n := k.tokenRequests(); n != 2 || k.refusals() != 0 {
		t.Errorf("%d token requests, %d refused", n, k.refusals())
	}
	k.invariants()
}

// B16: PostgreSQL ends all sessions while the requests of two instances are
// under way. Neither takes the other for dead, and each saves what it got.
func TestB16CutOffIsNotDead(t *testing.T) {
	for name, cut := range map[string]string{
		"all sessions":          "pid <> pg_backend_pid()",
		"those that hold locks": "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')",
	} {
		t.Run(name, func(t *testing.T) {
			database := testdb.Postgres(t)
			k := newKept(t, openAt(t, database), time.Now)
			ids := k.seed(4, time.Now(), time.Now().Add(time.Hour))
			k.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
			var all sync.WaitGroup
			for i := range 2 {
				db := openAt(t, database)
				keeper := k.newKeeperOn(db, k.options)
				defer k.run(keeper)()
				for _, id := range ids[2*i : 2*i+2] {
					all.Go(func() {
						if access, err := keeper.Renew(t.Context(), k.companyID, id, 1); err != nil || access.Generation != 2 {
							t.Errorf("generation %d, error %v", access.Generation, err)
						}
					})
				}
			}
			for range ids {
				<-k.sandbox.Held()
			}
			if n := k.count("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND " + cut); n < 2 {
				t.Fatalf("%d sessions were ended", n)
			}
			looked(k, 2, enoughLooks)
			if n := k.tokenRequests(); n != len(ids) {
				t.Errorf("%d token requests while %d are under way", n, len(ids))
			}
			k.sandbox.Release()
			all.Wait()
			if n := k.tokenRequests(); n != len(ids) || k.refusals() != 0 {
				t.Errorf("%d token requests for %d connections, %d refused", n, len(ids), k.refusals())
			}
			k.invariants()
		})
	}
}

// An instance that has lost its lock sends nothing under the leases that it has,
// also once it has the lock again.
func TestLostLockSendsNothing(t *testing.T) {
	db := openAt(t, testdb.Postgres(t))
	k := newKept(t, db, time.Now)
	ids := k.seed(2, time.Now(), time.Now())
	leased := func(i int) dueRenewal {
		t.Helper()
		connection, sealed, err := k.keeper.load(t.Context(), k.companyID, ids[i])
		if err != nil {
			t.Fatal(err)
		}
		held, err := k.keeper.takeLease(t.Context(), sealed)
		if err != nil || held.owner == "" {
			t.Fatalf("no lease: %v", err)
		}
		return dueRenewal{connection, sealed, held}
	}
	d := leased(0)
	if err := k.keeper.maySend(t.Context(), d.held); err != nil {
		t.Fatalf("before: %v", err)
	}
	first := k.count("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
	if n := k.count("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'"); n != 1 {
		t.Fatalf("%d sessions were ended", n)
	}
	k.until(func() bool {
		return k.count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> ?", first) == 1
	})
	looked(k, 1, 2)
	if err := k.keeper.maySend(t.Context(), d.held); !errors.Is(err, ErrLockLost) || !errors.Is(err, errLeaseOld) {
		t.Errorf("after: %v", err)
	}
	access, err := k.keeper.renewLeased(t.Context(), d.connection, d.sealed, d.held, false)
	if err != nil || access.Generation != 1 || k.tokenRequests() != 0 {
		t.Errorf("served generation %d, error %v, %d token requests", access.Generation, err, k.tokenRequests())
	}
	next := leased(1)
	if access, err := k.keeper.renewLeased(t.Context(), next.connection, next.sealed, next.held, false); err != nil || access.Generation != 2 {
		t.Errorf("under the new lock: generation %d, error %v", access.Generation, err)
	}
	k.invariants()
}

// What an instance leaves behind is somebody else's as soon as it is dead, and
// not before; and only if it died in the same run of the server.
func TestLeaseEndsWithItsHolder(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		t.Run(name, func(t *testing.T) { leaseEndsWithItsHolder(t, database(t)) })
	}
}

func leaseEndsWithItsHolder(t *testing.T, address string) {
	clock := newClock()
	db := openBy(t, address, clock.Now)
	k := newKept(t, db, clock.Now, func(o *sandbox.Options, _ *KeeperOptions) { o.RefreshGrace = time.Minute })
	ids := k.seed(3, clock.Now(), clock.Now())
	holder := openBy(t, address, clock.Now)
	dying := k.newKeeperOn(holder, k.options)
	list, err := dying.due(t.Context(), gateKey{environment: servicetitan.Sandbox}, leasedAtOnce)
	if err != nil || len(list) != len(ids) {
		t.Fatalf("%d leased: %v", len(list), err)
	}
	if db.OnPostgres() { // on SQLite nobody else may serve
		k.exec("UPDATE credentials SET lease_owner = '0000000000000007.1/from-another-run-of-the-server' WHERE connection_id = ?", ids[1])
		k.exec("UPDATE credentials SET lease_owner = 'from-before-holders-were-named' WHERE connection_id = ?", ids[2])
		if err := db.HoldForServing(t.Context()); err != nil {
			t.Fatal(err)
		}
		looked(k, 2, enoughLooks)
		if list, err := k.keeper.takeOver(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%d are taken over from one that lives: %v", len(list), err)
		}
	} else if err := db.HoldForServing(t.Context()); !errors.Is(err, ErrServed) {
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
	// Who asks for a token gets it.
	if access, err := k.keeper.Renew(t.Context(), k.companyID, ids[0], 1); err != nil || access.Generation != 2 {
		t.Errorf("generation %d, error %v", access.Generation, err)
	}
	list, err = k.keeper.takeOver(t.Context())
	if err != nil || len(list) != want-1 {
		t.Errorf("%d are taken over, want %d: %v", len(list), want-1, err)
	}
	for _, d := range list {
		if !d.held.abandoned || !d.held.takenOver {
			t.Errorf("a lease of the dead is not known as one: %+v", d.held)
		}
		k.keeper.renewDue(t.Context(), d)
	}
	if n := k.tokenRequests(); n != want || k.refusals() != 0 {
		t.Errorf("%d token requests, %d refused", n, k.refusals())
	}
	k.expireLeases(true)
	k.invariants()
}

// What the dead had sent does not wait behind those that wait for the rate limit.
func TestTakenOverGoesFirst(t *testing.T) {
	inVirtualTime(t, func(k *kept) {
		const due = 40
		k.seed(due, time.Now(), time.Now())
		left := k.seed(1, time.Now(), time.Now().Add(time.Hour))[0]
		k.start()
		k.pass(time.Second) // from now on, all wait
		k.exec("UPDATE credentials SET lease_owner = ?, lease_until = ? WHERE connection_id = ?", "dead/lease", time.Now().Add(leaseLife).UTC(), left)
		list, err := k.keeper.takeOver(k.Context())
		if err != nil || len(list) != 1 {
			k.Fatalf("%d taken over: %v", len(list), err)
		}
		began := time.Now()
		k.keeper.renewDue(k.Context(), list[0])
		if took := time.Since(began); took > 0 || k.connection(left).Generation != 2 {
			k.Errorf("renewed to generation %d after %s", k.connection(left).Generation, took)
		}
		if n := k.count("SELECT count(*) FROM connections WHERE generation = 1"); n < due/2 {
			k.Errorf("%d others wait for the rate limit", n)
		}
		k.pass(time.Minute)
	}, func(_ *sandbox.Options, o *KeeperOptions) { o.PerSecond = 1 })
}

// The leases of the dead are found by an index on either database.
func TestTakeOverUsesIndexes(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		k.seed(3, clock.Now(), clock.Now())
		explains(t, db, "leases of the dead", func() {
			if _, err := k.keeper.ownersDead(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
		owners := []any{"dead/1", "dead/2"}
		for _, whole := range wholeReads(t, db, "SELECT * FROM credentials WHERE lease_until IS NOT NULL AND lease_owner IN (?, ?) AND due_at IS NOT NULL AND environment IN ('sandbox') ORDER BY lease_until LIMIT 128", owners) {
			t.Errorf("taking over reads %s whole", whole)
		}
	})
}

// A renewal that waits to be saved because of its own row keeps nobody from
// retrying what a dead instance had sent; an unavailable database does.
func TestTakesOverWhileASaveWaits(t *testing.T) {
	for name, unavailable := range map[string]bool{"its own row": false, "the database": true} {
		t.Run(name, func(t *testing.T) {
			k := newKept(t, openAt(t, testdb.SQLite(t)), time.Now)
			k.seed(1, time.Now(), time.Now().Add(time.Hour))
			k.exec("UPDATE credentials SET lease_owner = 'dead/1', lease_until = ?", time.Now().Add(leaseLife).UTC())
			k.keeper.unsaved.Add(1)
			want := 1
			if unavailable {
				k.keeper.stalled.Add(1)
				want = 0
			}
			var all sync.WaitGroup
			taken, err := k.keeper.takeOverNow(t.Context(), &all)
			all.Wait()
			if err != nil || taken != want || k.tokenRequests() != want {
				t.Errorf("%d taken over, %d token requests, error %v; want %d", taken, k.tokenRequests(), err, want)
			}
		})
	}
}
