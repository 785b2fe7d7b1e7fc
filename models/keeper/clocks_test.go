package keeper_test

import (
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// renewDueNow renews what is due, as Run does, and returns how many were due.
func renewDueNow(k *modeltest.Kept, who *keeper.Keeper) int {
	k.Helper()
	list, err := keeper.KeeperDue(who, k.Context(), keeper.Lane{Environment: servicetitan.Sandbox}, keeper.LeasedAtOnce)
	if err != nil {
		k.Fatal(err)
	}
	for _, d := range list {
		keeper.KeeperRenewDue(who, k.Context(), d)
	}
	return len(list)
}

// Instances with wrong clocks share a database. They renew nothing twice or too early,
// serve no expired access, and respect each other's leases.
func TestClocksThatAreWrong(t *testing.T) {
	for name, wrong := range map[string]time.Duration{
		"right": 0, "an hour ahead": time.Hour, "an hour behind": -time.Hour, "a day and an hour ahead": 25 * time.Hour,
		"5 minutes ahead": 5 * time.Minute, "5 minutes behind": -5 * time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			address := testdb.Postgres(t)
			db := modeltest.OpenAt(t, address)
			k := modeltest.NewKept(t, db, time.Now)
			// Another instance, with a clock of its own.
			offDB, err := database.Open(t.Context(), address, func() time.Time { return time.Now().Add(wrong) })
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = offDB.Close() }()
			off := k.NewKeeper(k.Options)
			(*off.DBField()), (*off.ClientsField()) = offDB, k.ClientsBy(offDB.Now)

			ids := k.Seed(6, time.Now(), time.Now())
			k.Exec("UPDATE connections SET last_used_at = ?", time.Now().UTC())
			if n := renewDueNow(k, off); n != len(ids) {
				t.Fatalf("%d are renewed, want %d", n, len(ids))
			}
			for _, who := range []*keeper.Keeper{off, k.Keeper, off} {
				if n := renewDueNow(k, who); n != 0 {
					t.Fatalf("%d are renewed again at once", n)
				}
				for _, id := range ids {
					access, err := who.AccessToken(t.Context(), k.CompanyID, id)
					if err != nil || access.Generation != 2 {
						t.Fatalf("served generation %d, error %v", access.Generation, err)
					}
				}
			}
			for _, id := range ids {
				c := k.Connection(id)
				if wait := time.Until(*c.NextRenewalAt); wait < 10*time.Minute || wait > 13*time.Minute {
					t.Errorf("one in use is next renewed in %s", wait)
				}
				if life := time.Until(c.ExpiresAt); life < 14*time.Minute || life > 16*time.Minute {
					t.Errorf("a token of 15 minutes is said to live %s", life)
				}
			}
			if n := k.TokenRequests(); n != len(ids) {
				t.Errorf("%d token requests, want %d", n, len(ids))
			}

			// Expired access is not served, and another instance's lease is not taken.
			old := k.Seed(1, time.Now().Add(-16*time.Minute), time.Now().Add(time.Hour))[0]
			if access, err := off.AccessToken(t.Context(), k.CompanyID, old); err != nil || access.Generation != 2 {
				t.Errorf("served generation %d of access that has lapsed, error %v", access.Generation, err)
			}
			if held, err := keeper.KeeperTakeLease(k.Keeper, t.Context(), storedCredential(k, old)); err != nil || held.Owner == "" {
				t.Fatalf("no lease: %v", err)
			}
			if held, err := keeper.KeeperTakeLease(off, t.Context(), storedCredential(k, old)); err != nil || held.Owner != "" {
				t.Errorf("a lease that another holds is taken; error %v", err)
			}
			k.Invariants()
		})
	}
}

// The clock is set while the app runs. Each connection is renewed once, when it is due by
// the new time.
func TestClockIsSet(t *testing.T) {
	for name, step := range map[string]time.Duration{"an hour on": time.Hour, "an hour back": -time.Hour, "a day and an hour on": 25 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
				k := modeltest.NewKept(t, db, clock.Now)
				const connections = 10
				ids := k.Seed(connections, clock.Now(), clock.Now())
				if n := renewDueNow(k, k.Keeper); n != connections {
					t.Fatalf("%d are renewed", n)
				}
				clock.Add(step)
				again := renewDueNow(k, k.Keeper)
				if want := map[bool]int{true: connections}[step > 0 && !db.OnPostgres()]; again != want {
					t.Errorf("%d are due, want %d", again, want)
				}
				for range 3 {
					if n := renewDueNow(k, k.Keeper); n != 0 {
						t.Errorf("%d are due again", n)
					}
				}
				for _, id := range ids {
					if _, err := k.Keeper.AccessToken(t.Context(), k.CompanyID, id); err != nil {
						t.Error(err)
					}
				}
				if n := k.TokenRequests(); n > 2*connections || k.Refusals() != 0 {
					t.Errorf("%d token requests for %d connections, %d refused", n, connections, k.Refusals())
				}
				if states := k.States(); states[models.Connected] != connections {
					t.Errorf("%v", states)
				}
				k.Invariants()
			})
		})
	}
}
