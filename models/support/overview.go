package support

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/keeper"
)

const (
	// troubledShown is how many connections the overview names of each kind.
	troubledShown = 5
	// CountedUpTo is how far the overview counts what is not kept count of.
	CountedUpTo = 1000
)

// RenewalHour counts the renewals of an hour, for pages that must not know the
// keeper.
type RenewalHour = keeper.RenewalHour

// Overview is how everything is doing now.
type Overview struct {
	Totals Totals
	// ReconnectNeeded are the latest to need a person, Retrying those that have
	// retried the longest.
	ReconnectNeeded, Retrying []ListedConnection
	// Lag is for how long the renewal that is due the longest has been due.
	Lag time.Duration
	// Late is how many renewals are late, as far as CountedUpTo.
	Late int
	// Hours are the last 24, the oldest first.
	Hours []RenewalHour
	// ForUs, ForCompanies, Conflicts, ByHand and Upgrades are how many set-ups wait
	// for us or for companies, and what else waits in the queue; as far as
	// CountedUpTo each.
	ForUs, ForCompanies, Conflicts, ByHand, Upgrades int
}

// Overview reads it. Its cost does not grow with the connections.
func (d *Support) Overview(ctx context.Context) (Overview, error) {
	db, k := d.db.Read(ctx), d.keeper
	now := d.db.Now()
	var o Overview
	page, err := d.browse(ctx, ConnectionFilter{Status: Status(models.ReconnectNeeded), Order: LatestFirst}, Cursor{}, troubledShown)
	if err != nil {
		return o, err
	}
	o.Totals, o.ReconnectNeeded = page.Totals, page.Connections
	if page, err = d.browse(ctx, ConnectionFilter{Status: Status(models.Degraded), Order: LongestFirst}, Cursor{}, troubledShown); err != nil {
		return o, err
	}
	o.Retrying = page.Connections
	if o.Lag, err = k.Lag(db, now); err != nil {
		return o, err
	}
	if o.Hours, err = keeper.RenewalHours(db, now); err != nil {
		return o, err
	}
	return o, o.count(db, k, now)
}

// count counts what waits.
func (o *Overview) count(db *gorm.DB, k *keeper.Keeper, now time.Time) error {
	var late query
	for i, gate := range k.Lanes() {
		if i > 0 {
			late.add(" UNION ALL ")
		}
		late.add("SELECT * FROM (SELECT 1 FROM credentials WHERE environment = ? AND own_client = ? AND due_at <= ? LIMIT ?) AS gate"+fmt.Sprint(i),
			gate.Environment, gate.OwnClient, now.Add(-lateAfter), CountedUpTo)
	}
	if late.sql == "" {
		late.sql = "SELECT 1 WHERE 1 = 0"
	}
	var q query
	q.add("SELECT")
	counted := func(as, rows string, args ...any) {
		if len(q.args) > 0 {
			q.add(",")
		}
		q.add(" (SELECT count(*) FROM (SELECT 1 FROM ("+rows+") AS found LIMIT ?) AS counted) AS "+as, append(args, CountedUpTo)...)
	}
	counted("late", late.sql, late.args...)
	counted("for_us", "SELECT 1 FROM setups WHERE closed_at IS NULL AND waits_for = ?", models.Us)
	counted("for_companies", "SELECT 1 FROM setups WHERE closed_at IS NULL AND waits_for = ?", models.TheCompany)
	counted("conflicts", "SELECT 1 FROM staff_tasks WHERE done_at IS NULL AND kind = ?", models.TaskTenantConflict)
	counted("by_hand", "SELECT 1 FROM staff_tasks WHERE done_at IS NULL AND kind <> ?", models.TaskTenantConflict)
	counted("upgrades", "SELECT 1 FROM connections WHERE upgrade_needed AND state IN (?, ?)", models.Connected, models.Degraded)
	var counts struct{ Late, ForUs, ForCompanies, Conflicts, ByHand, Upgrades int }
	if err := db.Raw(q.sql, q.args...).Scan(&counts).Error; err != nil {
		return fmt.Errorf("count what waits: %w", err)
	}
	o.Late, o.ForUs, o.ForCompanies = counts.Late, counts.ForUs, counts.ForCompanies
	o.Conflicts, o.ByHand, o.Upgrades = counts.Conflicts, counts.ByHand, counts.Upgrades
	return nil
}
