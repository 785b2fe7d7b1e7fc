package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// StaffRole says what one of our staff may do.
type StaffRole string

const (
	// Support may see connections, set them up, and take notes.
	Support StaffRole = "support"
	// Admin may do what support may, and also what cannot be undone: disconnect,
	// lock a company, and manage staff.
	Admin StaffRole = "admin"
)

// Label returns the role's name as pages show it.
func (r StaffRole) Label() string {
	if r == Admin {
		return "Admin"
	}
	return "Support"
}

// Staff is one of our own people.
type Staff struct {
	UserID uuid.UUID `gorm:"column:id"`
	Name   string
	Email  string
	Role   StaffRole `gorm:"column:staff_role"`
	// SetUp says that they have chosen a password, and Factor that they have a
	// second factor.
	SetUp  bool `gorm:"-"`
	Factor bool `gorm:"-"`
	// Passkeys says that they may have passkeys, because they sign in with us.
	Passkeys bool `gorm:"-"`
	// SupportCode identifies the request in the timeline and in the log.
	SupportCode string `gorm:"-"`
	// Epoch is the epoch of the session that makes the request.
	Epoch int `gorm:"-"`
}

// AddStaff creates a staff account, or changes the role of one. It returns the
// secret of a link that lets the person choose a new password; the old password and
// sessions end. Only the command line may call it, because it also restores a
// person who was removed, and forgets which account at the issuer they signed in
// with. It returns ErrMemberEmail if the email is a member's who has proved it. An
// account that has not proved it loses the email.
func (a *Accounts) AddStaff(ctx context.Context, by Actor, email string, role StaffRole) (secret.Value, error) {
	var link secret.Value
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		user, there, err := holderOf(tx, email)
		switch {
		case err != nil:
			return err
		case !there || user.unproven():
			_, link, err = a.createStaff(tx, by, email, role, user)
			return err
		case user.StaffRole == "":
			return ErrMemberEmail
		}
		if err := tx.Model(&User{}).Where("id = ?", user.ID).Updates(map[string]any{"staff_role": role, "disabled_at": nil}).Error; err != nil {
			return err
		}
		if link, err = a.letChoose(tx, user); err != nil {
			return err
		}
		return errors.Join(forgetIdentity(tx, user.ID), by.audit(tx, AuditStaffAdded, user.ID, string(role), a.db.Now()))
	})
	if err != nil {
		return secret.Value{}, fmt.Errorf("add staff: %w", err)
	}
	return link, nil
}

// createStaff creates an account for a person who has none. squatter is the account
// that has the person's address without having proved it, or a zero value.
func (a *Accounts) createStaff(tx *gorm.DB, by Actor, email string, role StaffRole, squatter User) (User, secret.Value, error) {
	now := a.db.Now()
	if squatter.ID != uuid.Nil {
		if err := releaseAddress(tx, squatter, now); err != nil {
			return User{}, secret.Value{}, err
		}
	}
	user := User{ID: database.NewID(), Email: email, Name: email, StaffRole: role, ProvenAt: &now, CreatedAt: now}
	if err := tx.Create(&user).Error; err != nil {
		return User{}, secret.Value{}, err
	}
	link, err := a.letChoose(tx, user)
	if err != nil {
		return User{}, secret.Value{}, err
	}
	return user, link, by.audit(tx, AuditStaffAdded, user.ID, string(role), now)
}

// RemoveStaff ends a staff account and all its sessions. It returns ErrNotFound if
// nobody on the staff has the email. What the person did stays on the timelines.
func (a *Accounts) RemoveStaff(ctx context.Context, by Actor, email string) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		var user User
		if err := database.ForUpdate(tx).Where("email = ? AND staff_role <> '' AND disabled_at IS NULL", email).Take(&user).Error; err != nil {
			return database.Found(err, "find staff")
		}
		return a.endStaff(tx, by, user.ID)
	})
	if err != nil {
		return fmt.Errorf("remove staff: %w", err)
	}
	return nil
}

// endStaff ends the account of a person whose row is locked.
func (a *Accounts) endStaff(tx *gorm.DB, by Actor, userID uuid.UUID) error {
	now := a.db.Now()
	err := tx.Model(&User{}).Where("id = ?", userID).Updates(map[string]any{
		"disabled_at": now, "password_hash": "",
	}).Error
	return errors.Join(err, endPasswordLinks(tx, userID), endSessions(tx, userID), forgetFactor(tx, userID), forgetPasskeys(tx, userID), forgetIdentity(tx, userID),
		by.audit(tx, AuditStaffRemoved, userID, "", now))
}

// ListStaff returns all staff, ordered by email, including those who have not set
// up their account.
func (a *Accounts) ListStaff(ctx context.Context) ([]Staff, error) {
	var users []User
	if err := a.db.Read(ctx).Where("staff_role <> '' AND disabled_at IS NULL").Order("email").Find(&users).Error; err != nil {
		return nil, fmt.Errorf("list staff: %w", err)
	}
	var enrolled []uuid.UUID
	if err := a.db.Read(ctx).Model(&secondFactor{}).Where("confirmed_at IS NOT NULL").Pluck("user_id", &enrolled).Error; err != nil {
		return nil, fmt.Errorf("list second factors: %w", err)
	}
	staff := make([]Staff, len(users))
	for i, u := range users {
		staff[i] = staffOf(u)
		staff[i].Factor = slices.Contains(enrolled, u.ID)
	}
	return staff, nil
}

// staffOf returns a user as a staff member.
func staffOf(u User) Staff {
	return Staff{UserID: u.ID, Name: u.Name, Email: u.Email, Role: u.StaffRole, SetUp: u.PasswordHash != ""}
}

// Staff returns the staff member behind a session, as they are now. It returns
// ErrSignedOut if the session is no longer valid, and ErrNotFound if it is not a
// staff member's.
func (a *Accounts) Staff(ctx context.Context, userID uuid.UUID, epoch int) (Staff, error) {
	p, err := readPrincipal(ctx, a.db, userID)
	if err != nil {
		return Staff{}, err
	}
	return p.staff(epoch)
}
