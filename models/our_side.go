package models

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// CauseMetadata is the cause of a task that is not an error code of RFC 6749:
// ServiceTitan's metadata contradicts our configuration.
const CauseMetadata = "metadata"

// CauseOf names what staff read as the cause of a problem on our side.
func CauseOf(e *servicetitan.Error) string {
	if e.Kind == servicetitan.Misconfigured {
		return CauseMetadata
	}
	return e.Code
}

// ourSideTasks is how many problems on our side wait in the queue at once for an
// environment. More of them at a time are one incident, and the queue is for
// people.
const ourSideTasks = 10

// RaiseOurSide asks staff to put a problem on our side right. It reports whether
// the incident is new: one connection has one task until it recovers, and
// metadata that is wrong has one for its environment.
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

// endOurSide ends the task of a connection whose renewals fail no longer, or no
// longer because of us.
func endOurSide(tx *gorm.DB, c Connection, now time.Time) error {
	err := tx.Model(&StaffTask{}).Where("connection_id = ? AND kind = ? AND done_at IS NULL", c.ID, TaskOurSide).Update("done_at", now).Error
	if err != nil {
		return fmt.Errorf("end task on our side: %w", err)
	}
	return nil
}
