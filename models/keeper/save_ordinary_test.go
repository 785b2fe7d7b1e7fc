package keeper_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// The short way to save a renewal and the long way leave the same rows.
func TestBothWaysToSaveAreAlike(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		ids := k.Seed(2, clock.Now(), clock.Now().Add(time.Hour))
		k.Exec("UPDATE connections SET last_used_at = ?, failures = 3, failing_since = ?", db.Now(), db.Now())
		clock.Add(time.Minute)
		failed := false
		long := k.Instance(func(write func() error) error {
			if k.TokenRequests() == 2 && !failed { // the second attempt of a save is made the long way
				failed = true
				return database.ErrUnavailable
			}
			return write()
		})
		for i, instance := range []*keeper.Keeper{k.Keeper, long} {
			if access, err := instance.Renew(t.Context(), k.CompanyID, ids[i], 1); err != nil || access.Generation != 2 {
				t.Fatalf("generation %d, %v", access.Generation, err)
			}
		}
		if !failed {
			t.Fatal("no save was made the long way")
		}
		a, b := k.Connection(ids[0]), k.Connection(ids[1])
		if spread := a.NextRenewalAt.Sub(*b.NextRenewalAt).Abs(); spread > time.Minute {
			t.Errorf("due at %v and %v", a.NextRenewalAt, b.NextRenewalAt)
		}
		if a.RenewedAt != a.UpdatedAt || b.RenewedAt != b.UpdatedAt || b.RenewedAt.Before(a.RenewedAt) {
			t.Errorf("renewed at %v and %v, updated at %v and %v", a.RenewedAt, b.RenewedAt, a.UpdatedAt, b.UpdatedAt)
		}
		b.ID, b.TenantID, b.NextRenewalAt, b.RenewedAt, b.UpdatedAt = a.ID, a.TenantID, a.NextRenewalAt, a.RenewedAt, a.UpdatedAt
		if !reflect.DeepEqual(a, b) {
			t.Errorf("the ways differ:\n%+v\n%+v", a, b)
		}
		for what, query := range map[string]string{
			"credentials": "SELECT count(*) FROM credentials r JOIN connections c ON c.id = r.connection_id WHERE r.generation = 2 AND r.lease_owner = '' AND r.lease_until IS NULL AND r.due_at = c.next_renewal_at AND r.expires_at = c.expires_at",
			"counts":      "SELECT count(*) FROM renewal_days WHERE ok = 1 AND failed = 0",
		} {
			if n := k.Count(query); n != 2 {
				t.Errorf("%d %s, want 2", n, what)
			}
		}
		k.Invariants()
	})
}

// The short way writes all that Apply writes for a renewal.
func TestShortWayWritesTheRenewalColumns(t *testing.T) {
	set, _, _ := strings.Cut(keeper.SaveConnection, "WHERE")
	var columns []string
	for _, part := range strings.Split(strings.SplitN(set, " SET ", 2)[1], ",") {
		column, _, _ := strings.Cut(strings.TrimSpace(part), " ")
		columns = append(columns, column)
	}
	slices.Sort(columns)
	if want := slices.Sorted(slices.Values(models.RenewalColumns)); !slices.Equal(columns, want) {
		t.Errorf("%q, want %q", columns, want)
	}
}

// What happens to one connection of a group between its lease and its save does not get
// lost, and changes nothing for the others.
func TestWhatHappensBeforeASave(t *testing.T) {
	const which = 2
	for name, tt := range map[string]struct {
		happens func(k *modeltest.Kept, c models.Connection)
		state   models.State
		check   func(t *testing.T, k *modeltest.Kept, c models.Connection)
	}{
		"another instance takes the lease": {
			func(k *modeltest.Kept, c models.Connection) {
				k.Exec("UPDATE credentials SET lease_owner = 'another', lease_until = ? WHERE connection_id = ?", k.DB.Now().Add(time.Minute), c.ID)
			}, models.Connected,
			func(t *testing.T, k *modeltest.Kept, c models.Connection) {
				if n := k.Count("SELECT count(*) FROM credentials WHERE connection_id = ? AND lease_owner = 'another' AND lease_until IS NOT NULL", c.ID); n != 1 || c.Generation != 2 {
					t.Errorf("%d leases of the other instance, generation %d", n, c.Generation)
				}
				k.Exec("UPDATE credentials SET lease_owner = '', lease_until = NULL WHERE connection_id = ?", c.ID)
			},
		},
		"it is used": {
			func(k *modeltest.Kept, c models.Connection) {
				k.Exec("UPDATE connections SET last_used_at = ? WHERE id = ?", k.DB.Now(), c.ID)
			}, models.Connected,
			func(t *testing.T, _ *modeltest.Kept, c models.Connection) {
				if c.Generation != 2 || !c.NextRenewalAt.Before(c.ExpiresAt) {
					t.Errorf("generation %d, expires at %v, due at %v", c.Generation, c.ExpiresAt, c.NextRenewalAt)
				}
			},
		},
		"it is degraded": {
			func(k *modeltest.Kept, c models.Connection) {
				k.Write(func(tx *gorm.DB) error {
					_, err := models.Apply(tx, &c, models.Transition{What: models.FailedTemporarily, At: k.DB.Now(), Reason: models.ReasonUnavailable})
					return err
				})
			}, models.Connected,
			func(t *testing.T, k *modeltest.Kept, c models.Connection) {
				if n := k.Count("SELECT count(*) FROM events WHERE connection_id = ? AND kind = 'recovered'", c.ID); n != 1 || c.Generation != 2 || c.Failures != 0 {
					t.Errorf("%d events, generation %d, %d failures", n, c.Generation, c.Failures)
				}
			},
		},
		"a person disconnects it": {
			func(k *modeltest.Kept, c models.Connection) { k.Disconnect(c.ID) }, models.Disconnected,
			func(t *testing.T, k *modeltest.Kept, c models.Connection) {
				if n := k.Count("SELECT count(*) FROM credentials WHERE connection_id = ?", c.ID); n != 0 {
					t.Errorf("%d credentials", n)
				}
			},
		},
		"a person reconnects it": {
			func(k *modeltest.Kept, c models.Connection) { k.Reconnect(c.ID) }, models.Connected,
			func(t *testing.T, k *modeltest.Kept, c models.Connection) { k.StillGranted(k.Keeper, c.ID) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
				k := modeltest.NewKept(t, db, clock.Now)
				ids := k.Seed(5, clock.Now(), clock.Now())
				happened := false
				instance := k.Instance(func(write func() error) error {
					if k.TokenRequests() == which+1 && !happened {
						happened = true
						tt.happens(k, k.Connection(ids[which]))
					}
					return write()
				})
				if err := instance.RenewLeasedTogether(t.Context(), servicetitan.Sandbox, ids); err != nil {
					t.Fatal(err)
				}
				if !happened {
					t.Fatal("nothing happened")
				}
				for i, id := range ids {
					c := k.Connection(id)
					if i != which && (c.State != models.Connected || c.Generation != 2) {
						t.Errorf("connection %d: %s of generation %d", i, c.State, c.Generation)
					} else if i == which {
						if c.State != tt.state {
							t.Errorf("%s, want %s", c.State, tt.state)
						}
						tt.check(t, k, c)
					}
				}
				if n := k.Refusals(); n != 0 {
					t.Errorf("%d refusals", n)
				}
				k.Invariants()
			})
		})
	}
}

// If another instance takes the lease between the two statements of the short way, the
// first one is rolled back, and the renewal is saved the long way.
func TestLeaseLostBetweenTheStatementsOfASave(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		if db.OnPostgres() {
			k.Exec("CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE credentials SET lease_owner = 'another' WHERE connection_id = NEW.id; RETURN NULL; END $$")
			k.Exec("CREATE TRIGGER take AFTER UPDATE OF generation ON connections FOR EACH ROW WHEN (NEW.failures = 0) EXECUTE FUNCTION take()")
		} else {
			k.Exec("CREATE TRIGGER take AFTER UPDATE OF generation ON connections BEGIN UPDATE credentials SET lease_owner = 'another' WHERE connection_id = NEW.id; END")
		}
		access, err := k.Keeper.Renew(t.Context(), k.CompanyID, id, 1)
		if err != nil || access.Generation != 2 {
			t.Fatalf("generation %d, %v", access.Generation, err)
		}
		if n := k.Count("SELECT count(*) FROM renewal_days WHERE ok = 1 AND failed = 0"); n != 1 || k.TokenRequests() != 1 {
			t.Errorf("%d counts, %d requests", n, k.TokenRequests())
		}
		var c models.Connection
		k.Write(func(tx *gorm.DB) (err error) {
			c, err = models.GetConnection(tx, k.CompanyID, id)
			return errors.Join(err, tx.Exec("UPDATE credentials SET lease_owner = '', lease_until = NULL").Error)
		})
		if c.Generation != 2 {
			t.Errorf("generation %d", c.Generation)
		}
		k.Invariants()
	})
}

// A renewal with other scopes than before is told to back ends, and one with the same
// scopes is not.
func TestBackEndsAreToldOfOtherScopesAtARenewal(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Exec("INSERT INTO webhook_endpoints (id, url, description, types, secret_sealed, created_at) VALUES (?, 'https://example.com', '', '', ?, ?)",
			database.NewID(), []byte{1}, db.Now())
		id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		for generation, want := range []int{0, 1} {
			if want > 0 {
				k.Exec("UPDATE connections SET scopes = ? WHERE id = ?", strings.Join(modeltest.KeptScopes, " ")+" tn.crm.leads:r", id)
			}
			clock.Add(time.Minute)
			if _, err := k.Keeper.Renew(t.Context(), k.CompanyID, id, int64(generation+1)); err != nil {
				t.Fatal(err)
			}
			if n := k.Count("SELECT count(*) FROM webhook_messages WHERE type = 'connection.scopes_changed'"); n != want {
				t.Errorf("renewal %d: %d messages, want %d", generation+1, n, want)
			}
		}
	})
}
