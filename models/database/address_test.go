package database_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Only a plain path is a SQLite file: a mistyped address must not become one.
func TestDatabaseAddress(t *testing.T) {
	for address, fine := range map[string]bool{
		"data/fieldbridge.db":         true,
		"/var/lib/fieldbridge/app.db": true,
		"./odd:name.db":               true,
		"a=b.db":                      true,
		"postgres://u:stc_password@db.internal/x":      true,
		"postgresql:///x?host=/run/postgresql":         true,
		"postgres://u@a,b/x?target_session_attrs=any":  true,
		"mysql://u:stc_password@x/y":                   false,
		"postgress://u:stc_password@x/y":               false,
		"Postgres://u:stc_password@x/y":                false,
		"postgres:/u:stc_password@x/y":                 false,
		"postgres:u:stc_password@x/y":                  false,
		"postgres//u:stc_password@x/y":                 false,
		"sqlite://data/app.db":                         false,
		"file:app.db?mode=ro":                          false,
		"host=db.internal password=stc_password":       false,
		"user=u dbname=x password=stc_password":        false,
		"postgres://u:stc_password@x:port/y":           false,
		"postgres://u:stc_password@x/y?sslmode=strict": false,
	} {
		t.Run(address, func(t *testing.T) {
			err := database.CheckAddress(address)
			if (err == nil) != fine {
				t.Fatalf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "stc_password") {
				t.Errorf("the password is in %v", err)
			}
			if fine {
				return
			}
			t.Chdir(t.TempDir())
			if _, err := database.Open(t.Context(), address, time.Now); err == nil {
				t.Error("it was opened")
			}
			if left, err := os.ReadDir("."); err != nil || len(left) != 0 {
				t.Errorf("it made %v; %v", left, err)
			}
		})
	}
}

// What counts is whether every host beyond this machine must prove who it is.
func TestProvesServer(t *testing.T) {
	for address, want := range map[string]bool{
		"data/fieldbridge.db":                            true,
		"postgres://u@localhost/x":                       true,
		"postgres://u@127.0.0.1:5433/x?sslmode=disable":  true,
		"postgres://u@[::1]/x":                           true,
		"postgres:///x?host=/run/postgresql":             true,
		"postgres://u@db.internal/x":                     false,
		"postgres://u@10.0.0.7/x?sslmode=disable":        false,
		"postgres://u@db.internal/x?sslmode=allow":       false,
		"postgres://u@db.internal/x?sslmode=prefer":      false,
		"postgres://u@db.internal/x?sslmode=require":     false,
		"postgres://u@db.internal/x?sslmode=verify-ca":   false,
		"postgres://u@db.internal/x?sslmode=verify-full": true,
		"postgres://u@a.internal,b.internal/x?sslmode=verify-full&target_session_attrs=read-write": true,
		"postgres://u@localhost,b.internal/x?sslmode=prefer":                                       false,
	} {
		if got := database.ProvesServer(address); got != want {
			t.Errorf("%s: %t, want %t", address, got, want)
		}
	}
	t.Setenv("PGSSLMODE", "verify-full")
	if !database.ProvesServer("postgres://u@db.internal/x") {
		t.Error("the driver's own variable does not count")
	}
}

// Who only looks makes no database.
func TestOpenExistingDB(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data", "app.db")
	if _, err := database.OpenExisting(t.Context(), path, time.Now); !errors.Is(err, database.ErrNoDatabase) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it made %v; %v", left, err)
	}
	for name, address := range map[string]string{"sqlite": testdb.SQLite(t), "postgres": testdb.Postgres(t)} {
		db, err := database.OpenExisting(t.Context(), address, time.Now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A database without tables is new, not old.
func TestNewDatabaseIsNotCalledOld(t *testing.T) {
	for name, address := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "test.db"), "postgres": testdb.EmptyPostgres(t)} {
		s, err := modeltest.OpenAt(t, address).CheckSchema(t.Context())
		if !errors.Is(err, database.ErrNoSchema) || errors.Is(err, database.ErrSchemaBehind) || s.Current != 0 || strings.Contains(err.Error(), "older") {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}
