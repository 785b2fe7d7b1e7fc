package demo

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Person identifies somebody whom the demo has made up.
type Person struct {
	// CompanyID is uuid.Nil for staff.
	UserID, CompanyID uuid.UUID
	Epoch             int
}

// Person finds somebody by the address with which they sign in, in the company that they
// joined first. It returns database.ErrNotFound if there is nobody, for example because a
// visitor has changed the address.
func (d *Demo) Person(ctx context.Context, email string) (Person, error) {
	var list []struct {
		ID           uuid.UUID
		SessionEpoch int
		CompanyID    *uuid.UUID
	}
	err := d.db.Read(ctx).Raw(`SELECT u.id, u.session_epoch, m.company_id FROM users u LEFT JOIN memberships m ON m.user_id = u.id
		WHERE u.email = ? AND u.disabled_at IS NULL ORDER BY m.created_at, m.company_id LIMIT 1`, email).Scan(&list).Error
	if err == nil && len(list) == 0 {
		err = database.ErrNotFound
	}
	if err != nil {
		return Person{}, fmt.Errorf("find person of the demo: %w", err)
	}
	p := Person{UserID: list[0].ID, Epoch: list[0].SessionEpoch}
	if list[0].CompanyID != nil {
		p.CompanyID = *list[0].CompanyID
	}
	return p, nil
}
