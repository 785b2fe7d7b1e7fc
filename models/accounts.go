package models

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

// Accounts signs people up and in.
type Accounts struct {
	db     *DB
	keys   *seal.Keys
	hasher *hasher
}

// NewAccounts hashes at most parallelHashes passwords at a time.
func NewAccounts(db *DB, keys *seal.Keys, parallelHashes int) *Accounts {
	return &Accounts{db: db, keys: keys, hasher: &hasher{slots: make(chan struct{}, parallelHashes)}}
}

// The limits of sign-in and sign-up. A device that has signed in to the account
// before has a count of its own, so that a stranger's guesses do not lock the
// owner out.
var (
	signInPerAccount = limit{"signin-account", 10, 15 * time.Minute}
	signInPerDevice  = limit{"signin-device", 10, 15 * time.Minute}
	signInPerAddress = limit{"signin-address", 100, 15 * time.Minute}
	signUpPerAddress = limit{"signup-address", 20, time.Hour}
)

// SignUp is what a new company's first owner tells of themselves. Email is in
// the form of ParseEmail, and CheckPassword has found the password fine.
type SignUp struct {
	Company, Name, Email string
	Password             Secret
	Address              string // of the browser
}

// SignUp creates the company and its first owner. It returns ErrEmailTaken or
// a ThrottledError.
func (a *Accounts) SignUp(ctx context.Context, s SignUp) (User, Company, error) {
	now := a.db.Now()
	if err := a.db.Write(ctx, func(tx *gorm.DB) error { return signUpPerAddress.take(tx, s.Address, now) }); err != nil {
		return User{}, Company{}, err
	}
	hash, err := a.hasher.hash(ctx, s.Password)
	if err != nil {
		return User{}, Company{}, fmt.Errorf("sign up: %w", err)
	}
	company := Company{ID: newID(), Name: s.Company, CreatedAt: now}
	user := User{ID: newID(), Email: s.Email, Name: s.Name, PasswordHash: hash, CreatedAt: now}
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		if err := createCompany(tx, &company); err != nil {
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

// SignIn is a try to sign in.
type SignIn struct {
	Email    string // as typed
	Password Secret
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
// ThrottledError, even with the right password.
func (a *Accounts) SignIn(ctx context.Context, s SignIn) (SignedIn, error) {
	email, ok := ParseEmail(s.Email)
	if !ok || len(s.Password.Reveal()) > maxPasswordBytes {
		email = ""
	}
	perAccount, account := signInPerAccount, email
	if a.knownDevice(email, s.Device) {
		perAccount, account = signInPerDevice, s.Device
	}
	now := a.db.Now()
	if err := a.db.Write(ctx, func(tx *gorm.DB) error {
		if err := signInPerAddress.take(tx, s.Address, now); err != nil {
			return err
		}
		if email == "" {
			return nil
		}
		return perAccount.take(tx, account, now)
	}); err != nil {
		return SignedIn{}, err
	}

	var user User
	err := a.db.Read(ctx).Where("email = ? AND disabled_at IS NULL", email).Take(&user).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	password := s.Password
	if email == "" {
		password = Secret{}
	}
	matches, err := a.hasher.matches(ctx, password, user.PasswordHash)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	if !matches || (s.NoStaff && user.StaffRole != "") {
		return SignedIn{}, ErrWrongCredentials
	}

	var membership Membership
	err = a.db.Read(ctx).Where("user_id = ?", user.ID).Order("created_at").Take(&membership).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	if err := a.db.Write(ctx, func(tx *gorm.DB) error {
		return errors.Join(signInPerAddress.giveBack(tx, s.Address), perAccount.forget(tx, account))
	}); err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	return SignedIn{User: user, CompanyID: membership.CompanyID}, nil
}

// Visitor is the person behind a session, as they are at this moment. It
// returns ErrSignedOut if the session may no longer be used, and beside the
// visitor ErrNoMembership if they no longer belong to the company, or ErrLocked
// if it is locked.
func (a *Accounts) Visitor(ctx context.Context, userID, companyID uuid.UUID, epoch int) (Visitor, error) {
	var row struct {
		Name, Email  string
		SessionEpoch int
		DisabledAt   *time.Time
		CompanyName  *string
		LockedAt     *time.Time
		Role         *Role
	}
	err := a.db.Read(ctx).Raw(`SELECT u.name, u.email, u.session_epoch, u.disabled_at, c.name AS company_name, c.locked_at, m.role
		FROM users u
		LEFT JOIN memberships m ON m.user_id = u.id AND m.company_id = ?
		LEFT JOIN companies c ON c.id = m.company_id
		WHERE u.id = ?`, companyID, userID).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Visitor{}, ErrSignedOut
	}
	if err != nil {
		return Visitor{}, fmt.Errorf("load visitor: %w", err)
	}
	if row.DisabledAt != nil || row.SessionEpoch != epoch {
		return Visitor{}, ErrSignedOut
	}
	v := Visitor{UserID: userID, Name: row.Name, Email: row.Email, CompanyID: companyID}
	if row.Role == nil || row.CompanyName == nil {
		return v, ErrNoMembership
	}
	v.CompanyName, v.Role = *row.CompanyName, *row.Role
	if row.LockedAt != nil {
		return v, ErrLocked
	}
	return v, nil
}

// OwnerNames names those who may do what a member may not.
func (a *Accounts) OwnerNames(ctx context.Context, companyID uuid.UUID) ([]string, error) {
	var names []string
	err := a.db.Read(ctx).Raw(`SELECT u.name FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.company_id = ? AND m.role = ? AND u.disabled_at IS NULL ORDER BY u.name LIMIT 5`, companyID, Owner).Scan(&names).Error
	if err != nil {
		return nil, fmt.Errorf("name owners: %w", err)
	}
	return names, nil
}

// SignOutEverywhere ends all sessions of a user, on all devices.
func (a *Accounts) SignOutEverywhere(ctx context.Context, userID uuid.UUID) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE users SET session_epoch = session_epoch + 1 WHERE id = ?", userID).Error
	})
	if err != nil {
		return fmt.Errorf("sign out everywhere: %w", err)
	}
	return nil
}

func devicePlace(email string) seal.Place {
	return seal.Place{Table: "devices", Row: email, Column: "cookie"}
}

// Device returns what a browser keeps to show that this account has signed in
// from it before. It opens nothing.
func (a *Accounts) Device(email string) (string, error) {
	sealed, err := a.keys.Seal(email, devicePlace(email))
	if err != nil {
		return "", fmt.Errorf("name device: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

func (a *Accounts) knownDevice(email, device string) bool {
	if email == "" || device == "" {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(device)
	if err != nil {
		return false
	}
	_, err = a.keys.Open(sealed, devicePlace(email))
	return err == nil
}

// newID is a UUIDv7: random enough not to be guessed, and sorted by time.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
