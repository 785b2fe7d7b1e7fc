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

// setupLife is how long a link to choose a password works.
const setupLife = 48 * time.Hour

// letChoose lets somebody choose a new password by a link. The old one and all
// sessions end. Nothing else about the account changes.
func (a *Accounts) letChoose(tx *gorm.DB, userID uuid.UUID, link secret.Value) error {
	err := tx.Model(&User{}).Where("id = ?", userID).Updates(map[string]any{
		"password_hash": "", "setup_hash": database.HashOf(link), "setup_until": a.db.Now().Add(setupLife),
	}).Error
	return errors.Join(err, endSessions(tx, userID))
}

// SettingUp is the account whose password a link lets choose, or ErrNotFound.
func (a *Accounts) SettingUp(ctx context.Context, link secret.Value) (User, error) {
	return settingUp(a.db.Read(ctx), link, a.db.Now())
}

func settingUp(db *gorm.DB, link secret.Value, now time.Time) (User, error) {
	var user User
	if link.IsZero() {
		return user, database.ErrNotFound
	}
	err := db.Where("setup_hash = ? AND setup_until > ? AND disabled_at IS NULL", database.HashOf(link), now).Take(&user).Error
	return user, database.Found(err, "find link")
}

// SetUp gives the account of a link its name and password, and returns it. The
// link works once; a second use is ErrNotFound. CheckPassword has found the
// password fine.
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
		user.SessionEpoch++
		return tx.Select("*").Updates(&user).Error
	})
	if err != nil {
		return User{}, fmt.Errorf("set up account: %w", err)
	}
	return user, nil
}
