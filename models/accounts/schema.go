package accounts

import (
	"context"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// MigrationWatch has functions that report the progress of a migration. Each may be
// nil.
type MigrationWatch struct {
	// Begins is called before each version is applied. newest is the last version
	// there is.
	Begins func(version, newest int64, name string)
	// Named is called with how many companies can be found by name so far, and how
	// many there are. It counts only companies that are older than the search by
	// name.
	Named func(done, total int64)
}

// Migrate brings the database's schema up to date and makes all companies findable
// by name. Several instances may call it at the same time: one migrates while the
// others wait.
func Migrate(ctx context.Context, db *database.DB, watch MigrationWatch) (database.MigrationStatus, error) {
	if watch.Begins == nil {
		watch.Begins = func(int64, int64, string) {}
	}
	if watch.Named == nil {
		watch.Named = func(int64, int64) {}
	}
	return db.Migrate(ctx, watch.Begins, func(ctx context.Context) error { return NameCompanies(ctx, db, watch.Named) })
}
