package database

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

// Exec runs a statement of a transaction that runs very often, because building such
// a statement with GORM costs more than running it. It returns how many rows were
// changed. The statement refers to the values as $1, $2, and so on, and names them
// first in this order.
func Exec(tx *gorm.DB, statement string, values ...any) (rows int64, err error) {
	result, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, statement, values...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Query is Exec for a query of a transaction. It calls scan for each row.
func Query(tx *gorm.DB, query string, values []any, scan func(*sql.Rows) error) error {
	rows, err := tx.Statement.ConnPool.QueryContext(tx.Statement.Context, query, values...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
