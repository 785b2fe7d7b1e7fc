package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// IssuedPerson is whom the staff's own issuer vouches for: the account that
// Subject names at Issuer (OpenID Connect Core, section 2). An email may be given
// to somebody else later; a subject never is.
type IssuedPerson struct {
	Issuer, Subject string
	Email           string
	// Name is empty if there is none that can be shown.
	Name string
}

// staffIdentity is the account at their issuer that one of staff signs in with.
type staffIdentity struct {
	UserID          uuid.UUID `gorm:"primaryKey"`
	Issuer, Subject string
	PinnedAt        time.Time
}

// TableName is as the migration has it.
func (staffIdentity) TableName() string { return "staff_identities" }

// StaffArrived is the staff account of a person for whom the issuer vouches, or
// ErrNotFound. The email counts once: at the first arrival, the account is pinned
// to issuer and subject, and from then on they alone decide. An email that
// arrives with another subject than its account is pinned to is ErrOtherIdentity,
// beside whose account it is. Who has no name yet gets the one that the issuer
// knows, if it does.
func (a *Accounts) StaffArrived(ctx context.Context, p IssuedPerson) (User, error) {
	var user User
	err := a.db.Write(ctx, func(tx *gorm.DB) (err error) {
		if user, err = a.pinned(tx, p); err != nil {
			return err
		}
		if p.Name == "" || user.Name != user.Email {
			return nil
		}
		user.Name = p.Name
		return tx.Model(&User{}).Where("id = ?", user.ID).Update("name", p.Name).Error
	})
	if err != nil {
		return user, fmt.Errorf("staff arrived: %w", err)
	}
	return user, nil
}

// pinned is whose account the person has, who is pinned to it if nobody is yet.
func (a *Accounts) pinned(tx *gorm.DB, p IssuedPerson) (User, error) {
	var user User
	var identity staffIdentity
	err := tx.Where("issuer = ? AND subject = ?", p.Issuer, p.Subject).Take(&identity).Error
	if err == nil {
		err = database.ForUpdate(tx).Where("id = ? AND staff_role <> '' AND disabled_at IS NULL", identity.UserID).Take(&user).Error
		return user, database.Found(err, "find staff")
	}
	if !errors.Is(err, gorm.ErrRecordNotFound) {
		return user, err
	}
	if err := database.ForUpdate(tx).Where("email = ? AND staff_role <> '' AND disabled_at IS NULL", p.Email).Take(&user).Error; err != nil {
		return user, database.Found(err, "find staff")
	}
	err = tx.Where("user_id = ?", user.ID).Take(&identity).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return user, tx.Create(&staffIdentity{UserID: user.ID, Issuer: p.Issuer, Subject: p.Subject, PinnedAt: a.db.Now()}).Error
	case err != nil:
		return user, err
	case identity.Issuer == p.Issuer && identity.Subject == p.Subject: // pinned by another request meanwhile
		return user, nil
	}
	return user, ErrOtherIdentity
}

func forgetIdentity(tx *gorm.DB, userID uuid.UUID) error {
	if err := tx.Where("user_id = ?", userID).Delete(&staffIdentity{}).Error; err != nil {
		return fmt.Errorf("forget identity: %w", err)
	}
	return nil
}
