package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Accounts signs people up and in.
type Accounts struct {
	db       *database.DB
	keys     *seal.Keys
	hasher   *hasher
	refusals *knownRefusals
	signIns  *signInRecord
}

// New hashes at most parallelHashes passwords at a time.
func New(db *database.DB, keys *seal.Keys, parallelHashes int, options ...HashOption) *Accounts {
	h := &hasher{queue: newHashQueue(parallelHashes, db.Now), params: hashParams(), decoy: decoy}
	for _, option := range options {
		option(h)
	}
	return &Accounts{db: db, keys: keys, hasher: h, refusals: newKnownRefusals(), signIns: newSignInRecord()}
}

// SignUp is what a new company's first owner tells of themselves. Email is in
// the form of ParseEmail, and CheckPassword has found the password fine.
type SignUp struct {
	Company, Name, Email string
	Password             secret.Value
	Address              string // of the browser
}

// SignUp creates the company and its first owner. It returns ErrEmailTaken, a
// ThrottledError or a BusyError.
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
	user := User{ID: database.NewID(), Email: s.Email, Name: s.Name, PasswordHash: hash, CreatedAt: now}
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
	try := signInTry{Email: email, Address: s.Address, device: a.deviceName(email, s.Device)}
	// What is refused anyway neither waits for a turn nor takes one.
	if err := a.refusals.Check(a.db.Now(), try.keys()...); err != nil {
		return SignedIn{}, err
	}
	done, err := a.hasher.queue.Turn(ctx, try.asker())
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	defer done()
	in, err := a.signIn(ctx, try, s)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	return in, nil
}

// signIn is a try whose turn has come. That it works with the database in its
// turn keeps a flood of tries from taking all connections to it.
func (a *Accounts) signIn(ctx context.Context, try signInTry, s SignIn) (SignedIn, error) {
	var strange int
	err := a.limited(ctx, try.keys(), func(tx *gorm.DB, now time.Time) (err error) {
		strange, err = try.Count(tx, now)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	var user User
	err = a.db.Read(ctx).Where("email = ? AND disabled_at IS NULL", try.Email).Take(&user).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return SignedIn{}, err
	}
	matches, err := a.hasher.matches(s.Password, user.PasswordHash)
	if err != nil {
		return SignedIn{}, err
	}
	if !matches || (s.NoStaff && user.StaffRole != "") {
		if err := a.tellOfTries(ctx, try.Email, user, strange); err != nil {
			return SignedIn{}, err
		}
		return SignedIn{}, ErrWrongCredentials
	}
	var membership Membership
	err = a.db.Read(ctx).Where("user_id = ?", user.ID).Order("created_at").Take(&membership).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return SignedIn{}, err
	}
	if err := a.limited(ctx, nil, try.Worked); err != nil {
		return SignedIn{}, err
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
