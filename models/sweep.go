package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// authorizationKept is how long a trip's result can still be shown to someone
// who comes back to it.
const authorizationKept = 24 * time.Hour

// sweptAtOnce bounds how much of what grows with the connections is deleted in
// one write, so that nobody waits long behind it.
const sweptAtOnce = 5000

// Sweep deletes what has expired: sessions, throttles, trips, counters, and
// events older than eventsKept.
func (db *DB) Sweep(ctx context.Context, eventsKept time.Duration) error {
	now := db.Now()
	err := db.Write(ctx, func(tx *gorm.DB) error {
		return errors.Join(
			tx.Exec("DELETE FROM sessions WHERE expires_at <= ?", now).Error,
			tx.Exec("DELETE FROM throttles WHERE reset_at <= ?", now).Error,
			tx.Exec("DELETE FROM renewal_hours WHERE hour < ?", now.Add(-hoursKept*time.Hour).Format(hourForm)).Error,
			tx.Exec("DELETE FROM authorizations WHERE expires_at <= ?", now.Add(-authorizationKept)).Error,
		)
	})
	for _, old := range []struct {
		table, key, column string
		before             any
	}{
		{"account_mails", "id", "created_at", now.Add(-accountMailsKept)},
		{"events", "id", "at", now.Add(-eventsKept)},
		{"renewal_days", "connection_id, day", "day", now.AddDate(0, 0, -healthDays).Format(time.DateOnly)},
	} {
		for deleted := int64(sweptAtOnce); err == nil && deleted == sweptAtOnce; {
			err = db.Write(ctx, func(tx *gorm.DB) error {
				result := tx.Exec("DELETE FROM "+old.table+" WHERE ("+old.key+") IN (SELECT "+old.key+" FROM "+old.table+" WHERE "+old.column+" < ? LIMIT ?)",
					old.before, sweptAtOnce)
				deleted = result.RowsAffected
				return result.Error
			})
		}
	}
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}
