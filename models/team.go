package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// What admins do about staff. Whoever does it is an admin at that moment, and
// it is never about themselves, so at least one admin is left.

// Invite makes a staff account for somebody who has none, and returns the
// secret of the link by which they choose a password. Whose email it is already
// is ErrEmailTaken or ErrMemberEmail.
func (a *Accounts) Invite(ctx context.Context, by Staff, email string, role StaffRole) (Secret, error) {
	if by.Role != Admin {
		return Secret{}, ErrForbidden
	}
	team, err := a.ListStaff(ctx)
	if err != nil {
		return Secret{}, err
	}
	if slices.ContainsFunc(team, func(s Staff) bool { return s.Email == email }) {
		return Secret{}, fmt.Errorf("invite: %w", ErrEmailTaken)
	}
	return a.AddStaff(ctx, email, role)
}

// NewLink lets one of the others choose a new password, and returns who it is
// and the secret of the link. What they had before works no more.
func (a *Accounts) NewLink(ctx context.Context, by Staff, id uuid.UUID) (Staff, Secret, error) {
	member, err := a.Teammate(ctx, by, id)
	if err != nil {
		return Staff{}, Secret{}, err
	}
	link, err := a.AddStaff(ctx, member.Email, member.Role)
	return member, link, err
}

// Teammate is one of the others of staff, or ErrNotFound.
func (a *Accounts) Teammate(ctx context.Context, by Staff, id uuid.UUID) (Staff, error) {
	return teammate(a.db.Read(ctx), by, id)
}

// SetRole changes what one of the others may do, from their next request on,
// and returns who it is.
func (a *Accounts) SetRole(ctx context.Context, by Staff, id uuid.UUID, role StaffRole) (Staff, error) {
	return a.changeTeam(ctx, by, id, func(tx *gorm.DB, member Staff) error {
		return tx.Model(&User{}).Where("id = ?", member.UserID).Update("staff_role", role).Error
	})
}

// Dismiss ends the account of one of the others and all its sessions, and
// returns who it was.
func (a *Accounts) Dismiss(ctx context.Context, by Staff, id uuid.UUID) (Staff, error) {
	return a.changeTeam(ctx, by, id, func(tx *gorm.DB, member Staff) error { return a.endStaff(tx, member.Email) })
}

func (a *Accounts) changeTeam(ctx context.Context, by Staff, id uuid.UUID, change func(tx *gorm.DB, member Staff) error) (member Staff, err error) {
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		// Of two who remove each other, the second is no longer an admin.
		var admins []uuid.UUID
		err := forUpdate(tx.Model(&User{})).Where("staff_role <> '' AND staff_role = 'admin' AND disabled_at IS NULL").Order("id").Pluck("id", &admins).Error
		if err != nil {
			return err
		}
		if !slices.Contains(admins, by.UserID) {
			return ErrForbidden
		}
		if member, err = teammate(tx, by, id); err != nil {
			return err
		}
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
	return staffOf(user), found(err, "find teammate")
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
