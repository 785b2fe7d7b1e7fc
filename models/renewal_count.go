package models

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// CountRenewal adds to a connection's counts of renewals that worked and failed on
// the day of now (UTC). It runs in the transaction that records the renewals.
func CountRenewal(tx *gorm.DB, connectionID uuid.UUID, ok, failed int, now time.Time) error {
	_, err := database.Exec(tx, `INSERT INTO renewal_days (connection_id, day, ok, failed) VALUES ($1, $2, $3, $4)
		ON CONFLICT (connection_id, day) DO UPDATE SET ok = renewal_days.ok + excluded.ok, failed = renewal_days.failed + excluded.failed`,
		connectionID, now.UTC().Format(time.DateOnly), ok, failed)
	if err != nil {
		return fmt.Errorf("count renewal: %w", err)
	}
	return nil
}
