package support

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Incident is the connections of an environment that have trouble for one cause.
type Incident struct {
	Environment servicetitan.EnvironmentName
	State       models.State
	Reason      models.Reason
	// Connections counts all of them. Companies and Today count up to CountedUpTo for each
	// way to connect.
	Connections int64
	Companies   int
	// Since is when the first of them got into trouble.
	Since time.Time
	// Today and Yesterday count those that got into trouble in the last 24 hours, and in
	// the 24 hours before.
	Today, Yesterday int
}

// Filter returns the filter that selects the connections.
func (i Incident) Filter() ConnectionFilter {
	return ConnectionFilter{Status: Status(i.State), Environment: i.Environment, Reason: i.Reason}
}

// incidents returns the troubles of all connections by cause, the largest first.
func incidents(db *gorm.DB, totals Totals, now time.Time) ([]Incident, error) {
	var list []Incident
	var counted, first query
	for _, kind := range totals.picked(ConnectionFilter{Status: NeedsAttention}) {
		i := slices.IndexFunc(list, func(i Incident) bool {
			return i.Environment == kind.Environment && i.State == kind.State && i.Reason == kind.Reason
		})
		if i < 0 {
			i = len(list)
			list = append(list, Incident{Environment: kind.Environment, State: kind.State, Reason: kind.Reason})
		}
		list[i].Connections += kind.N
		counted.addTrouble(i, "company_id, ", "DESC", CountedUpTo, kind)
		first.addTrouble(i, "", "ASC", 1, kind)
	}
	if len(list) == 0 {
		return nil, nil
	}
	var counts []struct{ Incident, Companies, Today, Yesterday int }
	err := db.Raw(`SELECT incident, count(DISTINCT company_id) AS companies, sum(CASE WHEN state_since > ? THEN 1 ELSE 0 END) AS today,
			sum(CASE WHEN state_since <= ? AND state_since > ? THEN 1 ELSE 0 END) AS yesterday
		FROM (`+counted.sql+`) AS troubled GROUP BY incident`, append([]any{now.Add(-dayLong), now.Add(-dayLong), now.Add(-2 * dayLong)}, counted.args...)...).Scan(&counts).Error
	if err != nil {
		return nil, fmt.Errorf("count incidents: %w", err)
	}
	for _, c := range counts {
		i := &list[c.Incident]
		i.Companies, i.Today, i.Yesterday = c.Companies, c.Today, c.Yesterday
	}
	var firsts []struct {
		Incident   int
		StateSince time.Time
	}
	if err := db.Raw(first.sql, first.args...).Scan(&firsts).Error; err != nil {
		return nil, fmt.Errorf("find beginnings of incidents: %w", err)
	}
	for _, f := range firsts {
		if i := &list[f.Incident]; i.Since.IsZero() || f.StateSince.Before(i.Since) {
			i.Since = f.StateSince
		}
	}
	// The totals may count a connection that has just got well.
	list = slices.DeleteFunc(list, func(i Incident) bool { return i.Since.IsZero() })
	slices.SortStableFunc(list, func(a, b Incident) int {
		return cmp.Or(cmp.Compare(b.Companies, a.Companies), cmp.Compare(b.Connections, a.Connections), a.Since.Compare(b.Since))
	})
	return list, nil
}

// addTrouble adds the first connections of a kind, in the order in which they got into
// trouble. An index has them in that order.
func (q *query) addTrouble(incident int, column, way string, limit int, kind Total) {
	if q.sql != "" {
		q.add(" UNION ALL ")
	}
	q.add(fmt.Sprintf("SELECT * FROM (SELECT %d AS incident, %sstate_since FROM connections WHERE environment = ? AND state = ? AND reason = ? AND way = ? ORDER BY state_since %s, id %s LIMIT %d) AS kind%d",
		incident, column, way, way, limit, len(q.args)/4), kind.Environment, kind.State, kind.Reason, kind.Way)
}
