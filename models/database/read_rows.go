package database

import (
	"context"
	"database/sql"
	"errors"
)

// ReadRows is like ReadRow, for queries that return any number of rows. It calls each
// for every row, and stops at the first error.
func (db *DB) ReadRows(ctx context.Context, query string, values []any, each func(rows *sql.Rows) error) error {
	if db.dialect == sqliteDialect {
		ctx = context.WithoutCancel(ctx) // as in ReadRow
	}
	rows, err := db.reader.ConnPool.QueryContext(ctx, query, values...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
