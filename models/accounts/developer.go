package accounts

import (
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
