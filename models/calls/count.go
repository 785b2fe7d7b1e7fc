package calls

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
)

const (
	// HoursKept is how long the counts of an hour stay.
	HoursKept = 90 * 24 * time.Hour
	// HoursShown is how far back a connection's page counts.
	HoursShown = 24 * time.Hour
	// countsWaiting limits the counts that an instance keeps in memory while it cannot
	// write to the database.
	countsWaiting = 100_000
	// countsAtOnce is how many counts one write stores. Each write has its own time
	// limit, so that it has enough time however many wait.
	countsAtOnce = 2_000
)

// Hour counts the calls of a connection within an hour.
type Hour struct {
	ConnectionID uuid.UUID `gorm:"primaryKey"`
	// Hour is the beginning of the hour, in UTC, in the form of database.HourForm.
	Hour string `gorm:"primaryKey"`
	// N counts the calls that were passed on to ServiceTitan.
	N int64
	// Refused counts the calls that were not, because the budget was used up.
	Refused int64
	// LastAt is when the latest of both came.
	LastAt time.Time
}

// TableName returns the table's name.
func (Hour) TableName() string { return "call_hours" }

// Begins returns the beginning of the hour.
func (h Hour) Begins() time.Time {
	t, _ := time.Parse(database.HourForm, h.Hour) // valid, because it is written in this form
	return t
}

// hourOf is what the calls have in common that are one row.
type hourOf struct {
	connectionID uuid.UUID
	hour         string
}

// Counts counts calls in memory until Flush.
type Counts struct {
	db    *database.DB
	mu    sync.Mutex
	hours map[hourOf]Hour
	// lost counts the calls that had no room.
	lost int64
}

// NewCounts returns the counts of the calls of all connections.
func NewCounts(db *database.DB) *Counts { return &Counts{db: db, hours: map[hourOf]Hour{}} }

// Passed counts a call of a connection that is passed on to ServiceTitan.
func (c *Counts) Passed(id uuid.UUID) { c.add(Hour{ConnectionID: id, N: 1}) }

// Refused counts a call that is not, because the budget is used up.
func (c *Counts) Refused(id uuid.UUID) { c.add(Hour{ConnectionID: id, Refused: 1}) }

func (c *Counts) add(h Hour) {
	h.LastAt = c.db.Now()
	h.Hour = h.LastAt.Format(database.HourForm)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(h)
}

// put adds to the counts of an hour. The caller holds the lock.
func (c *Counts) put(h Hour) {
	of := hourOf{h.ConnectionID, h.Hour}
	sum, there := c.hours[of]
	if !there && len(c.hours) >= countsWaiting {
		c.lost += h.N + h.Refused
		return
	}
	h.N, h.Refused = h.N+sum.N, h.Refused+sum.Refused
	if h.LastAt.Before(sum.LastAt) {
		h.LastAt = sum.LastAt
	}
	c.hours[of] = h
}

// Flush stores what was counted since the last flush. It keeps what the database does
// not accept. A process that is killed loses its counts since then.
func (c *Counts) Flush(ctx context.Context) error {
	c.mu.Lock()
	hours, lost := slices.Collect(maps.Values(c.hours)), c.lost
	c.hours, c.lost = make(map[hourOf]Hour, len(hours)), 0
	c.mu.Unlock()
	var err error
	if lost > 0 {
		err = fmt.Errorf("%d calls are not counted: there was no room for them", lost)
	}
	// All instances write the rows in the same order, so that they cannot deadlock.
	slices.SortFunc(hours, func(a, b Hour) int {
		return cmp.Or(bytes.Compare(a.ConnectionID[:], b.ConnectionID[:]), cmp.Compare(a.Hour, b.Hour))
	})
	for written := 0; written < len(hours); written += countsAtOnce {
		if wrote := c.write(ctx, hours[written:min(written+countsAtOnce, len(hours))]); wrote != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, h := range hours[written:] {
				c.put(h)
			}
			return errors.Join(err, fmt.Errorf("store counts of calls: %w", wrote))
		}
	}
	return err
}

// Forget drops what was counted since the last flush. A demo that is reset calls it.
func (c *Counts) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.hours)
}

// write adds counts to the rows of their hours.
func (c *Counts) write(ctx context.Context, hours []Hour) error {
	ctx, cancel := c.db.LimitWork(ctx)
	defer cancel()
	adds := clause.OnConflict{
		Columns: []clause.Column{{Name: "connection_id"}, {Name: "hour"}},
		DoUpdates: clause.Assignments(map[string]any{
			"n":       gorm.Expr("call_hours.n + excluded.n"),
			"refused": gorm.Expr("call_hours.refused + excluded.refused"),
			"last_at": gorm.Expr("CASE WHEN excluded.last_at > call_hours.last_at THEN excluded.last_at ELSE call_hours.last_at END"),
		}),
	}
	return c.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(adds).CreateInBatches(&hours, database.InsertedAtOnce).Error
	})
}

// HoursOf returns the hours of the last HoursShown in which a connection made calls,
// newest first.
func HoursOf(db *gorm.DB, connectionID uuid.UUID, now time.Time) ([]Hour, error) {
	var hours []Hour
	err := db.Where("connection_id = ? AND hour > ?", connectionID, FirstShown(now)).Order("hour DESC").Find(&hours).Error
	if err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	return hours, nil
}

// FirstShown returns the hour before the first that HoursShown covers.
func FirstShown(now time.Time) string {
	return now.UTC().Add(-HoursShown).Format(database.HourForm)
}
