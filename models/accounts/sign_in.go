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

// SignIn is an attempt to sign in.
type SignIn struct {
	Email    string // as typed
	Password secret.Value
	Address  string // of the browser
	Device   string // returned by DeviceCookie for this browser, or empty
	// NoStaff refuses staff as if the password were wrong. It is for deployments
	// whose staff sign in elsewhere.
	NoStaff bool
}

// SignedIn is who signed in, and for which company. CompanyID is uuid.Nil for
// staff.
type SignedIn struct {
	User      User
	CompanyID uuid.UUID
}

// SignIn checks an email and a password. An unknown email and a wrong password both
// return ErrWrongCredentials after the same amount of work. Too many attempts
// return a ThrottledError, even if the password is right. Too many at the same time
// return a BusyError.
func (a *Accounts) SignIn(ctx context.Context, s SignIn) (SignedIn, error) {
	email, ok := ParseEmail(s.Email)
	if !ok || !hashable(s.Password) {
		email, s.Password = "", secret.Value{}
	}
	device, err := a.deviceName(ctx, email, s.Device)
	if err != nil {
		return SignedIn{}, err
	}
	attempt := signInAttempt{Email: email, Address: s.Address, device: device}
	// An attempt that will be refused anyway neither waits for a turn nor takes
	// one.
	if err := a.refusals.Check(a.db.Now(), attempt.keys()...); err != nil {
		return SignedIn{}, err
	}
	done, err := a.hasher.queue.Turn(ctx, attempt.asker())
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	defer done()
	in, err := a.signIn(ctx, attempt, s)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	return in, nil
}

// signIn makes an attempt whose turn has come. It reads and writes the database
// within the turn, so that a flood of attempts cannot take all database
// connections.
func (a *Accounts) signIn(ctx context.Context, attempt signInAttempt, s SignIn) (SignedIn, error) {
	var strange int
	err := a.limited(ctx, attempt.keys(), func(tx *gorm.DB, now time.Time) (err error) {
		strange, err = attempt.Count(tx, now)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	var user User
	err = a.db.Read(ctx).Where("email = ? AND disabled_at IS NULL", attempt.Email).Take(&user).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return SignedIn{}, err
	}
	matches, err := a.hasher.matches(s.Password, user.PasswordHash)
	if err != nil {
		return SignedIn{}, err
	}
	if !matches || (s.NoStaff && user.StaffRole != "") {
		if err := a.tellOwner(ctx, attempt.Email, user, strange); err != nil {
			return SignedIn{}, err
		}
		return SignedIn{}, ErrWrongCredentials
	}
	companyID, err := a.LastCompany(ctx, user.ID)
	if err != nil {
		return SignedIn{}, err
	}
	if err := a.limited(ctx, nil, attempt.Worked); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{User: user, CompanyID: companyID}, nil
}
