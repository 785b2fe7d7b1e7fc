package keeper_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// A connection whose environment was removed from the configuration does not fail silently.
// Callers who ask for its token do not wait for a lease that nobody uses.
func TestEnvironmentNotConfigured(t *testing.T) {
	modeltest.InVirtualTime(t, func(k *modeltest.Kept) {
		id := k.Seed(1, time.Now(), time.Now().Add(10*time.Minute))[0]
		k.Exec("UPDATE connections SET environment = 'production'")
		k.Exec("UPDATE credentials SET environment = 'production'")
		k.Start()
		k.Pass(20 * time.Minute) // its access expires
		if !strings.Contains(k.Logged.String(), "connections are not renewed here") || !strings.Contains(k.Logged.String(), "environment=production count=1") {
			k.Errorf("the log says:\n%s", k.Logged)
		}
		for range 3 {
			began := time.Now()
			_, err := k.Keeper.AccessToken(k.Context(), k.CompanyID, id)
			e, told := errors.AsType[*models.ReasonError](err)
			if !told || e.Reason != models.ReasonOurSide || !errors.Is(err, database.ErrUnavailable) {
				k.Errorf("access says %v, want %s", err, models.ReasonOurSide)
			}
			if took := time.Since(began); took > time.Second {
				k.Errorf("it took %s", took)
			}
			if n := k.Count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL"); n != 0 {
				k.Errorf("%d leases that nobody uses", n)
			}
		}
		if c := k.Connection(id); c.State != models.Connected || c.Reason != models.ReasonOurSide {
			k.Errorf("%s, reason %q", c.State, c.Reason)
		}
	})
}

// An instance that has the environment revokes access of that environment. Others leave it
// alone, and give up after a day.
func TestRevocationOfEnvironmentNotConfigured(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		connection := k.Connection(k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0])
		k.Write(func(tx *gorm.DB) error {
			_, err := keeper.KeeperQueueRevocation(k.Keeper, tx, connection, secret.New("stc_refresh"), clock.Now())
			return err
		})
		other := keeper.New(k.DB, k.Keys, nil, k.Options, k.Logger())
		long, soon := clock.Now().AddDate(-10, 0, 0).UTC(), clock.Now().AddDate(10, 0, 0).UTC()
		for name, step := range map[string]struct {
			keeper  *keeper.Keeper
			created time.Time
			taken   int
		}{
			"not configured":              {other, soon, 0},
			"configured":                  {k.Keeper, soon, 1},
			"not configured, after a day": {other, long, 1},
		} {
			k.Exec("UPDATE revocations SET created_at = ?, next_try_at = ?", step.created, long)
			list, err := keeper.KeeperDueRevocations(step.keeper, t.Context())
			if err != nil || len(list) != step.taken {
				t.Errorf("%s: %d taken, error %v; want %d", name, len(list), err, step.taken)
			}
		}
	})
}
