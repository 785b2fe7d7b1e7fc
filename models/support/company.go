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

// CompanyView is a company as our staff see it.
type CompanyView struct {
	Company     accounts.Company
	Members     []CompanyMember
	Connections []models.Connection
	Keys        []accounts.APIKey
	// Events are the company's events that belong to no connection, newest first.
	Events []models.Event
	// Notes are about the company and its connections, newest first.
	Notes []Note
	// SignIns are the newest sign-ins of the company's people. Only admins get them.
	SignIns []accounts.SignInLine
}

// CompanyMember is a member of a company.
type CompanyMember struct {
	Name, Email string
	Role        accounts.Role
	DisabledAt  *time.Time
}

// membersShown is the most members on a company's page.
const membersShown = 200

// Company returns one company, or ErrNotFound. It records that staff looked at the
// company.
func (s *Support) Company(ctx context.Context, staff accounts.Staff, id uuid.UUID) (CompanyView, error) {
	v, err := s.lookAtCompany(ctx, id)
	if err != nil {
		return CompanyView{}, err
	}
	if staff.Role == accounts.Admin {
		if v.SignIns, err = accounts.SignInsOf(s.db.Read(ctx), id.String()); err != nil {
			return CompanyView{}, err
		}
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		return models.RecordSeries(tx, models.Event{
			CompanyID: id, Kind: models.EventStaffViewed, ActorName: ActorName, StaffName: staff.Name,
			SupportCode: staff.SupportCode, At: s.db.Now(),
		})
	})
	if err != nil {
		return CompanyView{}, fmt.Errorf("record view: %w", err)
	}
	return v, nil
}

func (s *Support) lookAtCompany(ctx context.Context, id uuid.UUID) (v CompanyView, err error) {
	db := s.db.Read(ctx)
	if err := db.Where("id = ?", id).Take(&v.Company).Error; err != nil {
		return v, database.Found(err, "view company")
	}
	if v.Members, err = membersOf(db, id, membersShown); err != nil {
		return v, err
	}
	if v.Connections, err = s.connections.List(ctx, id); err != nil {
		return v, err
	}
	if v.Keys, err = keysOf(db, id); err != nil {
		return v, err
	}
	if v.Events, _, err = eventsBefore(db.Where("company_id = ? AND connection_id IS NULL AND kind <> 'staff_viewed'", id), nil); err != nil {
		return v, err
	}
	v.Notes, err = notes(db, "company_id = ?", id, notesShown)
	return v, err
}

// membersOf returns a company's members, owners first.
func membersOf(db *gorm.DB, companyID uuid.UUID, limit int) ([]CompanyMember, error) {
	var members []CompanyMember
	err := db.Table("memberships m").Select("u.name, u.email, m.role, u.disabled_at").Joins("JOIN users u ON u.id = m.user_id").
		Where("m.company_id = ?", companyID).Order("m.role DESC, u.name, u.id").Limit(limit).Find(&members).Error
	if err != nil {
		return nil, fmt.Errorf("view members: %w", err)
	}
	return members, nil
}
