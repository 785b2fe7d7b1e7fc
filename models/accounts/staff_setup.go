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

// setupLife is how long the link to choose a password works.
const setupLife = 48 * time.Hour

// letChoose lets a person choose a new password through a link. The old password,
// passkeys, and all sessions end. Nothing else about the account changes.
func (a *Accounts) letChoose(tx *gorm.DB, userID uuid.UUID, link secret.Value) error {
	err := tx.Model(&User{}).Where("id = ?", userID).Updates(map[string]any{
		"password_hash": "", "setup_hash": database.HashOf(link), "setup_until": a.db.Now().Add(setupLife),
	}).Error
	return errors.Join(err, forgetPasskeys(tx, userID), endSessions(tx, userID))
}

// SettingUp returns the account that a link sets up, or ErrNotFound if the link
// does not work or no longer works.
func (a *Accounts) SettingUp(ctx context.Context, link secret.Value) (User, error) {
	return settingUp(a.db.Read(ctx), link, a.db.Now())
}

// settingUp is SettingUp within a transaction, at a given time.
func settingUp(db *gorm.DB, link secret.Value, now time.Time) (User, error) {
	var user User
	if link.IsZero() {
		return user, database.ErrNotFound
	}
	err := db.Where("setup_hash = ? AND setup_until > ? AND disabled_at IS NULL", database.HashOf(link), now).Take(&user).Error
	return user, database.Found(err, "find link")
}

// SetUp sets the name and password of a link's account, and returns the account. A
// link works once: using it again returns ErrNotFound. The caller has checked the
// password with CheckPassword.
func (a *Accounts) SetUp(ctx context.Context, link secret.Value, name string, password secret.Value) (User, error) {
	person, err := a.SettingUp(ctx, link)
	if err != nil {
		return User{}, err
	}
	hash, err := a.hasher.hashInTurn(ctx, person.Email, password)
	if err != nil {
		return User{}, fmt.Errorf("set up account: %w", err)
	}
	var user User
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		if user, err = settingUp(database.ForUpdate(tx), link, a.db.Now()); err != nil {
			return err
		}
		user.Name, user.PasswordHash = name, hash
		user.SetupHash, user.SetupUntil = nil, nil
		if user.SessionEpoch, err = endOtherSessions(tx, user.ID); err != nil {
			return err
		}
		return tx.Select("*").Updates(&user).Error
	})
	if err != nil {
		return User{}, fmt.Errorf("set up account: %w", err)
	}
	return user, nil
}
