package models

import (
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// renewDueNow renews what is due, as the worker does, and says how many were.
func renewDueNow(k *kept, who *Keeper) int {
	k.Helper()
	list, err := who.due(k.Context(), gateKey{environment: servicetitan.Sandbox}, leasedAtOnce)
	if err != nil {
		k.Fatal(err)
	}
	for _, d := range list {
		who.renewDue(k.Context(), d)
	}
	return len(list)
}

// B18: instances whose clocks are wrong, on one database. Nothing is renewed
// twice or too early, nothing is served that has lapsed, and a lease is a lease.
func TestB18ClocksThatAreWrong(t *testing.T) {
	for name, wrong := range map[string]time.Duration{
		"right": 0, "an hour ahead": time.Hour, "an hour behind": -time.Hour, "a day and an hour ahead": 25 * time.Hour,
		"5 minutes ahead": 5 * time.Minute, "5 minutes behind": -5 * time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			address := testdb.Postgres(t)
			db := openAt(t, address)
			k := newKept(t, db, time.Now)
			// Another instance, with a clock of its own.
			offDB, err := OpenDB(t.Context(), address, func() time.Time { return time.Now().Add(wrong) })
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = offDB.Close() }()
			off := k.newKeeper(k.options)
			off.db, off.clients = offDB, k.clientsBy(offDB.Now)

			ids := k.seed(6, time.Now(), time.Now())
			k.exec("UPDATE connections SET last_used_at = ?", time.Now().UTC())
			if n := renewDueNow(k, off); n != len(ids) {
				t.Fatalf("%d are renewed, want %d", n, len(ids))
			}
			for _, who := range []*Keeper{off, k.keeper, off} {
				if n := renewDueNow(k, who); n != 0 {
					t.Fatalf("%d are renewed again at once", n)
				}
				for _, id := range ids {
					access, err := who.AccessToken(t.Context(), k.companyID, id)
					if err != nil || access.Generation != 2 {
						t.Fatalf("served generation %d, error %v", access.Generation, err)
					}
				}
			}
			for _, id := range ids {
				c := k.connection(id)
				if wait := time.Until(*c.NextRenewalAt); wait < 10*time.Minute || wait > 13*time.Minute {
					t.Errorf("one in use is next renewed in %s", wait)
				}
				if life := time.Until(c.ExpiresAt); life < 14*time.Minute || life > 16*time.Minute {
					t.Errorf("a token of 15 minutes is said to live %s", life)
				}
			}
			if n := k.tokenRequests(); n != len(ids) {
				t.Errorf("%d token requests, want %d", n, len(ids))
			}

			// What has lapsed is not served, and what another has leased is not taken.
			old := k.seed(1, time.Now().Add(-16*time.Minute), time.Now().Add(time.Hour))[0]
			if access, err := off.AccessToken(t.Context(), k.companyID, old); err != nil || access.Generation != 2 {
				t.Errorf("served generation %d of access that has lapsed, error %v", access.Generation, err)
			}
			if held, err := k.keeper.takeLease(t.Context(), storedCredential(k, old)); err != nil || held.owner == "" {
				t.Fatalf("no lease: %v", err)
			}
			if held, err := off.takeLease(t.Context(), storedCredential(k, old)); err != nil || held.owner != "" {
				t.Errorf("a lease that another holds is taken; error %v", err)
			}
			k.invariants()
		})
	}
}

// B18: the clock is set while the app runs. Each connection is renewed when it
// is due by the new time, and once.
func TestB18ClockIsSet(t *testing.T) {
	for name, step := range map[string]time.Duration{"an hour on": time.Hour, "an hour back": -time.Hour, "a day and an hour on": 25 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, db *DB, clock *clock) {
				k := newKept(t, db, clock.Now)
				const connections = 10
				ids := k.seed(connections, clock.Now(), clock.Now())
				if n := renewDueNow(k, k.keeper); n != connections {
					t.Fatalf("%d are renewed", n)
				}
				clock.Add(step)
				again := renewDueNow(k, k.keeper)
				if want := map[bool]int{true: connections}[step > 0 && !db.OnPostgres()]; again != want {
					t.Errorf("%d are due, want %d", again, want)
				}
				for range 3 {
					if n := renewDueNow(k, k.keeper); n != 0 {
						t.Errorf("%d are due again", n)
					}
				}
				for _, id := range ids {
					if _, err := k.keeper.AccessToken(t.Context(), k.companyID, id); err != nil {
						t.Error(err)
					}
				}
				if n := k.tokenRequests(); n > 2*connections || k.refusals() != 0 {
					t.Errorf("%d token requests for %d connections, %d refused", n, connections, k.refusals())
				}
				if states := k.states(); states[Connected] != connections {
					t.Errorf("%v", states)
				}
				k.invariants()
			})
		})
	}
}
