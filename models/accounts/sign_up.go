package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// SignUp is what the first owner of a new company enters. The caller has parsed the
// names with ParseName and checked Password with CheckPassword.
type SignUp struct {
	Company, Name, Email string
	Password             secret.Value
	// TimeZone is the name of the browser's time zone. It may be any text.
	TimeZone string
	Address  string // of the browser
}

// SigningUp returns the link by which a person proves an address, or ErrNotFound. A
// link with a UserID is for a person who has an account.
func (a *Accounts) SigningUp(ctx context.Context, value secret.Value) (Link, error) {
	return FindLink(a.db.Read(ctx), LinkVerify, value, a.db.Now())
}

// FinishSignUp uses up a link that was mailed to an address, and creates a company
// and its first owner with that address. An account that has the address without
// having proved it loses it. FinishSignUp returns ErrNotFound if the link does not
// work, and ErrEmailTaken if a proven account has the address by now.
func (a *Accounts) FinishSignUp(ctx context.Context, value secret.Value, s SignUp) (User, Company, error) {
	link, err := a.SigningUp(ctx, value)
	if err != nil {
		return User{}, Company{}, err
	}
	s.Email = link.Email
	return a.createOwner(ctx, s, func(tx *gorm.DB, now time.Time) error {
		link, err := UseLink(tx, LinkVerify, value, now)
		if err != nil {
			return err
		}
		if link.UserID != nil || link.Email != s.Email {
			return database.ErrNotFound
		}
		return EndLinks(tx, LinkVerify, "email", link.Email)
	})
}

// SignUp creates a company and its first owner for a caller who vouches for the
// address. It returns ErrEmailTaken if a proven account has the address.
func (a *Accounts) SignUp(ctx context.Context, s SignUp) (User, Company, error) {
	return a.createOwner(ctx, s, func(*gorm.DB, time.Time) error { return nil })
}

// createOwner creates a company and its first owner, in one transaction with prove.
func (a *Accounts) createOwner(ctx context.Context, s SignUp, prove func(*gorm.DB, time.Time) error) (User, Company, error) {
	done, err := a.hasher.queue.Turn(ctx, hashAsker{key: s.Address})
	if err != nil {
		return User{}, Company{}, fmt.Errorf("sign up: %w", err)
	}
	defer done()
	hash, err := a.hasher.hash(s.Password)
	if err != nil {
		return User{}, Company{}, fmt.Errorf("sign up: %w", err)
	}
	now := a.db.Now()
	company := Company{ID: database.NewID(), Name: s.Company, TimeZone: BrowserTimeZone(s.TimeZone), CreatedAt: now}
	user := User{ID: database.NewID(), Email: s.Email, Name: s.Name, PasswordHash: hash, ProvenAt: &now, CreatedAt: now}
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		holder, taken, err := holderOf(tx, s.Email)
		if err != nil {
			return err
		}
		if err := prove(tx, now); err != nil {
			return err
		}
		if taken && !holder.unproven() {
			return ErrEmailTaken
		}
		if taken {
			if err := releaseAddress(tx, holder, now); err != nil {
				return err
			}
		}
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		if err := CreateCompany(tx, &company); err != nil {
			return err
		}
		return tx.Create(&Membership{CompanyID: company.ID, UserID: user.ID, Role: Owner, CreatedAt: now}).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = ErrEmailTaken
	}
	if err != nil {
		return User{}, Company{}, fmt.Errorf("sign up: %w", err)
	}
	return user, company, nil
}

// InviteOwner returns the secret of a link by which somebody creates a company and
// becomes its owner, without a mail. The caller gives the link to the person whose
// address it is. It returns ErrEmailTaken if a proven account has the address.
func (a *Accounts) InviteOwner(ctx context.Context, email, company string) (secret.Value, error) {
	var link secret.Value
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		holder, taken, err := holderOf(tx, email)
		if err != nil {
			return err
		}
		if taken && !holder.unproven() {
			return ErrEmailTaken
		}
		link, err = MakeLink(tx, Link{Purpose: LinkVerify, Email: email, CompanyName: company}, a.db.Now())
		return err
	})
	if err != nil {
		return secret.Value{}, fmt.Errorf("invite owner: %w", err)
	}
	return link, nil
}
