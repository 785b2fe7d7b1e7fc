package models

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// CauseMetadata is the cause of a task when ServiceTitan's metadata contradicts our
// configuration. All other causes are error codes of RFC 6749.
const CauseMetadata = "metadata"

// CauseOf returns the cause that staff see for a problem on our side.
func CauseOf(e *servicetitan.Error) string {
	if e.Kind == servicetitan.Misconfigured {
		return CauseMetadata
	}
	return e.Code
}

// ourSideTasks is the most open tasks about problems on our side that an
// environment has at a time. That many are one incident, and more of them would
// only fill the queue.
const ourSideTasks = 10

// RaiseOurSide adds a task for staff to fix a problem on our side. It reports
// whether the task is new. A connection has at most one such task until it
// recovers, and wrong metadata has one task per environment.
func RaiseOurSide(tx *gorm.DB, c Connection, cause string, now time.Time) (raised bool, err error) {
	var open []StaffTask
	err = tx.Select("t.connection_id", "t.cause").Table("staff_tasks t").Joins("JOIN connections o ON o.id = t.connection_id").
		Where("t.done_at IS NULL AND t.kind = ? AND o.environment = ?", TaskOurSide, c.Environment).
		Limit(ourSideTasks).Find(&open).Error
	if err != nil {
		return false, fmt.Errorf("find tasks on our side: %w", err)
	}
	if len(open) == ourSideTasks {
		return false, nil
	}
	for _, t := range open {
		if t.ConnectionID == c.ID || (cause == CauseMetadata && t.Cause == cause) {
			return false, nil
		}
	}
	task := StaffTask{ID: database.NewID(), Kind: TaskOurSide, Cause: cause, CompanyID: c.CompanyID, ConnectionID: c.ID, CreatedAt: now}
	if err := tx.Create(&task).Error; err != nil {
		return false, fmt.Errorf("add task on our side: %w", err)
	}
	return true, nil
}

// endOurSide closes the task of a connection whose renewals no longer fail because
// of us.
func endOurSide(tx *gorm.DB, c Connection, now time.Time) error {
	err := tx.Model(&StaffTask{}).Where("connection_id = ? AND kind = ? AND done_at IS NULL", c.ID, TaskOurSide).Update("done_at", now).Error
	if err != nil {
		return fmt.Errorf("close task on our side: %w", err)
	}
	return nil
}
