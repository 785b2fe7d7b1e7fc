package database

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// The statements of writes that run very often are fixed. GORM would build each of
// them again, which costs more than running them. They run in the transaction that tx
// stands for. They refer to their values as $1, $2, and so on, and name them first in
// this order, because SQLite numbers values by their first appearance.

// Exec runs a fixed statement, and returns how many rows it changed.
func Exec(tx *gorm.DB, statement string, values ...any) (int64, error) {
	result, err := tx.Statement.ConnPool.ExecContext(undisturbed(tx), statement, values...)
	if err != nil {
		return 0, translate(tx, err)
	}
	return result.RowsAffected()
}

// QueryRow runs a fixed statement that returns one row. If there is none, it returns
// ErrNotFound.
func QueryRow(tx *gorm.DB, statement string, values []any, into ...any) error {
	rows, err := tx.Statement.ConnPool.QueryContext(undisturbed(tx), statement, values...)
	if err != nil {
		return translate(tx, err)
	}
	return translate(tx, firstRow(rows, into))
}

// Query runs a fixed query. It calls each for every row, and stops at the first error.
func Query(tx *gorm.DB, query string, values []any, each func(rows *sql.Rows) error) error {
	rows, err := tx.Statement.ConnPool.QueryContext(undisturbed(tx), query, values...)
	if err != nil {
		return translate(tx, err)
	}
	return translate(tx, eachRow(rows, each))
}

// undisturbed returns the context in which to run a statement. On SQLite it does not
// end, because watching for its end costs as much as the statement.
func undisturbed(tx *gorm.DB) context.Context {
	if IsPostgres(tx) {
		return tx.Statement.Context
	}
	return context.WithoutCancel(tx.Statement.Context)
}

// translate returns GORM's error for one of the driver, as GORM's own statements do.
func translate(tx *gorm.DB, err error) error {
	if t, ok := tx.Dialector.(gorm.ErrorTranslator); ok && err != nil {
		return t.Translate(err)
	}
	return err
}
