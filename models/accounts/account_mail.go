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

// AccountMailsKept is how long mails about accounts are kept.
const AccountMailsKept = 90 * 24 * time.Hour

// AccountMailSignInTries is the kind of mail that warns the owner of an account
// about many sign-in attempts.
const AccountMailSignInTries = "sign_in_tries"

// accountMail is a mail to the person whose account it is about. It contains no
// text that anybody typed.
type accountMail struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	UserID    uuid.UUID
	Kind      string
	Tries     int
	NextTryAt *time.Time
	SentAt    *time.Time
	CreatedAt time.Time
}

// tellOwner warns the person whose account it is, at most once a day, that
// strangers are making many attempts to sign in. An unknown email does the same
// work, except for the mail.
func (a *Accounts) tellOwner(ctx context.Context, email string, user User, strange int) error {
	if strange < signInAlarm.Tries {
		return nil
	}
	err := a.limited(ctx, []string{signInTold.key(email)}, func(tx *gorm.DB, now time.Time) error {
		if err := signInTold.Take(tx, email, now); err != nil {
			return err
		}
		if user.PasswordHash == "" { // no account, or one without a password
			return nil
		}
		mail := accountMail{ID: database.NewID(), UserID: user.ID, Kind: AccountMailSignInTries, NextTryAt: &now, CreatedAt: now}
		if err := tx.Create(&mail).Error; err != nil {
			return fmt.Errorf("queue mail: %w", err)
		}
		return nil
	})
	if _, told := errors.AsType[*ThrottledError](err); told {
		return nil
	}
	return err
}
