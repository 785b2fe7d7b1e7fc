package support

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/keeper"
)

const (
	// troubledShown is the most connections in each list of the overview.
	troubledShown = 5
	// CountedUpTo is the number at which the overview stops counting rows that
	// triggers do not count.
	CountedUpTo = 1000
)

// RenewalHour counts the renewals of an hour. Pages use it because they cannot
// import keeper.
type RenewalHour = keeper.RenewalHour

// Overview describes the current state of the whole service.
type Overview struct {
	Totals Totals
	// ReconnectNeeded are the connections that needed a reconnect last. Retrying are
	// the connections that have been retrying the longest.
	ReconnectNeeded, Retrying []ListedConnection
	// Lag is how long the oldest due renewal has been due.
	Lag time.Duration
	// Late counts the late renewals, up to CountedUpTo.
	Late int
	// Incidents are the troubles of all connections by cause, the largest first.
	Incidents []Incident
	// Queue counts the queue.
	Queue QueueCounts
	// Hours are the last 24 hours, oldest first.
	Hours []RenewalHour
}

// Overview returns the overview for a staff member. Its cost does not grow with the number
// of connections.
func (s *Support) Overview(ctx context.Context, staff accounts.Staff) (Overview, error) {
	db, k := s.db.Read(ctx), s.keeper
	now := s.db.Now()
	var o Overview
	page, err := s.browse(ctx, ConnectionFilter{Status: Status(models.ReconnectNeeded), Order: LatestFirst}, Cursor{}, troubledShown)
	if err != nil {
		return o, err
	}
	o.Totals, o.ReconnectNeeded = page.Totals, page.Connections
	if page, err = s.browse(ctx, ConnectionFilter{Status: Status(models.Degraded), Order: LongestFirst}, Cursor{}, troubledShown); err != nil {
		return o, err
	}
	o.Retrying = page.Connections
	if o.Lag, err = k.Lag(db, now); err != nil {
		return o, err
	}
	if o.Hours, err = keeper.RenewalHours(db, now); err != nil {
		return o, err
	}
	if o.Incidents, err = incidents(db, o.Totals, now); err != nil {
		return o, err
	}
	return o, o.count(db, k, staff, now)
}

// count counts the late renewals and the queue.
func (o *Overview) count(db *gorm.DB, k *keeper.Keeper, staff accounts.Staff, now time.Time) error {
	var late query
	for i, lane := range k.Lanes() {
		if i > 0 {
			late.add(" UNION ALL ")
		}
		late.add("SELECT * FROM (SELECT 1 FROM credentials WHERE environment = ? AND own_client = ? AND due_at <= ? LIMIT ?) AS lane"+fmt.Sprint(i),
			lane.Environment, lane.OwnClient, now.Add(-lateAfter), CountedUpTo)
	}
	if late.sql == "" {
		late.sql = "SELECT 1 WHERE 1 = 0"
	}
	var q query
	q.counts(staff, "", now)
	q.add(fmt.Sprintf(", (SELECT count(*) FROM (SELECT 1 FROM (%s) AS found LIMIT %d) AS counted) AS late_renewals", late.sql, CountedUpTo), late.args...)
	var counts struct {
		QueueCounts
		LateRenewals int
	}
	if err := db.Raw("SELECT "+q.sql, q.args...).Scan(&counts).Error; err != nil {
		return fmt.Errorf("count late renewals and queue: %w", err)
	}
	o.Late, o.Queue = counts.LateRenewals, counts.QueueCounts
	return nil
}
