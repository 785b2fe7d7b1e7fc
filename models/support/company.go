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
	// Events are those that belong to no connection, newest first.
	Events []models.Event
	// Notes are about the company and its connections, newest first.
	Notes []Note
	// SignIns are the newest of its people, for admins alone.
	SignIns []accounts.SignInLine
}

// CompanyMember is one of a company's people.
type CompanyMember struct {
	Name, Email string
	Role        accounts.Role
	DisabledAt  *time.Time
}

// membersShown bounds the people on a company's page.
const membersShown = 200

// Company is one company. That it was looked at is recorded.
func (d *Support) Company(ctx context.Context, staff accounts.Staff, id uuid.UUID) (CompanyView, error) {
	v, err := d.lookAtCompany(ctx, id)
	if err != nil {
		return CompanyView{}, err
	}
	if staff.Role == accounts.Admin {
		if v.SignIns, err = accounts.SignInsOf(d.db.Read(ctx), id.String()); err != nil {
			return CompanyView{}, err
		}
	}
	err = d.db.Write(ctx, func(tx *gorm.DB) error {
		return models.RecordSeries(tx, models.Event{
			CompanyID: id, Kind: models.EventStaffViewed, ActorName: ActorName, StaffName: staff.Name,
			SupportCode: staff.SupportCode, At: d.db.Now(),
		})
	})
	if err != nil {
		return CompanyView{}, fmt.Errorf("record view: %w", err)
	}
	return v, nil
}

func (d *Support) lookAtCompany(ctx context.Context, id uuid.UUID) (v CompanyView, err error) {
	db := d.db.Read(ctx)
	if err := db.Where("id = ?", id).Take(&v.Company).Error; err != nil {
		return v, database.Found(err, "view company")
	}
	if v.Members, err = membersOf(db, id, membersShown); err != nil {
		return v, err
	}
	if v.Connections, err = d.connections.List(ctx, id); err != nil {
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

// membersOf are a company's people, owners first.
func membersOf(db *gorm.DB, companyID uuid.UUID, limit int) ([]CompanyMember, error) {
	var list []CompanyMember
	err := db.Table("memberships m").Select("u.name, u.email, m.role, u.disabled_at").Joins("JOIN users u ON u.id = m.user_id").
		Where("m.company_id = ?", companyID).Order("m.role DESC, u.name, u.id").Limit(limit).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("view members: %w", err)
	}
	return list, nil
}
