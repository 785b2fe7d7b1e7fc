package database

import (
	"context"

	"gorm.io/gorm"
)

// WriteFunc runs fn in a transaction, as DB.Write does.
type WriteFunc func(ctx context.Context, fn func(tx *gorm.DB) error) error

// Intercept wraps every write that begins before restore is called. Tests use it to
// delay writes and to make them fail.
func (db *DB) Intercept(wrap func(write WriteFunc) WriteFunc) (restore func()) {
	write := db.write
	db.write = wrap(write)
	return func() { db.write = write }
}
