package support

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Total is the number of connections of one kind.
type Total struct {
	Environment servicetitan.EnvironmentName
	State       models.State
	Reason      models.Reason
	Way         models.Way
	N           int64
}

// Totals has the number of connections of each kind. Triggers keep the numbers, so
// reading them counts nothing.
type Totals []Total

// Sum returns how many connections a filter selects by its status, environment, way,
// and reason. It ignores the rest of the filter.
func (t Totals) Sum(f ConnectionFilter) int64 {
	n := int64(0)
	for _, kind := range t.picked(f) {
		n += kind.N
	}
	return n
}

// Known returns how many connections a filter selects, if the totals say so. They do
// not if the filter has a query, an age, or the status Overdue.
func (t Totals) Known(f ConnectionFilter) (n int64, known bool) {
	if f.Query != "" || f.Age != noAge || f.Status == Overdue {
		return 0, false
	}
	return t.Sum(f), true
}

// picked returns the kinds that a filter selects.
func (t Totals) picked(f ConnectionFilter) Totals {
	var picked Totals
	for _, kind := range t {
		if f.Status.has(kind.State) && (f.Environment == "" || f.Environment == kind.Environment) &&
			(f.Way == "" || f.Way == kind.Way) && (f.Reason == "" || f.Reason == kind.Reason) {
			picked = append(picked, kind)
		}
	}
	return picked
}

// Totals returns the totals of all connections.
func (s *Support) Totals(ctx context.Context) (Totals, error) {
	return readTotals(s.db.Read(ctx))
}

func readTotals(db *gorm.DB) (Totals, error) {
	var t Totals
	err := db.Raw(`SELECT environment, state, reason, way, sum(n) AS n FROM connection_totals
		GROUP BY environment, state, reason, way HAVING sum(n) > 0 ORDER BY environment, state, reason, way`).Scan(&t).Error
	if err != nil {
		return nil, fmt.Errorf("read totals: %w", err)
	}
	return t, nil
}
