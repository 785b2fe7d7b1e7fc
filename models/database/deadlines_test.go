package database_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// quick makes the limits of a database short enough for a test.
func quick(db *database.DB) {
	(*db.LimitsField()) = database.Limits{Work: 500 * time.Millisecond, Write: time.Second, Part: time.Second}
}

// A PostgreSQL host that vanishes without a word stops nothing for good: the
// keeper goes on once it is back, and the pool has room again.
func TestVanishedPostgreSQL(t *testing.T) {
	proxy := testdb.NewProxy(t, testdb.Postgres(t))
	db := modeltest.OpenAt(t, proxy.Address+"?connect_timeout=1")
	quick(db)
	k := modeltest.NewKept(t, db, time.Now)
	k.Seed(3, time.Now(), time.Now().Add(time.Hour))
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { k.Keeper.Run(ctx) })
	outbox := models.NewOutbox(db, func(context.Context, models.OutgoingMail) error { return nil }, slog.New(slog.DiscardHandler))
	running.Go(func() { outbox.Run(ctx) })

	proxy.Swallow()
	// More than the pool has connections want something meanwhile, without a
	// deadline of their own.
	var all sync.WaitGroup
	failures := make(chan error, 2*database.PostgresPool)
	for range 2 * database.PostgresPool {
		all.Go(func() { failures <- db.Write(t.Context(), modeltest.AddCompany("Northgate")) })
	}
	all.Wait()
	for range 2 * database.PostgresPool {
		if err := <-failures; !database.Unavailable(err) {
			t.Errorf("a write without an answer: %v", err)
		}
	}
	k.Until(func() bool { return strings.Contains(k.Logged.String(), "what is due cannot be leased") })

	proxy.Restore()
	k.Until(func() bool { return db.Write(t.Context(), modeltest.AddCompany("Northgate")) == nil })
	due := k.Seed(5, time.Now(), time.Now())
	k.Until(func() bool {
		return k.Count("SELECT count(*) FROM connections WHERE generation = 2 AND id IN ?", due) == len(due)
	})
	// All of the pool's connections can be had at once.
	pool, err := (*db.ReaderField()).DB()
	if err != nil {
		t.Fatal(err)
	}
	within, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range database.PostgresPool / 2 {
		conn, err := pool.Conn(within)
		if err != nil {
			t.Fatalf("the pool is full: %v", err)
		}
		defer func() { _ = conn.Close() }()
	}
	stop()
	running.Wait()
}

// What is written down now and then does not wait for a host that has vanished,
// and is kept until it is back.
func TestTrailsOfVanishedPostgreSQL(t *testing.T) {
	proxy := testdb.NewProxy(t, testdb.Postgres(t))
	db := modeltest.OpenAt(t, proxy.Address+"?connect_timeout=1")
	quick(db)
	k := modeltest.NewKept(t, db, time.Now)
	people, keys := accounts.New(db, k.Keys, 1, accounts.QuickHashes), accounts.NewAPIKeys(db)
	people.RecordSignIn(accounts.SignInEvent{Action: accounts.ActionSignIn, Outcome: "wrong_credentials", Email: "amy@northgate.example"})
	keys.CountRead(database.NewID(), database.NewID(), "203.0.113.7")

	proxy.Swallow()
	for name, flush := range map[string]func(context.Context) error{"sign-ins": people.FlushSignIns, "token reads": keys.Flush} {
		if err := flush(t.Context()); !database.Unavailable(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	proxy.Restore()
	k.Until(func() bool { return people.FlushSignIns(t.Context()) == nil && keys.Flush(t.Context()) == nil })
	if n, m := k.Count("SELECT count(*) FROM sign_ins"), k.Count("SELECT count(*) FROM token_reads"); n != 1 || m != 1 {
		t.Errorf("%d sign-ins and %d token reads are written down, want 1 and 1", n, m)
	}
}

// An address of a host that does not answer is given up.
func TestConnectingEnds(t *testing.T) {
	proxy := testdb.NewProxy(t, testdb.Postgres(t))
	proxy.Swallow()
	if _, err := database.Open(t.Context(), proxy.Address+"?connect_timeout=1", time.Now); !database.Unavailable(err) {
		t.Errorf("got %v", err)
	}
}

// Sessions have limits, unless the operator has set them.
func TestSessionLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		query string
		want  map[string]string
	}{
		"ours":             {"", map[string]string{"statement_timeout": "30s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "1min"}},
		"one of theirs":    {"?statement_timeout=7s", map[string]string{"statement_timeout": "7s", "lock_timeout": "10s"}},
		"theirs by option": {"?options=-c%20lock_timeout%3D3s", map[string]string{"statement_timeout": "30s", "lock_timeout": "3s"}},
	} {
		t.Run(name, func(t *testing.T) {
			db := modeltest.OpenAt(t, testdb.Postgres(t)+tt.query)
			for setting, want := range tt.want {
				var got string
				if err := db.Read(t.Context()).Raw("SELECT current_setting(?)", setting).Scan(&got).Error; err != nil || got != want {
					t.Errorf("%s is %s, want %s; %v", setting, got, want, err)
				}
			}
		})
	}
}

// A migration may take longer than a statement of the app.
func TestMigrationsHaveTimeOfTheirOwn(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.EmptyPostgres(t)+"?statement_timeout=1min&lock_timeout=1min")
	if err := db.Read(t.Context()).Exec(`CREATE TABLE limits_seen (seen TEXT);
		CREATE FUNCTION see_limits() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO limits_seen VALUES (current_setting('statement_timeout') || ' ' || current_setting('lock_timeout')); END $$;
		CREATE EVENT TRIGGER see_limits ON ddl_command_end EXECUTE FUNCTION see_limits()`).Error; err != nil {
		t.Fatal(err)
	}
	if _, err := accounts.Migrate(t.Context(), db, accounts.MigrationWatch{}); err != nil {
		t.Fatal(err)
	}
	var seen []string
	if err := db.Read(t.Context()).Raw("SELECT DISTINCT seen FROM limits_seen").Scan(&seen).Error; err != nil || !slices.Equal(seen, []string{"0 0"}) {
		t.Errorf("migrations ran with the limits %q; %v", seen, err)
	}
}

// A statement that PostgreSQL ends for taking too long is a temporary failure.
func TestStatementThatTakesTooLong(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.Postgres(t)+"?statement_timeout=50")
	err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec("SELECT pg_sleep(60)").Error })
	if !database.Unavailable(err) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
