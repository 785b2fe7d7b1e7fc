package accounts

import (
	"time"

	"github.com/google/uuid"
)

// Role says what a member may do in a company.
type Role string

const (
	// Owner may do what a member may, and also disconnect and manage people.
	Owner Role = "owner"
	// Member may connect, test, and reconnect.
	Member Role = "member"
)

// Label returns the role's name as pages show it.
func (r Role) Label() string {
	if r == Owner {
		return "Owner"
	}
	return "Member"
}

// Company is a customer of ours. No company sees another's data.
type Company struct {
	ID   uuid.UUID `gorm:"primaryKey"`
	Name string
	// Reference is the ID that the operator's back end gives the company, of at most
	// 255 bytes; empty if it gives none. No two companies have the same.
	Reference string
	CreatedAt time.Time
	// LockedAt is when staff locked the company, or nil. People and programs of a
	// locked company have no access. LockedByName is the staff member who locked
	// it, and LockReason is what they gave as the reason.
	LockedAt     *time.Time
	LockedByName string
	LockReason   string
	// TimeZone is the name of the zone in which the company's people see times.
	TimeZone string
	// DeletionAt is when the company will be deleted, or nil. DeletionByID is the
	// owner who asked for it. DeletedAt is when the deletion began, or nil. Nobody
	// has access to the company from then on.
	DeletionAt   *time.Time
	DeletionByID *uuid.UUID
	DeletedAt    *time.Time
}

// Zone returns the zone in which the company's people see times.
func (c Company) Zone() *time.Location { return Location(c.TimeZone) }

// LockedCompanies is a query for the IDs of all locked companies. There are few,
// and an index finds them.
const LockedCompanies = "SELECT id FROM companies WHERE locked_at IS NOT NULL"

// User is a person. A membership connects a user to a company.
type User struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	Email        string
	Name         string
	PasswordHash string
	// SessionEpoch invalidates every session that began under a smaller number.
	SessionEpoch int
	// StaffRole is empty for everybody except our staff, who belong to no company.
	StaffRole  StaffRole
	DisabledAt *time.Time
	// ProvenAt is when the person proved that they receive mail at Email, or nil.
	// Nothing but a request for that proof is mailed to an unproven address.
	ProvenAt *time.Time
	// NewEmail is the address to which the person wants to move. It is empty once
	// they have proved it.
	NewEmail string
	// LastSignInAt is nil for a person who has never signed in.
	LastSignInAt *time.Time
	CreatedAt    time.Time
}

// Membership allows a user to act for a company.
type Membership struct {
	CompanyID uuid.UUID `gorm:"primaryKey"`
	UserID    uuid.UUID `gorm:"primaryKey"`
	Role      Role
	// IncidentMails says whether the person gets mails about incidents. If it is
	// nil, owners get them and members do not.
	IncidentMails *bool
	CreatedAt     time.Time
	// UsedAt is when the person last chose the company. It is nil if they never had
	// to choose.
	UsedAt *time.Time
}
