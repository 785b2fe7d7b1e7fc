package database

import "gorm.io/gorm/clause"

// InsertedAtOnce bounds the rows of one INSERT statement.
const InsertedAtOnce = 500

// HourForm is the layout in which counters keep their hour, in UTC.
const HourForm = "2006-01-02T15"

// AddsUp returns the clause that makes an INSERT add to a counter. If the table has a
// row with the same key, its n grows by the new n, and first_at and last_at cover both.
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
