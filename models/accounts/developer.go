package accounts

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// What people do with webhook endpoints.
const (
	AuditEndpointAdded    AuditAction = "endpoint_added"
	AuditEndpointChanged  AuditAction = "endpoint_changed"
	AuditEndpointRemoved  AuditAction = "endpoint_removed"
	AuditEndpointRotated  AuditAction = "endpoint_rotated"
	AuditEndpointResumed  AuditAction = "endpoint_resumed"
	AuditEndpointReplayed AuditAction = "endpoint_replayed"
)

// StillDeveloper returns an error if the actor may no longer manage API keys and
// webhook endpoints: of a company as one of its owners, or of the operator as an admin
// of our staff. whose is the company, or nil for the operator. The command line and
// API keys, which have no user, were checked by the caller.
func StillDeveloper(tx *gorm.DB, by Actor, whose *uuid.UUID) error {
	if by.UserID == uuid.Nil {
		return nil
	}
	if whose == nil {
		return HoldAdmin(tx, Staff{UserID: by.UserID})
	}
	return StillOwner(tx, Visitor{UserID: by.UserID, CompanyID: *whose})
}

// AuditOf records what the actor did to something of a company, or of the operator if
// whose is nil. The company's activity shows it.
func (by Actor) AuditOf(tx *gorm.DB, whose *uuid.UUID, action AuditAction, target uuid.UUID, detail string, now time.Time) error {
	return by.record(tx, whose, action, target, detail, now)
}

// TellEndpointPaused queues a mail to those who manage a webhook endpoint: the owners
// of its company, or the admins of our staff if whose is nil.
func TellEndpointPaused(tx *gorm.DB, whose *uuid.UUID, endpointID uuid.UUID, now time.Time) error {
	managers := tx.Where("staff_role = ?", Admin)
	if whose != nil {
		managers = tx.Where("id IN (SELECT user_id FROM memberships WHERE company_id = ? AND role = ?)", *whose, Owner)
	}
	var users []User
	if err := managers.Where("disabled_at IS NULL").Order("id").Find(&users).Error; err != nil {
		return fmt.Errorf("find who manages the endpoint: %w", err)
	}
	for _, user := range users {
		if err := mailUser(tx, user, AccountMail{Kind: MailWebhookPaused, CompanyID: whose, SubjectID: &endpointID}, now); err != nil {
			return err
		}
	}
	return nil
}
