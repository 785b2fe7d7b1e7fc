package models

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// A connection whose environment was taken out of the configuration does not fail
// silently, and does not make whoever asks for its token wait for a lease that
// nobody uses.
func TestEnvironmentNotConfigured(t *testing.T) {
	inVirtualTime(t, func(k *kept) {
		id := k.seed(1, time.Now(), time.Now().Add(10*time.Minute))[0]
		k.exec("UPDATE connections SET environment = 'production'")
		k.exec("UPDATE credentials SET environment = 'production'")
		k.start()
		k.pass(20 * time.Minute) // its access lapses
		if !strings.Contains(k.logged.String(), "connections are not renewed here") || !strings.Contains(k.logged.String(), "environment=production count=1") {
			k.Errorf("the log says:\n%s", k.logged)
		}
		for range 3 {
			began := time.Now()
			_, err := k.keeper.AccessToken(k.Context(), k.companyID, id)
			e, told := errors.AsType[*ReasonError](err)
			if !told || e.Reason != ReasonOurSide || !errors.Is(err, ErrUnavailable) {
				k.Errorf("access says %v, want %s", err, ReasonOurSide)
			}
			if took := time.Since(began); took > time.Second {
				k.Errorf("it took %s", took)
			}
			if n := k.count("SELECT count(*) FROM credentials WHERE lease_until IS NOT NULL"); n != 0 {
				k.Errorf("%d leases that nobody uses", n)
			}
		}
		if c := k.connection(id); c.State != Connected || c.Reason != ReasonOurSide {
			k.Errorf("%s, reason %q", c.State, c.Reason)
		}
	})
}

// Access of an environment that this instance does not have is withdrawn by one
// that has it, or given up after a day.
func TestRevocationOfEnvironmentNotConfigured(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		connection := k.connection(k.seed(1, clock.Now(), clock.Now().Add(time.Hour))[0])
		k.write(func(tx *gorm.DB) error {
			_, err := k.keeper.queueRevocation(tx, connection, secret.New("stc_refresh"), clock.Now())
			return err
		})
		other := NewKeeper(k.db, k.keys, nil, k.options, k.logger())
		long, soon := clock.Now().AddDate(-10, 0, 0).UTC(), clock.Now().AddDate(10, 0, 0).UTC()
		for name, step := range map[string]struct {
			keeper  *Keeper
			created time.Time
			taken   int
		}{
			"not configured":              {other, soon, 0},
			"configured":                  {k.keeper, soon, 1},
			"not configured, after a day": {other, long, 1},
		} {
			k.exec("UPDATE revocations SET created_at = ?, next_try_at = ?", step.created, long)
			list, err := step.keeper.dueRevocations(t.Context())
			if err != nil || len(list) != step.taken {
				t.Errorf("%s: %d taken, error %v; want %d", name, len(list), err, step.taken)
			}
		}
	})
}
