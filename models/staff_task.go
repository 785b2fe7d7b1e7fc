package models

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// TaskKind is what staff have to do by hand.
type TaskKind string

const (
	// TaskDeleteSecret: the client's secret works on in ServiceTitan until it is
	// deleted in the developer portal.
	TaskDeleteSecret TaskKind = "delete_secret"
	// TaskRemoveTenant: the tenant ID is in our app and no longer needed there.
	TaskRemoveTenant TaskKind = "remove_tenant"
	// TaskTenantConflict: another company has tried to connect the tenant.
	TaskTenantConflict TaskKind = "tenant_conflict"
	// TaskOurSide: renewals with a company's own client fail because of us. It ends
	// by itself when they work again.
	TaskOurSide TaskKind = "our_side"
)

// Ticked says whether a person says that the task is done. Others end by
// themselves.
func (k TaskKind) Ticked() bool { return k != TaskOurSide }

// TasksDone are the events of tasks that a person ticks.
//
//exhaustive:ignore
var TasksDone = map[TaskKind]EventKind{
	TaskDeleteSecret:   EventSecretDeleted,
	TaskRemoveTenant:   EventTenantRemoved,
	TaskTenantConflict: EventConflictSettled,
}

// StaffTask is something that staff have to do by hand, about a connection.
type StaffTask struct {
	ID   uuid.UUID `gorm:"primaryKey"`
	Kind TaskKind
	// Cause is what is wrong, where the kind alone does not say it: an error code of
	// RFC 6749, or CauseMetadata.
	Cause        string
	CompanyID    uuid.UUID
	ConnectionID uuid.UUID
	CreatedAt    time.Time
	DoneAt       *time.Time
	DoneByName   string
}

// AddTask asks staff for something, in the transaction that makes it necessary.
// What is asked for already is not asked again.
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
