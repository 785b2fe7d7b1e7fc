package database_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// watched are the lines that a migration says.
func watched(t *testing.T, db *database.DB) (lines []string) {
	t.Helper()
	s, err := accounts.Migrate(t.Context(), db, accounts.MigrationWatch{
		Begins: func(version, newest int64, name string) {
			lines = append(lines, fmt.Sprintf("%d of %d: %s", version, newest, name))
		},
		Named: func(done, total int64) { lines = append(lines, fmt.Sprintf("named %d of %d", done, total)) },
	})
	if err != nil || s.Current != s.Target {
		t.Errorf("%+v, %v", s, err)
	}
	return lines
}

// A migration says which version it is at, and how many companies are named.
func TestMigrationSaysHowFarItIs(t *testing.T) {
	for name, address := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "test.db") },
		"postgres": func(t *testing.T) string { return testdb.EmptyPostgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := database.Open(t.Context(), address(t), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			newest, err := database.NewestMigration((*db.DialectField()))
			if err != nil {
				t.Fatal(err)
			}
			lines := watched(t, db)
			files, err := database.Migrations.ReadDir("migrations/" + string((*db.DialectField())))
			if err != nil {
				t.Fatal(err)
			}
			if first := fmt.Sprintf("1 of %d: accounts and connections", newest); len(lines) != len(files) || lines[0] != first {
				t.Errorf("said %q, want %d lines that begin with %q", lines, len(files), first)
			}
			if again := watched(t, db); again != nil {
				t.Errorf("once more: %q", again)
			}
			err = db.Write(t.Context(), func(tx *gorm.DB) error {
				for range 501 { // more than one write names
					if err := accounts.CreateCompany(tx, &accounts.Company{ID: database.NewID(), Name: "Northgate", CreatedAt: db.Now()}); err != nil {
						return err
					}
				}
				return tx.Exec("UPDATE companies SET name_key = ''").Error
			})
			if err != nil {
				t.Fatal(err)
			}
			if lines, want := watched(t, db), []string{"named 0 of 501", "named 500 of 501", "named 501 of 501"}; !slices.Equal(lines, want) {
				t.Errorf("said %q, want %q", lines, want)
			}
		})
	}
}
