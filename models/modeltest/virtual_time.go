package modeltest

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// InVirtualTime runs a test in a time of its own, which passes as soon as
// everybody waits. The keeper works in the background.
func InVirtualTime(t *testing.T, test func(k *Kept), change ...func(*sandbox.Options, *keeper.Options)) {
	t.Helper()
	// The database lives outside of the bubble, since its libraries have goroutines
	// that never end. Writes are made by whoever asks for them: the writer's
	// goroutine could not answer into the bubble.
	path := testdb.SQLite(t)
	db := OpenAt(t, path)
	writes, err := gorm.Open(sqlite.Open("file:"+path+"?_journal_mode=WAL&_busy_timeout=5000&_foreign_keys=on&_txlock=immediate&_synchronous=OFF"),
		&gorm.Config{Logger: logger.Discard, SkipDefaultTransaction: true, TranslateError: true})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := writes.DB()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	pool.SetMaxOpenConns(1)
	var one sync.Mutex
	db.Intercept(func(database.WriteFunc) database.WriteFunc {
		return func(ctx context.Context, fn func(*gorm.DB) error) error {
			one.Lock()
			defer one.Unlock()
			if err := context.Cause(ctx); err != nil {
				return err
			}
			return writes.WithContext(context.WithoutCancel(ctx)).Transaction(fn)
		}
	})
	inBubble(t, db, test, change)
}

// InVirtualTimeOnPostgres is like InVirtualTime, on PostgreSQL.
func InVirtualTimeOnPostgres(t *testing.T, test func(k *Kept), change ...func(*sandbox.Options, *keeper.Options)) {
	t.Helper()
	address := testdb.Postgres(t)
	virtualClock(t, address)
	db := OpenAt(t, address)
	db.ActAlone()
	// The sessions begin outside of the bubble, too, and end there.
	pool, err := db.Read(t.Context()).DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetConnMaxLifetime(0)
	var sessions []*sql.Conn
	for range pool.Stats().MaxOpenConnections {
		session, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, session)
	}
	for _, session := range sessions {
		if err := session.Close(); err != nil {
			t.Fatal(err)
		}
	}
	inBubble(t, db, func(k *Kept) {
		k.Exec("UPDATE virtual.clock SET at = ?", time.Now())
		ctx, stop := context.WithCancel(k.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range retry.Every(ctx, time.Second) {
				k.Exec("UPDATE virtual.clock SET at = ?", time.Now())
			}
		}()
		test(k)
		stop()
		<-done
	}, change)
}

// virtualClock lets statements that ask PostgreSQL for the time get that of a table.
func virtualClock(t *testing.T, address string) {
	t.Helper()
	db := OpenAt(t, address)
	for _, statement := range []string{
		"CREATE SCHEMA virtual",
		"CREATE TABLE virtual.clock (at TIMESTAMPTZ NOT NULL)",
		"INSERT INTO virtual.clock VALUES (now())",
		"CREATE FUNCTION virtual.clock_timestamp() RETURNS TIMESTAMPTZ LANGUAGE sql AS 'SELECT at FROM virtual.clock'",
		"ALTER DATABASE " + address[strings.LastIndex(address, "/")+1:] + " SET search_path = public, virtual, pg_catalog",
	} {
		if err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement).Error }); err != nil {
			t.Fatal(err)
		}
	}
}

// inBubble runs a test in virtual time on a database that is open.
func inBubble(t *testing.T, db *database.DB, test func(k *Kept), change []func(*sandbox.Options, *keeper.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := NewKept(t, db, time.Now, change...)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		k.Start = func() {
			go func() {
				var all sync.WaitGroup
				all.Go(func() { k.Options.Outages.Run(ctx) })
				k.Keeper.Run(ctx)
				all.Wait()
				close(done)
			}()
		}
		test(k)
		stop()
		<-done
		k.Invariants()
	})
}

// Pass lets time pass, with everything that it brings.
func (k *Kept) Pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// States counts the connections by state.
func (k *Kept) States() map[models.State]int {
	k.Helper()
	var rows []struct {
		State models.State
		N     int
	}
	if err := k.DB.Read(k.Context()).Raw("SELECT state, count(*) AS n FROM connections GROUP BY state").Scan(&rows).Error; err != nil {
		k.Fatal(err)
	}
	states := map[models.State]int{}
	for _, r := range rows {
		states[r.State] = r.N
	}
	return states
}

// Many is a number of connections: as many as can be had in a moment, or the
// full one where the long run is asked for (make soak).
func Many(t *testing.T, few, full int) int {
	t.Helper()
	if os.Getenv("FIELDBRIDGE_TEST_FULL") != "" {
		return full
	}
	return few
}
