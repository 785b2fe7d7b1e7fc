package accounts

import (
	"time"

	"github.com/google/uuid"
)

// Role is what a member may do in a company.
type Role string

const (
	// Owner may also disconnect and manage people.
	Owner Role = "owner"
	// Member may connect, test and reconnect.
	Member Role = "member"
)

// Label is the role's name as people read it.
func (r Role) Label() string {
	if r == Owner {
		return "Owner"
	}
	return "Member"
}

// Company is our customer and the unit of isolation.
type Company struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	Name      string
	CreatedAt time.Time
	// LockedAt is since when its people and programs are kept out; nil if they
	// are not. LockedByName did it, for LockReason.
	LockedAt     *time.Time
	LockedByName string
	LockReason   string
}

// LockedCompanies are their IDs. There are few, and an index has them.
const LockedCompanies = "SELECT id FROM companies WHERE locked_at IS NOT NULL"

// User is a person; companies know users through memberships.
type User struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	Email        string
	Name         string
	PasswordHash string
	// SessionEpoch ends every session begun under a smaller number.
	SessionEpoch int
	// StaffRole is empty for everybody but our staff, who belong to no company.
	StaffRole StaffRole
	// SetupHash is of the link by which a password is chosen, until SetupUntil.
	SetupHash  []byte
	SetupUntil *time.Time
	DisabledAt *time.Time
	CreatedAt  time.Time
}

// Membership lets a user act for a company.
type Membership struct {
	CompanyID uuid.UUID `gorm:"primaryKey"`
	UserID    uuid.UUID `gorm:"primaryKey"`
	Role      Role
	CreatedAt time.Time
}
