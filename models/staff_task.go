package models

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// TaskKind is a kind of work that staff do by hand.
type TaskKind string

const (
	// TaskDeleteSecret asks staff to delete a client's secret in the developer
	// portal. The secret works in ServiceTitan until then.
	TaskDeleteSecret TaskKind = "delete_secret"
	// TaskRemoveTenant asks staff to remove a tenant ID that our app no longer needs.
	TaskRemoveTenant TaskKind = "remove_tenant"
	// TaskTenantConflict asks staff to find out which company a tenant belongs to,
	// because another company tried to connect it.
	TaskTenantConflict TaskKind = "tenant_conflict"
	// TaskOurSide asks staff to fix a problem on our side that makes renewals with a
	// tenant's own client fail. The task closes itself when renewals work again.
	TaskOurSide TaskKind = "our_side"
)

// Ticked reports whether a person marks tasks of this kind as done. Other tasks
// close themselves.
func (k TaskKind) Ticked() bool { return k != TaskOurSide }

// TasksDone has the event to record when a person marks a task as done.
//
//exhaustive:ignore
var TasksDone = map[TaskKind]EventKind{
	TaskDeleteSecret:   EventSecretDeleted,
	TaskRemoveTenant:   EventTenantRemoved,
	TaskTenantConflict: EventConflictSettled,
}

// StaffTask is work about a connection that staff have to do by hand.
type StaffTask struct {
	ID   uuid.UUID `gorm:"primaryKey"`
	Kind TaskKind
	// Cause is what causes a problem on our side: an error code of RFC 6749, or
	// CauseMetadata. It is empty for other kinds.
	Cause        string
	CompanyID    uuid.UUID
	ConnectionID uuid.UUID
	CreatedAt    time.Time
	DoneAt       *time.Time
	DoneByName   string
}

// AddTask adds a task for staff, in the transaction that makes it necessary. It
// adds nothing if the connection has an open task of the kind.
func AddTask(tx *gorm.DB, kind TaskKind, connection Connection, now time.Time) error {
	var open int64
	err := tx.Model(&StaffTask{}).Where("connection_id = ? AND kind = ? AND done_at IS NULL", connection.ID, kind).Count(&open).Error
	if err == nil && open == 0 {
		err = tx.Create(&StaffTask{
			ID: database.NewID(), Kind: kind, CompanyID: connection.CompanyID, ConnectionID: connection.ID, CreatedAt: now,
		}).Error
	}
	if err != nil {
		return fmt.Errorf("add task %s: %w", kind, err)
	}
	return nil
}
