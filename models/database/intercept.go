package database

import (
	"context"

	"gorm.io/gorm"
)

// WriteFunc runs fn in a transaction, as DB.Write does.
type WriteFunc func(ctx context.Context, fn func(tx *gorm.DB) error) error

// Intercept puts a function around every write that begins before restore is
// called. Tests use it to delay writes and to let them fail.
func (db *DB) Intercept(wrap func(write WriteFunc) WriteFunc) (restore func()) {
	write := db.write
	db.write = wrap(write)
	return func() { db.write = write }
}

// OnPostgres says whether the database is PostgreSQL. Otherwise it is SQLite.
func (db *DB) OnPostgres() bool { return db.dialect == postgresDialect }

// IsPostgres says whether a handle or transaction is PostgreSQL's.
func IsPostgres(db *gorm.DB) bool { return dialect(db.Name()) == postgresDialect }
