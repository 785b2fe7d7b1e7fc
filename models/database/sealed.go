package database

import (
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

// SealedTable describes a table with encrypted columns, so that they can be encrypted
// again with a new key.
type SealedTable struct {
	// Key is the column of the primary key.
	Name, Key string
	Columns   []string
	// Rows reads the rows that a query picks.
	Rows func(*gorm.DB) ([]SealedRow, error)
}

// SealedRow is a row's encrypted values.
type SealedRow struct {
	Key any
	// Generation counts the row's rewrites. It is 0 where rows do not count them.
	Generation int64
	Values     []SealedValue
}

// SealedValue is an encrypted value and the place that it is bound to.
type SealedValue struct {
	Column string
	Sealed []byte
	Place  seal.Place
}

// SealedRowsOf returns a function that reads rows of type T and describes each.
func SealedRowsOf[T any](row func(T) SealedRow) func(*gorm.DB) ([]SealedRow, error) {
	return func(db *gorm.DB) ([]SealedRow, error) {
		var list []T
		err := db.Find(&list).Error
		rows := make([]SealedRow, len(list))
		for i := range list {
			rows[i] = row(list[i])
		}
		return rows, err
	}
}
