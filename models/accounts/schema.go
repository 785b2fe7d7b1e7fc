package accounts

import (
	"context"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// MigrationWatch is told how far a migration is. A field may be nil.
type MigrationWatch struct {
	// Begins is told of each version that is about to be applied, and the newest.
	Begins func(version, newest int64, name string)
	// Named is told how many companies from before names were searched can be found
	// by their names now, and how many there are.
	Named func(done, total int64)
}

// Migrate brings the database's schema and its companies' names up to date.
// Several instances may call it at once: one migrates, the others wait.
func Migrate(ctx context.Context, db *database.DB, watch MigrationWatch) (database.MigrationStatus, error) {
	if watch.Begins == nil {
		watch.Begins = func(int64, int64, string) {}
	}
	if watch.Named == nil {
		watch.Named = func(int64, int64) {}
	}
	return db.Migrate(ctx, watch.Begins, func(ctx context.Context) error { return NameCompanies(ctx, db, watch.Named) })
}
