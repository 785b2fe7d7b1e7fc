package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Visitor is a signed-in person, with what pages show of them.
type Visitor struct {
	UserID uuid.UUID
	Name   string
	Email  string
	// Proven says that the person has proved the address.
	Proven      bool
	CompanyID   uuid.UUID
	CompanyName string
	Role        Role
	// TimeZone is the name of the company's time zone.
	TimeZone string
	// DeletionAt is when the company will be deleted, or nil.
	DeletionAt *time.Time
	// Companies lists the companies that the person can switch to, if they belong
	// to several.
	Companies []CompanyChoice
	// HasFactor says that the person has a second factor, which a session has to pass
	// before it may open any page of the company.
	HasFactor bool
	// Epoch is the epoch of the session that makes the request.
	Epoch int
	// SupportCode identifies the request in the timeline and in the log.
	SupportCode string
}

// Actor returns the visitor as the person who does something.
func (v Visitor) Actor() Actor {
	return Actor{UserID: v.UserID, Name: v.Name, SupportCode: v.SupportCode}
}

// Zone returns the zone in which the visitor sees times.
func (v Visitor) Zone() *time.Location { return Location(v.TimeZone) }

// Owns reports whether the visitor may do what only owners may.
func (v Visitor) Owns() bool { return v.Role == Owner }

// Visitor returns the person behind a session, as they are now. It returns
// ErrSignedOut if the session is no longer valid. It returns ErrNoMembership if the
// person no longer belongs to the company or the company is being deleted, and
// ErrLocked if the company is locked. With these two it returns the visitor as well.
func (a *Accounts) Visitor(ctx context.Context, userID, companyID uuid.UUID, epoch int) (Visitor, error) {
	p, err := readPrincipal(ctx, a.db, userID)
	if err != nil {
		return Visitor{}, err
	}
	return p.visitor(companyID, epoch)
}

// OwnerNames returns the names of up to five owners of a company, for a member who
// needs an owner's help.
func (a *Accounts) OwnerNames(ctx context.Context, companyID uuid.UUID) ([]string, error) {
	var names []string
	err := a.db.Read(ctx).Raw(`SELECT u.name FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.company_id = ? AND m.role = ? AND u.disabled_at IS NULL ORDER BY u.name LIMIT 5`, companyID, Owner).Scan(&names).Error
	if err != nil {
		return nil, fmt.Errorf("list owners: %w", err)
	}
	return names, nil
}
