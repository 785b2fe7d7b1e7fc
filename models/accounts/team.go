package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// What admins do about staff. Whoever does it is an admin when it is written, and
// it is never about themselves, so at least one admin is left.

// Invite makes a staff account for somebody who has none, and returns whose it is
// and the secret of the link by which they choose a password. Whose email it is
// already is ErrEmailTaken or ErrMemberEmail. Whoever was removed is ErrRemoved.
func (a *Accounts) Invite(ctx context.Context, by Staff, email string, role StaffRole) (Staff, secret.Value, error) {
	link := secret.New(rand.Text())
	var user User
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		user = User{} // of an earlier run; its ID would be looked for
		if err := HoldAdmin(tx, by); err != nil {
			return err
		}
		err := tx.Where("email = ?", email).Take(&user).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
		case err != nil:
			return err
		case user.StaffRole == "":
			return ErrMemberEmail
		case user.DisabledAt != nil:
			return ErrRemoved
		default:
			return ErrEmailTaken
		}
		if err := a.createStaff(tx, by.actor(), email, role, link); err != nil {
			return err
		}
		return tx.Where("email = ?", email).Take(&user).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) { // added by somebody else meanwhile
		err = ErrEmailTaken
	}
	if err != nil {
		return Staff{}, secret.Value{}, fmt.Errorf("invite: %w", err)
	}
	return staffOf(user), link, nil
}

// NewLink lets one of the others choose a new password, and returns who it is
// and the secret of the link. What they had before works no more.
func (a *Accounts) NewLink(ctx context.Context, by Staff, id uuid.UUID) (Staff, secret.Value, error) {
	link := secret.New(rand.Text())
	member, err := a.changeTeam(ctx, by, id, func(tx *gorm.DB, member Staff) error {
		return errors.Join(a.letChoose(tx, member.UserID, link), by.actor().audit(tx, AuditLinkMade, member.UserID, "", a.db.Now()))
	})
	if err != nil {
		return Staff{}, secret.Value{}, err
	}
	return member, link, nil
}

// Teammate is one of the others of staff, or ErrNotFound.
func (a *Accounts) Teammate(ctx context.Context, by Staff, id uuid.UUID) (Staff, error) {
	return teammate(a.db.Read(ctx), by, id)
}

// SetRole changes what one of the others may do, from their next request on,
// and returns who it is.
func (a *Accounts) SetRole(ctx context.Context, by Staff, id uuid.UUID, role StaffRole) (Staff, error) {
	return a.changeTeam(ctx, by, id, func(tx *gorm.DB, member Staff) error {
		err := tx.Model(&User{}).Where("id = ?", member.UserID).Update("staff_role", role).Error
		return errors.Join(err, by.actor().audit(tx, AuditRoleChanged, member.UserID, string(role), a.db.Now()))
	})
}

// Dismiss ends the account of one of the others and all its sessions, and
// returns who it was.
func (a *Accounts) Dismiss(ctx context.Context, by Staff, id uuid.UUID) (Staff, error) {
	return a.changeTeam(ctx, by, id, func(tx *gorm.DB, member Staff) error { return a.endStaff(tx, by.actor(), member.UserID) })
}

// changeTeam changes one of the others while both rows are locked: of two who
// remove each other, the second is no longer an admin, and nobody who was removed
// or got another role meanwhile is changed as they were before.
func (a *Accounts) changeTeam(ctx context.Context, by Staff, id uuid.UUID, change func(tx *gorm.DB, member Staff) error) (member Staff, err error) {
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		staff, err := holdStaff(tx, by.UserID, id)
		if err != nil {
			return err
		}
		if staff[by.UserID].StaffRole != Admin {
			return ErrForbidden
		}
		if by.UserID == id {
			return ErrYourself
		}
		user, there := staff[id]
		if !there {
			return database.ErrNotFound
		}
		member = staffOf(user)
		return change(tx, member)
	})
	if err != nil {
		return Staff{}, fmt.Errorf("change team: %w", err)
	}
	return member, nil
}

func teammate(db *gorm.DB, by Staff, id uuid.UUID) (Staff, error) {
	if by.Role != Admin {
		return Staff{}, ErrForbidden
	}
	if by.UserID == id {
		return Staff{}, ErrYourself
	}
	var user User
	err := db.Where("id = ? AND staff_role <> '' AND disabled_at IS NULL", id).Take(&user).Error
	return staffOf(user), database.Found(err, "find teammate")
}

// AdminNames names those who may do what support may not.
func (a *Accounts) AdminNames(ctx context.Context) ([]string, error) {
	team, err := a.ListStaff(ctx)
	var names []string
	for _, s := range team {
		// Who signs in elsewhere has no password, but a name since the first time.
		if s.Role == Admin && (s.SetUp || s.Name != s.Email) {
			names = append(names, s.Name)
		}
	}
	return names, err
}
