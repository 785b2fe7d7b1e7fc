package accounts

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// LinkPurpose is the one thing that a link can be used for.
type LinkPurpose string

// All purposes of links. The database stores their values.
const (
	// LinkVerify proves an address and creates an account for it.
	LinkVerify LinkPurpose = "verify"
	// LinkReset lets a person choose a new password.
	LinkReset LinkPurpose = "reset"
	// LinkStaffSetup lets a staff member choose a password.
	LinkStaffSetup LinkPurpose = "staff_setup"
	// LinkEmail proves the new address of an account.
	LinkEmail LinkPurpose = "email"
	// LinkInvitation lets a person join a company.
	LinkInvitation LinkPurpose = "invitation"
	// LinkAsk lets a ServiceTitan admin connect for a company.
	LinkAsk LinkPurpose = "ask"
	// LinkConnectSession lets somebody connect whom a back end has sent.
	LinkConnectSession LinkPurpose = "connect_session"
)

// Life returns how long a link for the purpose works.
func (p LinkPurpose) Life() time.Duration {
	switch p {
	case LinkReset, LinkConnectSession:
		return 30 * time.Minute
	case LinkStaffSetup:
		return 48 * time.Hour
	case LinkAsk:
		return 72 * time.Hour
	case LinkVerify, LinkEmail, LinkInvitation:
	}
	return 7 * 24 * time.Hour
}

// Link is a one-time link. Its secret is in the address that the person opens. The
// database has only the secret's hash.
type Link struct {
	ID         uuid.UUID `gorm:"primaryKey"`
	Purpose    LinkPurpose
	SecretHash []byte
	// Email is the address that the link was made for. It is empty if the link is
	// for nobody in particular.
	Email string
	// UserID is the account that the link is about, if there is one.
	UserID *uuid.UUID
	// SubjectID is what the link acts on, such as an invitation.
	SubjectID *uuid.UUID
	// CompanyName is the name that an operator suggests for a new company.
	CompanyName string
	CreatedAt   time.Time
	ExpiresAt   time.Time
	UsedAt      *time.Time
}

// MakeLink stores a link and returns its secret. The caller sets Purpose, and the
// fields that say whom and what the link is for.
func MakeLink(tx *gorm.DB, link Link, now time.Time) (secret.Value, error) {
	value := secret.New(rand.Text())
	link.ID, link.SecretHash = database.NewID(), database.HashOf(value)
	link.CreatedAt, link.ExpiresAt, link.UsedAt = now, now.Add(link.Purpose.Life()), nil
	if err := tx.Create(&link).Error; err != nil {
		return secret.Value{}, fmt.Errorf("make %s link: %w", link.Purpose, err)
	}
	return value, nil
}

// FindLink returns the link with a secret. It returns ErrNotFound if there is none,
// if it has another purpose, or if it was used or has expired.
func FindLink(db *gorm.DB, purpose LinkPurpose, value secret.Value, now time.Time) (Link, error) {
	var link Link
	if value.IsZero() {
		return link, database.ErrNotFound
	}
	err := db.Where("secret_hash = ? AND purpose = ? AND used_at IS NULL AND expires_at > ?", database.HashOf(value), purpose, now).Take(&link).Error
	return link, database.Found(err, "find link")
}

// UseLink uses a link up and returns it. Of several requests at the same time, one
// gets the link and the others get ErrNotFound, as they do for a link that
// FindLink does not find.
func UseLink(tx *gorm.DB, purpose LinkPurpose, value secret.Value, now time.Time) (Link, error) {
	link, err := FindLink(tx, purpose, value, now)
	if err != nil {
		return link, err
	}
	used := tx.Model(&Link{}).Where("id = ? AND used_at IS NULL", link.ID).Update("used_at", now)
	if used.Error != nil {
		return link, fmt.Errorf("use link: %w", used.Error)
	}
	if used.RowsAffected == 0 {
		return link, database.ErrNotFound
	}
	return link, nil
}

// EndLinks ends the links for a purpose whose column, which is user_id, subject_id,
// or email, has a value.
func EndLinks(tx *gorm.DB, purpose LinkPurpose, column string, value any) error {
	err := tx.Where("purpose = ? AND used_at IS NULL", purpose).Where(map[string]any{column: value}).Delete(&Link{}).Error
	if err != nil {
		return fmt.Errorf("end %s links: %w", purpose, err)
	}
	return nil
}
