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
	if err := countOnDay(tx, connectionID, now, ok, failed, 0, 0); err != nil {
		return fmt.Errorf("count renewal: %w", err)
	}
	return nil
}

// CountCheck adds to a connection's counts of checks that worked and failed on the day of
// now (UTC). It runs in the transaction that records the checks.
func CountCheck(tx *gorm.DB, connectionID uuid.UUID, ok, failed int, now time.Time) error {
	if err := countOnDay(tx, connectionID, now, 0, 0, ok, failed); err != nil {
		return fmt.Errorf("count check: %w", err)
	}
	return nil
}

func countOnDay(tx *gorm.DB, connectionID uuid.UUID, now time.Time, ok, failed, checksOK, checksFailed int) error {
	_, err := database.Exec(tx, `INSERT INTO renewal_days (connection_id, day, ok, failed, checks_ok, checks_failed) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (connection_id, day) DO UPDATE SET ok = renewal_days.ok + excluded.ok, failed = renewal_days.failed + excluded.failed,
			checks_ok = renewal_days.checks_ok + excluded.checks_ok, checks_failed = renewal_days.checks_failed + excluded.checks_failed`,
		connectionID, now.UTC().Format(time.DateOnly), ok, failed, checksOK, checksFailed)
	return err
}
