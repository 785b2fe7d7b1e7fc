package support

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// Person is somebody who belongs to a company, as our staff see them. Nobody sees a
// password.
type Person struct {
	UserID      uuid.UUID
	Name, Email string
	Role        accounts.Role
	CreatedAt   time.Time
	// ProvenAt is nil for a person who has not proved that they receive mail at
	// the address.
	ProvenAt     *time.Time
	LastSignInAt *time.Time
	DisabledAt   *time.Time
	// Factor says that the person enters a code after the password. Passkey says
	// that they have a passkey.
	Factor, Passkey bool
}

// PersonView is a person of a company, with what staff need in order to decide.
type PersonView struct {
	Person
	Company accounts.Company
	// Others are the names of other companies that the person belongs to.
	Others []string
	// Alone are the names of the companies in which no other owner has access.
	Alone []string
	// Done is what support did to the account, newest first.
	Done []DoneToPerson
}

// DoneToPerson is a change that staff made to a person's account.
type DoneToPerson struct {
	Action      accounts.AuditAction
	At          time.Time
	StaffName   string
	SupportCode string
}

const (
	// peopleShown is the most people on a company's page.
	peopleShown = 200
	// companiesNamed is the most companies that a person's page names.
	companiesNamed = 20
	// doneShown is the most changes that a person's page lists.
	doneShown = 20
)

// personChanges limits how many accounts of companies a staff member can change.
var personChanges = accounts.Limit{Name: "staff-person", Tries: 60, Per: time.Hour}

// peopleOf returns a company's people, owners first.
func peopleOf(db *gorm.DB, companyID uuid.UUID, limit int) ([]Person, error) {
	var people []Person
	err := db.Table("memberships m").Select(`u.id AS user_id, u.name, u.email, m.role, u.created_at, u.proven_at, u.last_sign_in_at, u.disabled_at,
		EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS factor,
		EXISTS (SELECT 1 FROM passkeys k WHERE k.user_id = u.id) AS passkey`).
		Joins("JOIN users u ON u.id = m.user_id").Where("m.company_id = ?", companyID).Order("m.role DESC, u.name, u.id").Limit(limit).Find(&people).Error
	if err != nil {
		return nil, fmt.Errorf("view people: %w", err)
	}
	return people, nil
}

// Person returns a person of a company, or ErrNotFound. It records that staff looked
// at the company.
func (s *Support) Person(ctx context.Context, staff accounts.Staff, companyID, userID uuid.UUID) (v PersonView, err error) {
	db := s.db.Read(ctx)
	people, err := peopleOf(db.Where("u.id = ?", userID), companyID, 1)
	switch {
	case err != nil:
		return v, err
	case len(people) == 0:
		return v, database.ErrNotFound
	}
	v.Person = people[0]
	if err := db.Where("id = ?", companyID).Take(&v.Company).Error; err != nil {
		return v, database.Found(err, "view company")
	}
	if v.Others, err = companyNames(db.Where("m.company_id <> ?", companyID), userID); err != nil {
		return v, err
	}
	if v.Alone, err = companyNames(db.Where(`m.role = ? AND NOT EXISTS (SELECT 1 FROM memberships o JOIN users u ON u.id = o.user_id
		WHERE o.company_id = m.company_id AND o.role = ? AND o.user_id <> m.user_id AND u.disabled_at IS NULL)`, accounts.Owner, accounts.Owner), userID); err != nil {
		return v, err
	}
	err = db.Table("audit_records r").Select("r.action, r.at, s.name AS staff_name, r.support_code").Joins("JOIN users s ON s.id = r.actor_id AND s.staff_role <> ''").
		Where("r.company_id = ? AND r.target_id = ?", companyID, userID).Order("r.id DESC").Limit(doneShown).Find(&v.Done).Error
	if err != nil {
		return v, fmt.Errorf("view changes: %w", err)
	}
	return v, s.viewed(ctx, staff, companyID)
}

// companyNames returns the names of the companies of a person that a condition
// selects.
func companyNames(db *gorm.DB, userID uuid.UUID) ([]string, error) {
	var names []string
	err := db.Table("memberships m").Joins("JOIN companies c ON c.id = m.company_id").Where("m.user_id = ?", userID).
		Order("c.name").Limit(companiesNamed).Pluck("c.name", &names).Error
	if err != nil {
		return nil, fmt.Errorf("name companies: %w", err)
	}
	return names, nil
}

// viewed records that staff looked at a company.
func (s *Support) viewed(ctx context.Context, staff accounts.Staff, companyID uuid.UUID) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		return models.RecordSeries(tx, models.Event{
			CompanyID: companyID, Kind: models.EventStaffViewed, ActorName: ActorName, StaffName: staff.Name,
			SupportCode: staff.SupportCode, At: s.db.Now(),
		})
	})
	if err != nil {
		return fmt.Errorf("record view: %w", err)
	}
	return nil
}

// EndSessions signs a person out on all devices.
func (s *Support) EndSessions(ctx context.Context, staff accounts.Staff, companyID, userID uuid.UUID) error {
	return s.changePerson(ctx, staff, func(tx *gorm.DB, now time.Time) error {
		return accounts.EndMemberSessions(tx, actor(staff), companyID, userID, now)
	})
}

// StartReset has a link mailed to a person, by which they choose a new password.
// Staff never see the link.
func (s *Support) StartReset(ctx context.Context, staff accounts.Staff, companyID, userID uuid.UUID) error {
	return s.changePerson(ctx, staff, func(tx *gorm.DB, now time.Time) error {
		return accounts.StartReset(tx, actor(staff), companyID, userID, now)
	})
}

// ResendInvitation sends a company's invitation again.
func (s *Support) ResendInvitation(ctx context.Context, staff accounts.Staff, companyID, id uuid.UUID) error {
	return s.changePerson(ctx, staff, func(tx *gorm.DB, now time.Time) error {
		return accounts.SendInvitationAgain(tx, actor(staff), companyID, id, now)
	})
}

// InviteFirstOwner has the first owner of a company invited to which nobody belongs. It
// returns ErrForbidden if the staff member is not an admin, and the errors of
// accounts.InviteFirstOwner.
func (s *Support) InviteFirstOwner(ctx context.Context, staff accounts.Staff, companyID uuid.UUID, email string) error {
	if staff.Role != accounts.Admin {
		return accounts.ErrForbidden
	}
	return s.changePerson(ctx, staff, func(tx *gorm.DB, now time.Time) error {
		return accounts.InviteFirstOwner(tx, actor(staff), companyID, email, now)
	})
}

// invited returns the invitations of a company that wait for an answer, also those
// that have expired.
func invited(db *gorm.DB, companyID uuid.UUID) ([]accounts.Invitation, error) {
	var waiting []accounts.Invitation
	err := db.Where("company_id = ? AND accepted_at IS NULL AND withdrawn_at IS NULL", companyID).Order("email").Limit(peopleShown).Find(&waiting).Error
	if err != nil {
		return nil, fmt.Errorf("view invitations: %w", err)
	}
	return waiting, nil
}

// Disable takes a person's access away, in all their companies. The reason is kept
// as a note about the company. The caller has checked it with ParseNote. Disable
// returns ErrForbidden if the staff member is not an admin. Disabling twice has no
// further effect.
func (s *Support) Disable(ctx context.Context, staff accounts.Staff, companyID, userID uuid.UUID, reason string) error {
	return s.setAccess(ctx, staff, companyID, reason, func(tx *gorm.DB, now time.Time) (bool, error) {
		return accounts.DisableMember(tx, actor(staff), companyID, userID, now)
	})
}

// Enable ends the effect of Disable. It needs the same role and keeps the reason in
// the same way.
func (s *Support) Enable(ctx context.Context, staff accounts.Staff, companyID, userID uuid.UUID, reason string) error {
	return s.setAccess(ctx, staff, companyID, reason, func(tx *gorm.DB, now time.Time) (bool, error) {
		return accounts.EnableMember(tx, actor(staff), companyID, userID, now)
	})
}

func (s *Support) setAccess(ctx context.Context, staff accounts.Staff, companyID uuid.UUID, reason string, change func(*gorm.DB, time.Time) (bool, error)) error {
	if staff.Role != accounts.Admin {
		return accounts.ErrForbidden
	}
	return s.changePerson(ctx, staff, func(tx *gorm.DB, now time.Time) error {
		if err := accounts.HoldAdmin(tx, staff); err != nil {
			return err
		}
		changed, err := change(tx, now)
		if err != nil || !changed {
			return err
		}
		return addNote(tx, staff, Note{CompanyID: companyID, Text: reason, CreatedAt: now})
	})
}

func (s *Support) changePerson(ctx context.Context, staff accounts.Staff, change func(*gorm.DB, time.Time) error) error {
	db := s.db
	err := db.Write(ctx, func(tx *gorm.DB) error {
		now := db.Now()
		if err := personChanges.Take(tx, staff.UserID.String(), now); err != nil {
			return err
		}
		return change(tx, now)
	})
	if err != nil {
		return fmt.Errorf("change account: %w", err)
	}
	return nil
}
