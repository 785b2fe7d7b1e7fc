package models

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Check is what the scheduled checks of a connection have found. A check calls
// ServiceTitan's API as an integration would, because a token alone proves little.
type Check struct {
	ConnectionID uuid.UUID `gorm:"primaryKey"`
	CompanyID    uuid.UUID
	Environment  servicetitan.EnvironmentName
	// DueAt is when the next check is due; nil for never.
	DueAt *time.Time
	// TriedAt is when the last check was made, whatever its result.
	TriedAt *time.Time
	// AnsweredAt is when ServiceTitan's API last answered for the tenant as it should:
	// to a scheduled check, a test by a person, or a check while connecting.
	AnsweredAt *time.Time
	// Failures counts the checks in a row that failed, since FailingSince.
	Failures     int
	FailingSince *time.Time
	// Reason is why the last check failed; ReasonNone if it worked.
	Reason Reason
	// LeaseOwner alone may check until LeaseUntil.
	LeaseOwner string
	LeaseUntil *time.Time
}

// ScheduleCheck begins the checks of a connection whose access has just been shown to
// work. Due is when the first one is due.
func ScheduleCheck(tx *gorm.DB, c Connection, due, now time.Time) error {
	_, err := database.Exec(tx, `INSERT INTO checks (connection_id, company_id, environment, due_at, tried_at, answered_at) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (connection_id) DO UPDATE SET due_at = excluded.due_at, tried_at = excluded.tried_at, answered_at = excluded.answered_at,
			failures = 0, failing_since = NULL, reason = '', lease_owner = '', lease_until = NULL`, c.ID, c.CompanyID, string(c.Environment), due, now)
	if err != nil {
		return fmt.Errorf("schedule check: %w", err)
	}
	return nil
}

// endChecks ends the checks of a connection that has no access to check. A check that is
// under way loses its lease, so its result is not recorded.
func endChecks(tx *gorm.DB, c Connection) error {
	_, err := database.Exec(tx, "UPDATE checks SET due_at = NULL, lease_owner = '', lease_until = NULL WHERE connection_id = $1", c.ID)
	if err != nil {
		return fmt.Errorf("end checks: %w", err)
	}
	return nil
}

// resumeChecks continues the checks of a connection when its next renewal is due.
func resumeChecks(tx *gorm.DB, c Connection) error {
	if _, err := database.Exec(tx, "UPDATE checks SET due_at = $1 WHERE connection_id = $2", c.NextRenewalAt, c.ID); err != nil {
		return fmt.Errorf("resume checks: %w", err)
	}
	return nil
}

// NoteAnswer records that ServiceTitan's API has answered a call for the connection as it
// should. A check that is under way loses its lease, because what it finds may be older.
func NoteAnswer(tx *gorm.DB, connectionID uuid.UUID, now time.Time) error {
	_, err := database.Exec(tx, `UPDATE checks SET answered_at = $1, failures = 0, failing_since = NULL, reason = '', lease_owner = '', lease_until = NULL
		WHERE connection_id = $2`, now, connectionID)
	if err != nil {
		return fmt.Errorf("record answer: %w", err)
	}
	return nil
}
