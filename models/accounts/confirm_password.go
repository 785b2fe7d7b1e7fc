package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// confirmPerAccount limits wrong passwords that a signed-in person enters. Only a
// session of the account can count here, so strangers cannot lock its owner out.
var confirmPerAccount = Limit{"confirm-account", 10, 15 * time.Minute}

// ConfirmPassword checks the password of a signed-in person before a change to how
// they sign in. It returns ErrWrongCredentials, a ThrottledError, or a BusyError.
func (a *Accounts) ConfirmPassword(ctx context.Context, userID uuid.UUID, password secret.Value) error {
	key := userID.String()
	if !hashable(password) {
		password = secret.Value{}
	}
	err := a.limited(ctx, []string{confirmPerAccount.key(key)}, func(tx *gorm.DB, now time.Time) error { return confirmPerAccount.Take(tx, key, now) })
	if err != nil {
		return err
	}
	var user User
	err = a.db.Read(ctx).Where("id = ? AND disabled_at IS NULL", userID).Take(&user).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return fmt.Errorf("confirm password: %w", err)
	}
	done, err := a.hasher.queue.Turn(ctx, hashAsker{key: key, known: true})
	if err != nil {
		return fmt.Errorf("confirm password: %w", err)
	}
	defer done()
	switch matches, err := a.hasher.matches(password, user.PasswordHash); {
	case err != nil:
		return fmt.Errorf("confirm password: %w", err)
	case !matches:
		return ErrWrongCredentials
	}
	return a.db.Write(ctx, func(tx *gorm.DB) error { return confirmPerAccount.forget(tx, key) })
}

// HasPassword reports whether a person has a password of ours.
func (a *Accounts) HasPassword(ctx context.Context, userID uuid.UUID) (bool, error) {
	var n int64
	if err := a.db.Read(ctx).Model(&User{}).Where("id = ? AND password_hash <> ''", userID).Count(&n).Error; err != nil {
		return false, fmt.Errorf("find password: %w", err)
	}
	return n > 0, nil
}
