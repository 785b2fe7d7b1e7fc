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

// IssuedPerson is a person whom the staff's own issuer has authenticated. Subject
// identifies the account at Issuer (OpenID Connect Core, section 2). An issuer may
// give an email to another person later, but never a subject.
type IssuedPerson struct {
	Issuer, Subject string
	Email           string
	// Name is empty if the issuer sends none, or none that may be shown.
	Name string
}

// staffIdentity is the account at the issuer that a staff member signs in with.
type staffIdentity struct {
	UserID          uuid.UUID `gorm:"primaryKey"`
	Issuer, Subject string
	PinnedAt        time.Time
}

// TableName returns the table's name, which gorm would spell differently.
func (staffIdentity) TableName() string { return "staff_identities" }

// StaffArrived returns the staff account of a person who comes from the issuer, or
// ErrNotFound. The email matters only the first time. That sign-in pins the account
// to the issuer and subject, which identify it from then on. If the email's account
// is pinned to another subject, StaffArrived returns ErrOtherIdentity together with
// that account. A person without a name gets the one from the issuer, if there is
// one.
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
		return user, fmt.Errorf("find staff from issuer: %w", err)
	}
	return user, nil
}

// pinned returns the account that is pinned to the person. If none is, it pins the
// account with the person's email.
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
	case identity.Issuer == p.Issuer && identity.Subject == p.Subject: // another request has pinned it in the meantime
		return user, nil
	}
	return user, ErrOtherIdentity
}

// forgetIdentity unpins a user, who may then sign in with another account at the
// issuer.
func forgetIdentity(tx *gorm.DB, userID uuid.UUID) error {
	if err := tx.Where("user_id = ?", userID).Delete(&staffIdentity{}).Error; err != nil {
		return fmt.Errorf("unpin staff from issuer: %w", err)
	}
	return nil
}
