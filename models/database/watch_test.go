package database_test

import (
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// Watch sees the statements of GORM, those that are read by hand, and those of writes.
// It does not see what begins and ends transactions.
func TestWatchSeesEveryStatement(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		var seen []string
		var values [][]any
		stop := db.Watch(func(statement string, args []any) { seen, values = append(seen, statement), append(values, args) })
		var n int
		if err := db.Read(t.Context()).Raw("SELECT 1").Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		if err := db.ReadRow(t.Context(), "SELECT 2 WHERE 'x' = $1", []any{"x"}, &n); err != nil {
			t.Fatal(err)
		}
		if err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Exec("UPDATE companies SET name = 'y'").Error }); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := db.Read(t.Context()).Raw("SELECT 3").Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		want := []string{"SELECT 1", "SELECT 2 WHERE 'x' = $1", "UPDATE companies SET name = 'y'"}
		if !slices.Equal(seen, want) || len(values[1]) != 1 || values[1][0] != "x" {
			t.Errorf("saw %q with %v, want %q", seen, values, want)
		}
	})
}
