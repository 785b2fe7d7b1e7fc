package modeltest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Clock is a clock that tests set.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that starts at the current time and then stands still.
func NewClock() *Clock { return &Clock{now: time.Now()} }

// Now returns the time to which the clock is set.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add sets the clock forward by d.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// OnBoth runs a test on a migrated database of each kind.
func OnBoth(t *testing.T, test func(t *testing.T, db *database.DB, clock *Clock)) {
	t.Helper()
	open := func(t *testing.T, address string) {
		t.Helper()
		c := NewClock()
		test(t, OpenBy(t, address, c.Now), c)
	}
	t.Run("sqlite", func(t *testing.T) { open(t, testdb.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { open(t, testdb.Postgres(t)) })
}

// OpenAt opens a database until the end of the test.
func OpenAt(t testing.TB, address string) *database.DB {
	t.Helper()
	return OpenBy(t, address, time.Now)
}

// OpenBy is like OpenAt, with a clock.
func OpenBy(t testing.TB, address string, now func() time.Time) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), address, now)
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

// Main runs a package's tests, or the work of a child process. Call it from TestMain.
func Main(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		runAsChild()
	}
	os.Exit(testdb.Main(m, migrateAddress))
}

// migrateAddress brings the schema of the database at an address up to date.
func migrateAddress(address string) error {
	db, err := database.Open(context.Background(), address, time.Now)
	if err != nil {
		return err
	}
	_, err = accounts.Migrate(context.Background(), db, accounts.MigrationWatch{})
	return errors.Join(err, db.Close())
}

// TestKeys returns a new keyset.
func TestKeys(t *testing.T) *seal.Keys {
	t.Helper()
	keys, err := seal.Create(filepath.Join(t.TempDir(), "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// AddCompany returns a write that adds a company.
func AddCompany(name string) func(*gorm.DB) error {
	return func(tx *gorm.DB) error {
		return tx.Create(&accounts.Company{ID: database.NewID(), Name: name, CreatedAt: time.Now().UTC()}).Error
	}
}

// CountCompanies returns the number of companies in the database.
func CountCompanies(t *testing.T, db *database.DB) int64 {
	t.Helper()
	var n int64
	if err := db.Read(t.Context()).Model(&accounts.Company{}).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}
