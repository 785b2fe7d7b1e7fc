package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Admins manage staff with the methods below. The person must be an admin at the
// moment of the write and cannot change their own account, so at least one admin
// always remains.

// Invite creates a staff account for a person who has none. It returns the account,
// and the secret of the link that lets the person choose a password. If the email
// already has an account, it returns ErrEmailTaken or ErrMemberEmail. For a person
// who was removed, it returns ErrRemoved. A member who has not proved the email
// loses it.
func (a *Accounts) Invite(ctx context.Context, by Staff, email string, role StaffRole) (Staff, secret.Value, error) {
	var user User
	var link secret.Value
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		if err := HoldAdmin(tx, by); err != nil {
			return err
		}
		holder, there, err := holderOf(tx, email)
		switch {
		case err != nil:
			return err
		case !there || holder.unproven():
			user, link, err = a.createStaff(tx, by.Actor(), email, role, holder)
			return err
		case holder.StaffRole == "":
			return ErrMemberEmail
		case holder.DisabledAt != nil:
			return ErrRemoved
		}
		return ErrEmailTaken
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) { // another admin has added the email in the meantime
		err = ErrEmailTaken
	}
	if err != nil {
		return Staff{}, secret.Value{}, fmt.Errorf("invite: %w", err)
	}
	return staffOf(user), link, nil
}

// NewLink lets another staff member choose a new password, and ends the old
// password and sessions. It returns that member and the secret of the link.
func (a *Accounts) NewLink(ctx context.Context, by Staff, id uuid.UUID) (Staff, secret.Value, error) {
	var link secret.Value
	member, err := a.changeTeam(ctx, by, id, func(tx *gorm.DB, member Staff) (err error) {
		if link, err = a.letChoose(tx, User{ID: member.UserID, Email: member.Email}); err != nil {
			return err
		}
		return by.Actor().audit(tx, AuditLinkMade, member.UserID, "", a.db.Now())
	})
	if err != nil {
		return Staff{}, secret.Value{}, err
	}
	return member, link, nil
}

// Teammate returns another staff member, or ErrNotFound.
func (a *Accounts) Teammate(ctx context.Context, by Staff, id uuid.UUID) (Staff, error) {
	return teammate(a.db.Read(ctx), by, id)
}

// SetRole changes the role of another staff member, from their next request on. It
// returns that member.
func (a *Accounts) SetRole(ctx context.Context, by Staff, id uuid.UUID, role StaffRole) (Staff, error) {
	return a.changeTeam(ctx, by, id, func(tx *gorm.DB, member Staff) error {
		err := tx.Model(&User{}).Where("id = ?", member.UserID).Update("staff_role", role).Error
		return errors.Join(err, by.Actor().audit(tx, AuditRoleChanged, member.UserID, string(role), a.db.Now()))
	})
}

// Dismiss ends the account and all sessions of another staff member. It returns
// that member.
func (a *Accounts) Dismiss(ctx context.Context, by Staff, id uuid.UUID) (Staff, error) {
	return a.changeTeam(ctx, by, id, func(tx *gorm.DB, member Staff) error { return a.endStaff(tx, by.Actor(), member.UserID) })
}

// changeTeam changes another staff member while both rows are locked. If two admins
// remove each other, the second one is no longer an admin. The change sees the
// member as they are now, even if they were removed or got another role in the
// meantime.
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

// teammate returns another staff member for an admin.
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

// AdminNames returns the names of the admins, for support staff who need an admin's
// help.
func (a *Accounts) AdminNames(ctx context.Context) ([]string, error) {
	team, err := a.ListStaff(ctx)
	var names []string
	for _, s := range team {
		// Staff who sign in at an issuer have no password, but they have a name
		// after their first sign-in.
		if s.Role == Admin && (s.SetUp || s.Name != s.Email) {
			names = append(names, s.Name)
		}
	}
	return names, err
}
