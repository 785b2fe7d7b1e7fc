package modeltest

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// MatchSchema checks that every field of the records has its column, on both
// databases.
func MatchSchema(t *testing.T, records ...any) {
	t.Helper()
	OnBoth(t, func(t *testing.T, db *database.DB, _ *Clock) {
		for _, record := range records {
			statement := &gorm.Statement{DB: db.Read(t.Context())}
			if err := statement.Parse(record); err != nil {
				t.Fatal(err)
			}
			var columns []string
			for _, f := range statement.Schema.Fields {
				if f.DBName != "" { // it is stored
					columns = append(columns, f.DBName)
				}
			}
			query := "SELECT " + strings.Join(columns, ", ") + " FROM " + statement.Schema.Table + " WHERE 1 = 0"
			if err := db.Read(t.Context()).Exec(query).Error; err != nil {
				t.Errorf("%s: %v", statement.Schema.Table, err)
			}
		}
	})
}
