package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// letChoose lets a staff member choose a new password through the link whose secret
// it returns. The old password, passkeys, older links, and all sessions end.
// Nothing else about the account changes.
func (a *Accounts) letChoose(tx *gorm.DB, user User) (secret.Value, error) {
	err := errors.Join(
		tx.Model(&User{}).Where("id = ?", user.ID).Update("password_hash", "").Error,
		endPasswordLinks(tx, user.ID), forgetPasskeys(tx, user.ID), endSessions(tx, user.ID),
	)
	if err != nil {
		return secret.Value{}, err
	}
	return MakeLink(tx, Link{Purpose: LinkStaffSetup, Email: user.Email, UserID: &user.ID}, a.db.Now())
}

// endPasswordLinks ends all links by which a person could choose a password.
func endPasswordLinks(tx *gorm.DB, userID uuid.UUID) error {
	return errors.Join(EndLinks(tx, LinkReset, "user_id", userID), EndLinks(tx, LinkStaffSetup, "user_id", userID))
}

// ChoosingPassword returns the account whose password a link sets, and the link's
// purpose. It returns ErrNotFound if the link does not work or no longer works.
func (a *Accounts) ChoosingPassword(ctx context.Context, link secret.Value) (User, LinkPurpose, error) {
	found, err := passwordLink(a.db.Read(ctx), link, a.db.Now())
	if err != nil {
		return User{}, "", err
	}
	user, err := accountOf(a.db.Read(ctx), found)
	return user, found.Purpose, err
}

// passwordLink finds a link of either purpose.
func passwordLink(db *gorm.DB, value secret.Value, now time.Time) (Link, error) {
	link, err := FindLink(db, LinkReset, value, now)
	if errors.Is(err, database.ErrNotFound) {
		link, err = FindLink(db, LinkStaffSetup, value, now)
	}
	return link, err
}

// accountOf returns the account of a link. A link for an address that the account
// no longer has does not work.
func accountOf(db *gorm.DB, link Link) (user User, err error) {
	err = db.Where("id = ? AND email = ? AND disabled_at IS NULL", link.UserID, link.Email).Take(&user).Error
	return user, database.Found(err, "find account of link")
}

// SetPassword sets the password of a link's account, ends all its sessions and the
// other links of this kind, and returns the account. A link for staff who begin
// also sets their name. A link works once: using it again returns ErrNotFound. The
// caller has checked the password with CheckPassword.
//
// Whoever has the link receives mail at the account's address, so the address is
// proven from now on. A second factor and passkeys stay, unless they were set
// up before the address was proven: then they may be a stranger's.
func (a *Accounts) SetPassword(ctx context.Context, link secret.Value, name string, password secret.Value) (User, error) {
	person, _, err := a.ChoosingPassword(ctx, link)
	if err != nil {
		return User{}, err
	}
	hash, err := a.hasher.hashInTurn(ctx, person.Email, password)
	if err != nil {
		return User{}, fmt.Errorf("set password: %w", err)
	}
	var user User
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		now := a.db.Now()
		found, err := passwordLink(tx, link, now)
		if err != nil {
			return err
		}
		// The account is locked before the link, as everywhere.
		if user, err = accountOf(database.ForUpdate(tx), found); err != nil {
			return err
		}
		if _, err := UseLink(tx, found.Purpose, link, now); err != nil {
			return err
		}
		if user.ProvenAt == nil {
			user.ProvenAt = &now
			if err := errors.Join(forgetFactor(tx, user.ID), forgetPasskeys(tx, user.ID), endNewEmail(tx, user.ID)); err != nil {
				return err
			}
		}
		if found.Purpose == LinkStaffSetup {
			user.Name = name
		}
		user.PasswordHash = hash
		if user.SessionEpoch, err = endSessionsExcept(tx, user.ID, ""); err != nil {
			return err
		}
		if err := tx.Model(&user).Select("Name", "PasswordHash", "ProvenAt").Updates(&user).Error; err != nil {
			return err
		}
		if err := endPasswordLinks(tx, user.ID); err != nil || found.Purpose == LinkStaffSetup {
			return err
		}
		return mailUser(tx, user, AccountMail{Kind: MailSecurityChanged, Detail: ChangedPassword}, now)
	})
	if err != nil {
		return User{}, fmt.Errorf("set password: %w", err)
	}
	return user, nil
}

// AuditResetLink says that an operator made a link by which a person chooses a new
// password.
const AuditResetLink AuditAction = "reset_link_made"

// ResetLink returns the secret of a link by which a person of a company chooses a
// new password. Only the command line may call it: everybody else gets a link by
// mail. It returns ErrNotFound if no member has the email.
func (a *Accounts) ResetLink(ctx context.Context, by Actor, email string) (secret.Value, error) {
	var link secret.Value
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		var user User
		err := tx.Where("email = ? AND staff_role = '' AND disabled_at IS NULL", email).Take(&user).Error
		if err != nil {
			return database.Found(err, "find member")
		}
		now := a.db.Now()
		if link, err = MakeLink(tx, Link{Purpose: LinkReset, Email: user.Email, UserID: &user.ID}, now); err != nil {
			return err
		}
		return by.audit(tx, AuditResetLink, user.ID, "", now)
	})
	if err != nil {
		return secret.Value{}, fmt.Errorf("make reset link: %w", err)
	}
	return link, nil
}
