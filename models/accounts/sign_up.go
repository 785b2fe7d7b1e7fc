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

// SignUp is what the first owner of a new company enters. The caller has parsed
// Email with ParseEmail and checked Password with CheckPassword.
type SignUp struct {
	Company, Name, Email string
	Password             secret.Value
	Address              string // of the browser
}

// SignUp creates a company and its first owner. It returns ErrEmailTaken, a
// ThrottledError, or a BusyError.
func (a *Accounts) SignUp(ctx context.Context, s SignUp) (User, Company, error) {
	keys := []string{signUpPerAddress.key(s.Address)}
	if err := a.refusals.Check(a.db.Now(), keys...); err != nil {
		return User{}, Company{}, err
	}
	done, err := a.hasher.queue.Turn(ctx, hashAsker{key: s.Address})
	if err != nil {
		return User{}, Company{}, fmt.Errorf("sign up: %w", err)
	}
	defer done()
	if err := a.limited(ctx, keys, func(tx *gorm.DB, now time.Time) error { return signUpPerAddress.Take(tx, s.Address, now) }); err != nil {
		return User{}, Company{}, err
	}
	hash, err := a.hasher.hash(s.Password)
	if err != nil {
		return User{}, Company{}, fmt.Errorf("sign up: %w", err)
	}
	now := a.db.Now()
	company := Company{ID: database.NewID(), Name: s.Company, CreatedAt: now}
	user := User{ID: database.NewID(), Email: s.Email, Name: s.Name, PasswordHash: hash, ProvenAt: &now, CreatedAt: now}
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
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
