package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/demo"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Only one demo at a time can use a database. Two sandboxes would refuse each other's
// tokens.
func TestDemoHasItsDatabaseForItself(t *testing.T) {
	onDemos(t, func(t *testing.T, s *seeded) {
		if err := demo.Hold(t.Context(), s.db); err != nil {
			t.Fatal(err)
		}
		address := s.database
		if !strings.Contains(address, "://") { // the same file by another name
			address = filepath.Join(t.TempDir(), "link.db")
			if err := os.Symlink(s.database, address); err != nil {
				t.Fatal(err)
			}
		}
		second := openDemo(t, address, s.keys)
		if err := demo.Hold(t.Context(), second.db); !errors.Is(err, database.ErrHeld) {
			t.Errorf("a second demo: %v", err)
		}
		if err := s.db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := demo.Hold(t.Context(), second.db); err != nil {
			t.Errorf("after the first: %v", err)
		}
	})
}

// While the app uses a database, no demo can use it, even if it is empty. The app does
// not start on a database that a demo uses. Several instances of the app can share one.
func TestAppKeepsDemosOffItsDatabase(t *testing.T) {
	for name, address := range map[string]string{"SQLite": testdb.SQLite(t), "PostgreSQL": testdb.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			c, err := loadConfig(serveDefaults(), lookupIn(map[string]string{"FIELDBRIDGE_DATABASE_URL": address}))
			if err != nil {
				t.Fatal(err)
			}
			keys := newKeyset(t)
			var instances []*app
			for range 2 {
				a, err := newApp(t.Context(), c, keys, nil, quiet())
				if err != nil {
					t.Fatal(err)
				}
				instances = append(instances, a)
			}
			other := openDatabase(t, address)
			for _, a := range instances {
				if err := demo.Hold(t.Context(), other); !errors.Is(err, database.ErrHeld) {
					t.Errorf("a demo beside the app: %v", err)
				}
				if err := a.db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := demo.Hold(t.Context(), other); err != nil {
				t.Errorf("a demo after the app: %v", err)
			}
			if a, err := newApp(t.Context(), c, keys, nil, quiet()); !errors.Is(err, database.ErrHeld) {
				t.Errorf("the app beside a demo: %v, %v", a, err)
			}
		})
	}
}

// A restart of PostgreSQL releases the demo's hold. The first to come gets it.
func TestDemoHoldsOn(t *testing.T) {
	address := testdb.Postgres(t)
	first, second := openDemo(t, address, newKeyset(t)), openDatabase(t, address)
	cutOff := func(of *database.DB) {
		t.Helper()
		err := of.Write(t.Context(), func(tx *gorm.DB) error {
			return tx.Exec("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()").Error
		})
		if err != nil {
			t.Fatal(err)
		}
		until(t, func() bool { // the demo ends a moment later
			var left int
			if err := of.Read(t.Context()).Raw("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").Scan(&left).Error; err != nil {
				t.Fatal(err)
			}
			return left == 0
		})
	}
	held := func(name string, db *database.DB, want error) {
		t.Helper()
		if err := demo.Hold(t.Context(), db); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	held("the first", first.db, nil)
	held("the second", second, database.ErrHeld)
	cutOff(second)
	held("the first, cut off", first.db, nil)
	held("the second", second, database.ErrHeld)
	cutOff(second)
	held("the second, while the first is cut off", second, nil)
	held("the first, too late", first.db, database.ErrHeld)
}

func openDatabase(t *testing.T, address string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), address, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// A demo finds other data in a schema of any age, and adds nothing to it.
func TestDemoFindsOthersInAnOlderSchema(t *testing.T) {
	for name, address := range map[string]string{"SQLite": filepath.Join(t.TempDir(), "old.db"), "PostgreSQL": testdb.EmptyPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			db := openDatabase(t, address)
			if err := demo.Hold(t.Context(), db); err != nil {
				t.Errorf("empty: %v", err)
			}
			err := db.Write(t.Context(), func(tx *gorm.DB) error {
				return errors.Join(tx.Exec("CREATE TABLE users (name TEXT)").Error, tx.Exec("INSERT INTO users VALUES ('somebody')").Error)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := demo.Hold(t.Context(), db); !errors.Is(err, demo.ErrNotDemo) {
				t.Errorf("with somebody in it: %v", err)
			}
			tables, err := db.Read(t.Context()).Migrator().GetTables()
			if err != nil || len(tables) != 1 {
				t.Errorf("tables %v: %v", tables, err)
			}
		})
	}
}

// A demo that starts deletes neither other data at its own paths nor a demo that is
// running.
func TestDemoLooksBeforeItBegins(t *testing.T) {
	t.Chdir(t.TempDir())
	addr, admin, box := freeAddrs(t)
	at := func(addr, admin, box string) {
		for name, value := range map[string]string{
			"FIELDBRIDGE_ADDR": addr, "FIELDBRIDGE_ADMIN_ADDR": admin, "FIELDBRIDGE_BASE_URL": "http://" + addr,
			"FIELDBRIDGE_SANDBOX_ADDR": box, "FIELDBRIDGE_SANDBOX_URL": "http://" + box, "FIELDBRIDGE_LOG_LEVEL": "error",
			"FIELDBRIDGE_DATABASE_URL": "", "FIELDBRIDGE_KEYSET_FILE": "", "FIELDBRIDGE_DEMO_RESET": "",
		} {
			t.Setenv(name, value)
		}
	}
	at(addr, admin, box)
	t.Run("beside another", func(t *testing.T) {
		running(t, demoCommand{}.Run, admin)
		for _, keep := range []bool{true, false} {
			if err := (demoCommand{Keep: keep}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
				t.Errorf("at the same addresses: %v", err)
			}
			at(freeAddrs(t))
			if err := (demoCommand{Keep: keep}).Run(t.Context()); !errors.Is(err, database.ErrHeld) {
				t.Errorf("at others: %v", err)
			}
			at(addr, admin, box)
		}
		if status, _ := afterPassword(t, "http://"+addr, "priya@fieldbridge.example", demoPassword); status != http.StatusOK {
			t.Errorf("the first answers %d", status)
		}
		if status, body := fetch(t, http.MethodGet, "http://"+admin+"/readyz", nil); status != http.StatusOK {
			t.Errorf("the first is not ready: %s", body)
		}
	})
	t.Run("afresh", func(t *testing.T) {
		running(t, demoCommand{}.Run, admin)
	})
	own := demoDefaults()["database"]
	db := openDatabase(t, own)
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec("DELETE FROM demo").Error
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := (demoCommand{}).Run(t.Context()); !errors.Is(err, demo.ErrNotDemo) {
		t.Errorf("over what is no demo: %v", err)
	}
	if kept, err := filepath.Glob(own); err != nil || len(kept) != 1 {
		t.Errorf("%v is there: %v", kept, err)
	}
}

// A real database may contain nothing but an API key for all companies.
func TestDemoLeavesKeysAlone(t *testing.T) {
	s := openDemo(t, testdb.SQLite(t), newKeyset(t))
	_, key, err := s.apiKeys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "Warehouse", Scopes: accounts.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	for name, begin := range map[string]func(context.Context) error{"begin": s.demo.data.Begin, "reset": s.demo.data.Reset} {
		if err := begin(t.Context()); !errors.Is(err, demo.ErrNotDemo) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.apiKeys.Check(t.Context(), key, "203.0.113.7"); err != nil {
		t.Errorf("the key is gone: %v", err)
	}
}
