package database

import "regexp"

// comparedValue matches the value of an equality in a fixed statement.
var comparedValue = regexp.MustCompile(`= (\$[0-9]+)`)

// planOnce keeps SQLite from planning a fixed statement again at each run. SQLite looks
// at the values that columns are compared with, because it expects many rows for 0 and
// 1. A plan that depends on a value is thrown away as soon as the value is bound again,
// and making one for a join costs more than running it. SQLite does not look into a
// function, and calls this one once for each run. Statements of GORM have ? instead of
// $1, and stay as they are.
func planOnce(statement string) string {
	return comparedValue.ReplaceAllString(statement, "= coalesce(${1}, NULL)")
}
