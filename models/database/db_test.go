package database_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

func TestMain(m *testing.M) { modeltest.Main(m) }

// Writes that share a commit stand and fall each for itself.
func TestWritesThatFailTakeNoOtherDown(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		refuse := errors.New("refused")
		var wg sync.WaitGroup
		for i := range 90 {
			wg.Go(func() {
				name := fmt.Sprint("company ", i)
				err := db.Write(t.Context(), func(tx *gorm.DB) error {
					if err := modeltest.AddCompany(name)(tx); err != nil {
						return err
					}
					switch i % 3 {
					case 1:
						return refuse
					case 2:
						return tx.Exec("INSERT INTO no_such_table VALUES (1)").Error
					}
					return nil
				})
				if (err == nil) != (i%3 == 0) {
					t.Errorf("write %d: %v", i, err)
				}
				if i%3 == 1 && !errors.Is(err, refuse) {
					t.Errorf("write %d: got another's error: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := modeltest.CountCompanies(t, db); n != 30 {
			t.Errorf("%d companies, want the 30 that were not refused", n)
		}
	})
}

func TestWriteThatPanicsIsAnError(t *testing.T) {
	db := openSQLite(t)
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		_ = modeltest.AddCompany("half")(tx)
		panic("stop")
	})
	if err == nil || modeltest.CountCompanies(t, db) != 0 {
		t.Errorf("got %v and %d companies", err, modeltest.CountCompanies(t, db))
	}
	if err := db.Write(t.Context(), modeltest.AddCompany("next")); err != nil {
		t.Errorf("the writer did not go on: %v", err)
	}
}

func TestWriteOfACallerWhoLeftIsNotBegun(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.Write(ctx, modeltest.AddCompany("late")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if n := modeltest.CountCompanies(t, db); n != 0 {
			t.Errorf("%d companies", n)
		}
	})
}

func TestWriteAfterCloseIsRefused(t *testing.T) {
	db, err := database.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), modeltest.AddCompany("late")); !database.Unavailable(err) {
		t.Errorf("got %v", err)
	}
}

// Full durability, and reads that cannot write.
func TestSQLiteSettings(t *testing.T) {
	db := openSQLite(t)
	var synchronous, journal string
	err := db.Write(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(tx.Raw("PRAGMA synchronous").Scan(&synchronous).Error, tx.Raw("PRAGMA journal_mode").Scan(&journal).Error)
	})
	if err != nil || synchronous != "2" || journal != "wal" {
		t.Errorf("synchronous %s, journal %s, %v; want 2 (FULL), wal", synchronous, journal, err)
	}
	if err := modeltest.AddCompany("x")(db.Read(t.Context())); err == nil {
		t.Error("the reading pool wrote")
	}
}

func openSQLite(t *testing.T) *database.DB {
	t.Helper()
	return modeltest.OpenAt(t, testdb.SQLite(t))
}

// Several starters at once: one migrates, the others wait, none fails.
func TestMigrateAtOnce(t *testing.T) {
	addresses := map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "test.db") },
		"postgres": func(t *testing.T) string { return testdb.EmptyPostgres(t) },
	}
	for name, address := range addresses {
		t.Run(name, func(t *testing.T) {
			to := address(t)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					db, err := database.Open(t.Context(), to, time.Now)
					if err != nil {
						t.Error(err)
						return
					}
					s, err := accounts.Migrate(t.Context(), db, accounts.MigrationWatch{})
					if err != nil || s.Current != s.Target {
						t.Errorf("got %+v, %v", s, err)
					}
					if err := db.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		if _, err := db.CheckSchema(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := db.Write(t.Context(), func(tx *gorm.DB) error {
			return tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)").Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.CheckSchema(t.Context()); !errors.Is(err, database.ErrSchemaAhead) {
			t.Errorf("got %v", err)
		}
	})
}
