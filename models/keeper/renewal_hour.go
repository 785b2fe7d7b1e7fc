package keeper

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// hoursShown is the number of hours that the overview shows.
	hoursShown = 24
	// HoursKept is the number of hours that the database keeps.
	HoursKept = 14 * 24
	// tallyEvery is how often an instance writes what it has counted. An instance that is
	// killed loses the counts since then.
	tallyEvery = 15 * time.Second
)

// RenewalHour counts the renewals of all connections in an hour.
type RenewalHour struct {
	// Hour is the beginning of the hour, in UTC, in the form of database.HourForm.
	Hour        string                       `gorm:"primaryKey"`
	Environment servicetitan.EnvironmentName `gorm:"primaryKey"`
	OK, Failed  int64
}

// Begins returns the beginning of the hour.
func (h RenewalHour) Begins() time.Time {
	t, _ := time.Parse(database.HourForm, h.Hour) // valid, because it is written in this form
	return t
}

// tally counts renewals in memory. If each renewal wrote to the row of the hour, all renewals
// would wait for each other.
type tally struct {
	mu     sync.Mutex
	counts map[RenewalHour]RenewalHour // by hour and environment
}

// add counts renewals of an environment in the current hour.
func (t *tally) add(environment servicetitan.EnvironmentName, ok, failed int64, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.put(RenewalHour{Hour: now.UTC().Format(database.HourForm), Environment: environment, OK: ok, Failed: failed})
}

// put adds counts to those of the same hour and environment. The caller holds the lock.
func (t *tally) put(h RenewalHour) {
	if t.counts == nil {
		t.counts = map[RenewalHour]RenewalHour{}
	}
	key := RenewalHour{Hour: h.Hour, Environment: h.Environment}
	sum := t.counts[key]
	t.counts[key] = RenewalHour{Hour: h.Hour, Environment: h.Environment, OK: sum.OK + h.OK, Failed: sum.Failed + h.Failed}
}

// forget drops the counts.
func (t *tally) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts = nil
}

// write adds the counts to those in the database.
func (t *tally) write(ctx context.Context, db *database.DB) error {
	t.mu.Lock()
	counts := t.counts
	t.counts = nil
	t.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	err := db.Write(ctx, func(tx *gorm.DB) error {
		// Instances that write at the same time must lock the rows in the same order.
		for _, h := range slices.SortedFunc(maps.Values(counts), func(a, b RenewalHour) int {
			return cmp.Or(cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Environment, b.Environment))
		}) {
			err := tx.Exec(`INSERT INTO renewal_hours (hour, environment, ok, failed) VALUES (?, ?, ?, ?)
				ON CONFLICT (hour, environment) DO UPDATE SET ok = renewal_hours.ok + excluded.ok, failed = renewal_hours.failed + excluded.failed`,
				h.Hour, h.Environment, h.OK, h.Failed).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, h := range counts { // the next write includes them
			t.put(h)
		}
		return fmt.Errorf("write renewals by hour: %w", err)
	}
	return nil
}

// keepTally writes the counts from time to time until the context ends.
func (k *Keeper) keepTally(ctx context.Context) {
	for range retry.Every(ctx, tallyEvery) {
		k.writeTally(ctx)
	}
}

// writeTally writes the counts, even if the context has ended.
func (k *Keeper) writeTally(ctx context.Context) {
	within, cancel := k.db.LimitWork(context.WithoutCancel(ctx))
	defer cancel()
	if err := k.tally.write(within, k.db); err != nil {
		k.log.WarnContext(ctx, "counts of renewals are not written yet", "error", err)
	}
}

// RenewalHours returns the counts of the last 24 hours, the oldest first. Each is the sum
// over all environments. An hour without a renewal has zeros.
func RenewalHours(db *gorm.DB, now time.Time) ([]RenewalHour, error) {
	first := now.UTC().Truncate(time.Hour).Add(-(hoursShown - 1) * time.Hour)
	var rows []RenewalHour
	err := db.Raw("SELECT hour, sum(ok) AS ok, sum(failed) AS failed FROM renewal_hours WHERE hour >= ? GROUP BY hour", first.Format(database.HourForm)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read renewals by hour: %w", err)
	}
	counted := map[string]RenewalHour{}
	for _, row := range rows {
		counted[row.Hour] = row
	}
	hours := make([]RenewalHour, hoursShown)
	for i := range hours {
		hour := first.Add(time.Duration(i) * time.Hour).Format(database.HourForm)
		hours[i] = counted[hour]
		hours[i].Hour = hour
	}
	return hours, nil
}
