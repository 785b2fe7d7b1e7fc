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

// SignIn is a try to sign in.
type SignIn struct {
	Email    string // as typed
	Password secret.Value
	Address  string // of the browser
	Device   string // what Device returned for this browser, if anything
	// NoStaff refuses our staff, who sign in elsewhere, as if the password were
	// wrong.
	NoStaff bool
}

// SignedIn is who signed in, and for which company.
type SignedIn struct {
	User      User
	CompanyID uuid.UUID
}

// SignIn checks email and password. An unknown email and a wrong password give
// the same ErrWrongCredentials after the same work. Too many tries give a
// ThrottledError, even with the right password, and too many at once a BusyError.
func (a *Accounts) SignIn(ctx context.Context, s SignIn) (SignedIn, error) {
	email, ok := ParseEmail(s.Email)
	if !ok || len(s.Password.Reveal()) > maxPasswordBytes {
		email, s.Password = "", secret.Value{}
	}
	attempt := signInAttempt{Email: email, Address: s.Address, device: a.deviceName(email, s.Device)}
	// What is refused anyway neither waits for a turn nor takes one.
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

// signIn is a attempt whose turn has come. That it works with the database in its
// turn keeps a flood of tries from taking all connections to it.
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
	var membership Membership
	err = a.db.Read(ctx).Where("user_id = ?", user.ID).Order("created_at").Take(&membership).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return SignedIn{}, err
	}
	if err := a.limited(ctx, nil, attempt.Worked); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{User: user, CompanyID: membership.CompanyID}, nil
}
