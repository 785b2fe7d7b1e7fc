package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// AuditAction is a kind of change to staff, API keys, or a company.
type AuditAction string

// All audited actions. The database stores their values.
const (
	AuditStaffAdded   AuditAction = "staff_added"
	AuditLinkMade     AuditAction = "staff_link_made"
	AuditRoleChanged  AuditAction = "staff_role_changed"
	AuditStaffRemoved AuditAction = "staff_removed"
	AuditFactorReset  AuditAction = "staff_factor_reset"
	AuditKeyCreated   AuditAction = "api_key_created"
	AuditKeyRevoked   AuditAction = "api_key_revoked"
	AuditKeyRolled    AuditAction = "api_key_rolled"
	AuditKeyOldEnded  AuditAction = "api_key_old_ended"
	AuditKeyChanged   AuditAction = "api_key_changed"
)

// Actor is who does something, for events and audit records.
type Actor struct {
	// UserID is uuid.Nil for the command line.
	UserID uuid.UUID
	Name   string
	// StaffName is set if a staff member acts for a company. The company sees Name.
	StaffName string
	// SupportCode identifies the request, for the timeline and the log.
	SupportCode string
}

// CommandLine returns the actor for commands on the server. osUser is the
// operator's name in the operating system.
func CommandLine(osUser string) Actor { return Actor{Name: "command line (" + osUser + ")"} }

// Actor returns the staff member as the person who does something.
func (s Staff) Actor() Actor {
	return Actor{UserID: s.UserID, Name: s.Name, SupportCode: s.SupportCode}
}

// AuditRecord is one change to staff, API keys, or a company's people and settings.
// Records are kept as long as events.
type AuditRecord struct {
	ID     uuid.UUID `gorm:"primaryKey"`
	Action AuditAction
	// CompanyID is the company whose activity shows the record. It is nil for what
	// only concerns staff.
	CompanyID   *uuid.UUID
	ActorID     *uuid.UUID
	ActorName   string
	TargetID    uuid.UUID
	Detail      string
	SupportCode string
	At          time.Time
	// TargetName is the current name of the person or key. It is not stored.
	TargetName string `gorm:"->;-:migration"`
}

// audit records what the actor did to a target.
func (by Actor) audit(tx *gorm.DB, action AuditAction, target uuid.UUID, detail string, now time.Time) error {
	return by.record(tx, nil, action, target, detail, now)
}

// AuditIn records what the actor did in a company. The company's activity shows it.
func (by Actor) AuditIn(tx *gorm.DB, companyID uuid.UUID, action AuditAction, target uuid.UUID, detail string, now time.Time) error {
	return by.record(tx, &companyID, action, target, detail, now)
}

func (by Actor) record(tx *gorm.DB, companyID *uuid.UUID, action AuditAction, target uuid.UUID, detail string, now time.Time) error {
	r := by.recordOf(companyID, action, target, detail, now)
	if err := tx.Omit("TargetName").Create(&r).Error; err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}

// recordOf returns the record of what the actor did.
func (by Actor) recordOf(companyID *uuid.UUID, action AuditAction, target uuid.UUID, detail string, now time.Time) AuditRecord {
	r := AuditRecord{CompanyID: companyID, ID: database.NewID(), Action: action, ActorName: by.Name, TargetID: target, Detail: detail, SupportCode: by.SupportCode, At: now}
	if by.UserID != uuid.Nil {
		r.ActorID = &by.UserID
	}
	return r
}

// auditShown is how many records the page shows.
const auditShown = 20

// Audit returns the latest changes to staff and API keys, newest first.
func (a *Accounts) Audit(ctx context.Context) ([]AuditRecord, error) {
	var records []AuditRecord
	err := a.db.Read(ctx).Raw(`SELECT r.*, coalesce(u.name, k.name, '') AS target_name FROM audit_records r
		LEFT JOIN users u ON u.id = r.target_id LEFT JOIN api_keys k ON k.id = r.target_id WHERE r.company_id IS NULL ORDER BY r.at DESC, r.id DESC LIMIT ?`, auditShown).Scan(&records).Error
	if err != nil {
		return nil, fmt.Errorf("list audit records: %w", err)
	}
	return records, nil
}
