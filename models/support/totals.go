package support

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Total is how many connections there are of one kind.
type Total struct {
	Environment servicetitan.EnvironmentName
	State       models.State
	Reason      models.Reason
	Way         models.Way
	N           int64
}

// Totals are how many connections there are, kind by kind. They are kept as
// connections change, not counted.
type Totals []Total

// Sum is how many the filter picks, as far as it goes by kind.
func (t Totals) Sum(f ConnectionFilter) int64 {
	n := int64(0)
	for _, kind := range t.picked(f) {
		n += kind.N
	}
	return n
}

// Known is how many the filter picks, if that is known without looking: late
// renewals, ages and what was typed are not kept count of.
func (t Totals) Known(f ConnectionFilter) (n int64, known bool) {
	if f.Query != "" || f.Age != noAge || f.Status == Overdue {
		return 0, false
	}
	return t.Sum(f), true
}

// picked are the kinds that a filter picks.
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

// Totals reads them.
func (d *Support) Totals(ctx context.Context) (Totals, error) {
	return readTotals(d.db.Read(ctx))
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
