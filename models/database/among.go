package database

import (
	"encoding/json"
	"fmt"
)

// Among returns a subquery with the values of a list, for IN, and the value of its $1.
// The statement is the same for a list of any length, so that it is prepared once. kind is
// the type of the compared column on PostgreSQL.
func (db *DB) Among(kind string, list any) (subquery string, value string, err error) {
	text, err := json.Marshal(list)
	if err != nil {
		return "", "", fmt.Errorf("list values: %w", err)
	}
	if db.dialect == sqliteDialect {
		return "(SELECT value FROM json_each($1))", string(text), nil
	}
	return "(SELECT CAST(value AS " + kind + ") FROM json_array_elements_text(CAST($1 AS json)))", string(text), nil
}
