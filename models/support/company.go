package support

import (
	"context"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// CompanyView is a company as our staff see it.
type CompanyView struct {
	Company accounts.Company
	Members []Person
	// Invited are the invitations that wait for an answer.
	Invited     []accounts.Invitation
	Connections []models.Connection
	Keys        []accounts.APIKey
	// Events are the company's events that belong to no connection, newest first.
	Events []models.Event
	// Notes are about the company and its connections, newest first.
	Notes []Note
	// SignIns are the newest sign-ins of the company's people. Only admins get them.
	SignIns []accounts.SignInLine
}

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
	if err := s.viewed(ctx, staff, id); err != nil {
		return CompanyView{}, err
	}
	return v, nil
}

func (s *Support) lookAtCompany(ctx context.Context, id uuid.UUID) (v CompanyView, err error) {
	db := s.db.Read(ctx)
	if err := db.Where("id = ?", id).Take(&v.Company).Error; err != nil {
		return v, database.Found(err, "view company")
	}
	if v.Members, err = peopleOf(db, id, peopleShown); err != nil {
		return v, err
	}
	if v.Invited, err = invited(db, id); err != nil {
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
