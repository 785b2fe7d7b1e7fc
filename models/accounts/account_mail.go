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

// AccountMailsKept is how long mails about accounts stay.
const AccountMailsKept = 90 * 24 * time.Hour

// AccountMailSignInTries is the kind of mail that tells of many tries to sign in.
const AccountMailSignInTries = "sign_in_tries"

// accountMail is a mail to the person whose account it is about. It holds no
// text that anybody wrote.
type accountMail struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	UserID    uuid.UUID
	Kind      string
	Tries     int
	NextTryAt *time.Time
	SentAt    *time.Time
	CreatedAt time.Time
}

// tellOwner writes to an account's owner, at most once a day, that strangers
// make many tries. For an unknown email it does the same but for the mail.
func (a *Accounts) tellOwner(ctx context.Context, email string, user User, strange int) error {
	if strange < signInAlarm.Tries {
		return nil
	}
	err := a.limited(ctx, []string{signInTold.key(email)}, func(tx *gorm.DB, now time.Time) error {
		if err := signInTold.Take(tx, email, now); err != nil {
			return err
		}
		if user.PasswordHash == "" { // nobody's, or one that cannot be signed in to yet
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
