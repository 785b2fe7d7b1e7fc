package keeper_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// raising makes the next n statements of a kind fail with an SQLSTATE. A sequence counts them,
// because a rollback does not undo it.
func raising(k *modeltest.Kept, event, table, state string, n int) {
	k.Helper()
	k.Exec("CREATE SEQUENCE raised")
	k.Exec("CREATE FUNCTION raise_some() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('raised') <= " + fmt.Sprint(n) +
		" THEN RAISE EXCEPTION 'raised by the test' USING ERRCODE = '" + state + "'; END IF; RETURN NULL; END $$")
	k.Exec("CREATE TRIGGER raise_some AFTER " + event + " ON " + table + " FOR EACH STATEMENT EXECUTE FUNCTION raise_some()")
}

// raised returns how many statements the trigger has seen.
func raised(k *modeltest.Kept) int {
	k.Helper()
	return k.Count("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM raised")
}

// If the save of a renewal fails, and the connection still exists, the renewal is saved later:
// its refresh token is the only one that works.
func TestRenewalOutlivesFailuresOfItsSave(t *testing.T) {
	for _, state := range []string{
		"25006", // read_only_sql_transaction: a server that is no longer the primary
		"40001", // serialization_failure
		"40P01", // deadlock_detected
		"40003", // statement_completion_unknown
		"55P03", // lock_not_available
		"57014", // query_canceled, by statement_timeout
		"25P03", // idle_in_transaction_session_timeout
		"42501", // insufficient_privilege: of unknown kind, and an operator may put it right
		"P0001", // raise_exception: of unknown kind
	} {
		t.Run(state, func(t *testing.T) {
			db := modeltest.OpenAt(t, testdb.Postgres(t))
			k := modeltest.NewKept(t, db, time.Now)
			id := k.Seed(1, time.Now(), time.Now().Add(time.Hour))[0]
			times := 2
			if strings.HasPrefix(state, "40") {
				times = 6 // more often than a write is run again by itself
			}
			raising(k, "INSERT", "renewal_days", state, times)
			access, err := k.Keeper.Renew(t.Context(), k.CompanyID, id, 1)
			if err != nil || access.Generation != 2 {
				t.Fatalf("served generation %d, error %v", access.Generation, err)
			}
			if n := raised(k); n != times+1 {
				t.Errorf("%d saves, want %d", n, times+1)
			}
			if n := k.TokenRequests(); n != 1 {
				t.Errorf("%d token requests, want 1", n)
			}
			if !strings.Contains(k.Logged.String(), "renewals wait to be saved") {
				t.Error("nobody is told that a renewal waits")
			}
			k.StillGranted(k.Keeper, id)
			k.Invariants()
		})
	}
}

// The same holds for the errors that PostgreSQL and the driver really return.
func TestRenewalOutlivesADemotedServer(t *testing.T) {
	for name, spoil := range map[string]struct {
		with func(tx *gorm.DB) error
		want func(error) bool
	}{
		"read-only server": {
			func(tx *gorm.DB) error { return tx.Exec("SET TRANSACTION READ ONLY").Error },
			func(err error) bool { return strings.Contains(err.Error(), "25006") },
		},
		"transaction ended by the driver": {
			func(tx *gorm.DB) error { return tx.Statement.ConnPool.(*sql.Tx).Rollback() },
			func(err error) bool { return errors.Is(err, sql.ErrTxDone) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := modeltest.OpenAt(t, testdb.Postgres(t))
			k := modeltest.NewKept(t, db, time.Now)
			id := k.Seed(1, time.Now(), time.Now().Add(time.Hour))[0]
			spoiled := *db
			var failures []error
			spoiled.Intercept(func(write database.WriteFunc) database.WriteFunc {
				return func(ctx context.Context, fn func(*gorm.DB) error) error {
					return write(ctx, func(tx *gorm.DB) error {
						if k.TokenRequests() == 0 || len(failures) == 3 {
							return fn(tx)
						}
						if err := spoil.with(tx); err != nil {
							return err
						}
						err := fn(tx)
						failures = append(failures, err)
						return err
					})
				}
			})
			(*k.Keeper.DBField()) = &spoiled
			access, err := k.Keeper.Renew(t.Context(), k.CompanyID, id, 1)
			if err != nil || access.Generation != 2 {
				t.Fatalf("served generation %d, error %v", access.Generation, err)
			}
			for _, err := range failures {
				if err == nil || !spoil.want(err) {
					t.Errorf("the save failed with %v", err)
				}
			}
			if len(failures) != 3 || k.TokenRequests() != 1 {
				t.Errorf("%d failures, %d token requests", len(failures), k.TokenRequests())
			}
			k.StillGranted(k.Keeper, id)
			k.Invariants()
		})
	}
}

// A save that fails for an unknown reason does not hold up other renewals.
func TestUnknownFailureOfOneSaveHoldsNobodyUp(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.Postgres(t))
	k := modeltest.NewKept(t, db, time.Now)
	poisoned := k.Seed(1, time.Now(), time.Now())[0]
	others := k.Seed(20, time.Now(), time.Now())
	k.Exec("CREATE TABLE poison (connection_id UUID)")
	k.Exec("INSERT INTO poison VALUES (?)", poisoned)
	k.Exec("CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM poison p WHERE p.connection_id = NEW.connection_id)" +
		" THEN RAISE EXCEPTION 'raised by the test'; END IF; RETURN NEW; END $$")
	k.Exec("CREATE TRIGGER poison BEFORE INSERT ON renewal_days FOR EACH ROW EXECUTE FUNCTION poison()")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.Keeper.Run(ctx)
	}()
	k.Until(func() bool { return k.Keeper.Unsaved() == 1 })
	late := k.Seed(20, time.Now(), time.Now()) // they come due while it waits
	k.Until(func() bool {
		return k.Count("SELECT count(*) FROM connections WHERE generation = 2 AND id IN ?", append(others, late...)) == 40
	})
	if k.Keeper.Unsaved() != 1 || k.Connection(poisoned).Generation != 1 {
		t.Errorf("%d wait to be saved", k.Keeper.Unsaved())
	}
	k.Exec("DELETE FROM poison")
	k.Until(func() bool { return k.Connection(poisoned).Generation == 2 })
	stop()
	<-done
	if n := k.TokenRequests(); n != 41 {
		t.Errorf("%d token requests, want 41", n)
	}
	k.Invariants()
}

// A renewal of a connection that no longer exists is not saved, and nobody waits for it.
func TestSaveOfAConnectionThatIsGoneEnds(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		id := k.Seed(1, clock.Now(), clock.Now().Add(time.Hour))[0]
		gone := false
		instance := k.Instance(func(write func() error) error {
			if k.TokenRequests() == 1 && !gone {
				gone = true
				for _, table := range []string{"mails", "events", "renewal_days", "credentials"} {
					k.Exec("DELETE FROM "+table+" WHERE connection_id = ?", id)
				}
				k.Exec("DELETE FROM connections WHERE id = ?", id)
			}
			return write()
		})
		if _, err := instance.Renew(t.Context(), k.CompanyID, id, 1); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if !gone || instance.Unsaved() != 0 {
			t.Errorf("gone %t, %d wait to be saved", gone, instance.Unsaved())
		}
	})
}
