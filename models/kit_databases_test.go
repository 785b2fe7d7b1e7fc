package models

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// onBoth runs a test on a migrated database of each kind.
func onBoth(t *testing.T, test func(t *testing.T, db *DB, clock *clock)) {
	t.Helper()
	open := func(t *testing.T, address string) {
		t.Helper()
		c := newClock()
		test(t, openBy(t, address, c.Now), c)
	}
	t.Run("sqlite", func(t *testing.T) { open(t, testdb.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { open(t, testdb.Postgres(t)) })
}

// openAt opens a database until the end of the test.
func openAt(t testing.TB, address string) *DB {
	t.Helper()
	return openBy(t, address, time.Now)
}

func openBy(t testing.TB, address string, now func() time.Time) *DB {
	t.Helper()
	db, err := OpenDB(t.Context(), address, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// migrateAddress is what the copies of testdb are made with.
func migrateAddress(address string) error {
	db, err := OpenDB(context.Background(), address, time.Now)
	if err != nil {
		return err
	}
	_, err = Migrate(context.Background(), db, MigrationWatch{})
	return errors.Join(err, db.Close())
}

func testKeys(t *testing.T) *seal.Keys {
	t.Helper()
	keys, err := seal.Create(filepath.Join(t.TempDir(), "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func addCompany(name string) func(*gorm.DB) error {
	return func(tx *gorm.DB) error {
		return tx.Create(&Company{ID: newID(), Name: name, CreatedAt: time.Now().UTC()}).Error
	}
}

func countCompanies(t *testing.T, db *DB) int64 {
	t.Helper()
	var n int64
	if err := db.Read(t.Context()).Model(&Company{}).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}
