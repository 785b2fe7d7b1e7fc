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

// Sweep deletes what has expired: sessions, throttles, trips.
func (db *DB) Sweep(ctx context.Context) error {
	now := db.Now()
	err := db.Write(ctx, func(tx *gorm.DB) error {
		return errors.Join(
			tx.Exec("DELETE FROM sessions WHERE expires_at <= ?", now).Error,
			tx.Exec("DELETE FROM throttles WHERE reset_at <= ?", now).Error,
			tx.Exec("DELETE FROM authorizations WHERE expires_at <= ?", now.Add(-authorizationKept)).Error,
		)
	})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}
