package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// ErrHasPeople says that somebody belongs to the company already. Its owners invite
// others.
var ErrHasPeople = errors.New("company has people")

// InviteFirstOwner has a person invited by mail to be the first owner of a company to
// which nobody belongs, because a back end made it. It returns ErrHasPeople, ErrLocked,
// ErrNotFound if there is no such company or if the person cannot join one, or a
// ThrottledError.
func InviteFirstOwner(tx *gorm.DB, by Actor, companyID uuid.UUID, email string, now time.Time) error {
	invitation, err := firstOwner(tx, companyID, email)
	if err != nil {
		return err
	}
	if err := invitation.send(tx, nil, now); err != nil {
		return err
	}
	return invitation.auditFirst(tx, by, now)
}

// FirstOwnerLink is InviteFirstOwner without a mail. It returns the secret of the
// invitation's link, which the caller gives to the person.
func (a *Accounts) FirstOwnerLink(ctx context.Context, by Actor, companyID uuid.UUID, email string) (link secret.Value, err error) {
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		now := a.db.Now()
		invitation, err := firstOwner(tx, companyID, email)
		if err != nil {
			return err
		}
		if err := invitation.store(tx, nil, now); err != nil {
			return err
		}
		if link, err = MakeLink(tx, Link{Purpose: LinkInvitation, Email: email, SubjectID: &invitation.ID}, now); err != nil {
			return err
		}
		return invitation.auditFirst(tx, by, now)
	})
	if err != nil {
		return secret.Value{}, fmt.Errorf("invite first owner: %w", err)
	}
	return link, nil
}

// firstOwner returns the invitation of a person to a company without people: the one
// that waits for an answer, or a new one that is not stored.
func firstOwner(tx *gorm.DB, companyID uuid.UUID, email string) (Invitation, error) {
	invitation := Invitation{CompanyID: companyID, Email: email, Role: Owner}
	if err := database.ForUpdate(tx).Select("id").Where("id = ?", companyID).Take(&Company{}).Error; err != nil {
		return invitation, database.Found(err, "find company")
	}
	if err := StillOpen(tx, companyID); err != nil {
		return invitation, err
	}
	var people int64
	if err := tx.Model(&Membership{}).Where("company_id = ?", companyID).Count(&people).Error; err != nil {
		return invitation, fmt.Errorf("count people: %w", err)
	}
	if people > 0 {
		return invitation, ErrHasPeople
	}
	if _, err := invitedHolder(tx, email); err != nil {
		return invitation, err
	}
	err := tx.Where("company_id = ? AND email = ? AND accepted_at IS NULL AND withdrawn_at IS NULL", companyID, email).Take(&invitation).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return invitation, fmt.Errorf("find invitation: %w", err)
	}
	return invitation, nil
}

// auditFirst records that the first owner was invited.
func (i Invitation) auditFirst(tx *gorm.DB, by Actor, now time.Time) error {
	return by.AuditIn(tx, i.CompanyID, AuditInvited, i.ID, i.Email+" ("+string(i.Role)+")", now)
}
