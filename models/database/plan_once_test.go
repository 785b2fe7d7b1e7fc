package database_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// SQLite does not plan a fixed join again at each run. If it does, the driver also reads
// the names and types of all columns again, with two allocations for each.
func TestFixedStatementsArePlannedOnce(t *testing.T) {
	db := modeltest.OpenAt(t, testdb.SQLite(t))
	user := accounts.User{ID: database.NewID(), Email: "amy@a.example", CreatedAt: time.Now().UTC()}
	if err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Create(&user).Error }); err != nil {
		t.Fatal(err)
	}
	const columns = 12
	var into [columns]bool
	values, to := []any{user.ID.String()}, make([]any, columns)
	for i := range to {
		to[i] = &into[i]
	}
	var err error
	n := testing.AllocsPerRun(20, func() {
		err = db.ReadRow(t.Context(), `SELECT m.user_id IS NULL, c.id IS NULL, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 FROM users u
			LEFT JOIN memberships m ON m.user_id = u.id LEFT JOIN companies c ON c.id = m.company_id WHERE u.id = $1`, values, to...)
	})
	if err != nil || !into[0] || n > 2*columns {
		t.Errorf("%v allocations, %v; want fewer than %d", n, err, 2*columns)
	}
}

// A fixed statement compares values as it says.
func TestFixedStatementsCompareValues(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, _ *modeltest.Clock) {
		at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
		user := accounts.User{ID: database.NewID(), Email: "amy@a.example", SessionEpoch: 7, CreatedAt: at}
		if err := db.Write(t.Context(), func(tx *gorm.DB) error { return tx.Create(&user).Error }); err != nil {
			t.Fatal(err)
		}
		for query, tt := range map[string]struct {
			value any
			found bool
		}{
			"id = $1":            {user.ID, true},
			"email = $1":         {"amy@a.example", true},
			"session_epoch = $1": {7, true},
			"session_epoch + 1 = $1 OR session_epoch >= $1": {8, true},
			"created_at = $1":  {at, true},
			"created_at <= $1": {at, true},
			"created_at < $1":  {at, false},
			"disabled_at = $1": {at, false},
		} {
			var id string
			err := db.ReadRow(t.Context(), "SELECT email FROM users WHERE "+query, []any{tt.value}, &id)
			if (err == nil) != tt.found {
				t.Errorf("%s, %v: got %q, %v", query, tt.value, id, err)
			}
		}
	})
}
