package database

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
)

// ReadRow reads one row for a query that runs very often, because building such a
// query with GORM costs more than running it. The query refers to the values as $1,
// $2, and so on. If there is no row, ReadRow returns ErrNotFound.
func (db *DB) ReadRow(ctx context.Context, query string, values []any, into ...any) error {
	rows, err := db.query(ctx, query, values)
	if err != nil {
		return err
	}
	return firstRow(rows, into)
}

// ReadRows is like ReadRow, for queries that return any number of rows. It calls each
// for every row, and stops at the first error.
func (db *DB) ReadRows(ctx context.Context, query string, values []any, each func(rows *sql.Rows) error) error {
	rows, err := db.query(ctx, query, values)
	if err != nil {
		return err
	}
	return eachRow(rows, each)
}

func (db *DB) query(ctx context.Context, query string, values []any) (*sql.Rows, error) {
	if db.dialect == sqliteDialect {
		ctx = context.WithoutCancel(ctx) // watching for its end costs as much as the query
	}
	return db.reader.ConnPool.QueryContext(ctx, query, values...)
}

// firstRow scans the first row and closes the rows. It returns ErrNotFound if there is
// none.
func firstRow(rows *sql.Rows, into []any) error {
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return cmp.Or(rows.Err(), ErrNotFound)
	}
	return errors.Join(rows.Scan(into...), rows.Close())
}

// eachRow calls each for every row and closes the rows. It stops at the first error.
func eachRow(rows *sql.Rows, each func(rows *sql.Rows) error) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
