package database

import (
	"gorm.io/gorm/clause"
)

// AddsUp makes an insert add its n to that of the row with the same key, which
// keeps its first_at and gets the newer last_at.
func AddsUp(table string, key ...string) clause.OnConflict {
	columns := make([]clause.Column, len(key))
	for i, name := range key {
		columns[i] = clause.Column{Name: name}
	}
	set := map[string]any{
		"n":        clause.Expr{SQL: table + ".n + excluded.n"},
		"first_at": clause.Expr{SQL: "CASE WHEN excluded.first_at < " + table + ".first_at THEN excluded.first_at ELSE " + table + ".first_at END"},
		"last_at":  clause.Expr{SQL: "CASE WHEN excluded.last_at > " + table + ".last_at THEN excluded.last_at ELSE " + table + ".last_at END"},
	}
	return clause.OnConflict{Columns: columns, DoUpdates: clause.Assignments(set)}
}
