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

// The limits of asking for another address: for a person, for the network that asks,
// and for the address that would get the mail.
var (
	emailsPerAccount = Limit{"emails-account", 5, 24 * time.Hour}
	emailsPerAddress = Limit{"emails-address", 30, time.Hour}
	emailsPerTarget  = Limit{"emails-target", 5, 24 * time.Hour}
)

// AskForEmail notes the address to which a person wants to move, and queues a mail
// to it. The address changes only when the person opens the mail's link. Whether
// the address has an account shows neither in the answer nor in its time: that is
// checked when the mail is sent. A person has one such wish at a time. AskForEmail
// returns the errors of ConfirmPassword, or ErrSignedOut.
func (a *Accounts) AskForEmail(ctx context.Context, v Visitor, password secret.Value, email, address string) error {
	if err := a.ConfirmPassword(ctx, v.UserID, password); err != nil {
		return err
	}
	err := a.mailNewEmail(ctx, v, address, func(User) string { return email })
	if err != nil {
		return fmt.Errorf("ask for another address: %w", err)
	}
	return nil
}

// ResendNewEmail queues another mail to the address that a person has asked for. The
// links of earlier mails keep working. It returns ErrNotFound if there is none.
func (a *Accounts) ResendNewEmail(ctx context.Context, v Visitor, address string) error {
	err := a.mailNewEmail(ctx, v, address, func(user User) string { return user.NewEmail })
	if err != nil {
		return fmt.Errorf("send the link again: %w", err)
	}
	return nil
}

// mailNewEmail stores the address that a person asks for and queues the mail to it.
func (a *Accounts) mailNewEmail(ctx context.Context, v Visitor, address string, wanted func(User) string) error {
	key := v.UserID.String()
	return a.limited(ctx, []string{emailsPerAddress.key(address), emailsPerAccount.key(key)}, func(tx *gorm.DB, now time.Time) error {
		user, err := stillSignedIn(tx, v.UserID)
		if err != nil {
			return err
		}
		email := wanted(user)
		if email == "" {
			return database.ErrNotFound
		}
		for _, limit := range []struct {
			Limit
			of string
		}{{emailsPerAddress, address}, {emailsPerAccount, key}, {emailsPerTarget, email}} {
			if err := limit.Take(tx, limit.of, now); err != nil {
				return err
			}
		}
		if email != user.NewEmail {
			if err := endNewEmail(tx, user.ID); err != nil {
				return err
			}
			if err := tx.Model(&User{}).Where("id = ?", user.ID).Update("new_email", email).Error; err != nil {
				return err
			}
		}
		return AccountMail{UserID: &user.ID, Recipient: email, Kind: MailConfirmEmail}.queue(tx, now)
	})
}

// CancelNewEmail forgets the address that a person has asked for. Its links no
// longer work.
func (a *Accounts) CancelNewEmail(ctx context.Context, v Visitor) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		if _, err := stillSignedIn(tx, v.UserID); err != nil {
			return err
		}
		return endNewEmail(tx, v.UserID)
	})
	if err != nil {
		return fmt.Errorf("forget the new address: %w", err)
	}
	return nil
}

// endNewEmail forgets the address that a person has asked for, with its links and
// the mails that have not been sent.
func endNewEmail(tx *gorm.DB, userID uuid.UUID) error {
	return errors.Join(
		tx.Model(&User{}).Where("id = ?", userID).Update("new_email", "").Error,
		EndLinks(tx, LinkEmail, "user_id", userID),
		tx.Model(&AccountMail{}).Where("user_id = ? AND kind = ? AND next_try_at IS NOT NULL", userID, MailConfirmEmail).Update("next_try_at", nil).Error,
	)
}

// NewEmail returns the address that a person has asked for and not proved yet, if
// there is one.
func (a *Accounts) NewEmail(ctx context.Context, userID uuid.UUID) (string, error) {
	var user User
	if err := a.db.Read(ctx).Select("new_email").Where("id = ?", userID).Take(&user).Error; err != nil {
		return "", database.Found(err, "find the new address")
	}
	return user.NewEmail, nil
}

// prepareConfirmEmail makes the link that proves the address that a person has asked
// for. It drops the mail if they no longer want it, or if a proven
// account has the address.
func (m *PreparedMail) prepareConfirmEmail(tx *gorm.DB, now time.Time) (err error) {
	if m.UserID == nil {
		return database.ErrNotFound
	}
	var user User
	if err := tx.Where("id = ? AND disabled_at IS NULL AND new_email = ?", *m.UserID, m.Recipient).Take(&user).Error; err != nil {
		return database.Found(err, "find user")
	}
	switch holder, taken, err := holderOf(tx, m.Recipient); {
	case err != nil:
		return err
	case taken && !holder.unproven():
		return database.ErrNotFound
	}
	m.Link, err = MakeLink(tx, Link{Purpose: LinkEmail, Email: m.Recipient, UserID: &user.ID}, now)
	return err
}

// EmailLink returns the link with a secret that proves another address of an
// account, or ErrNotFound. Opening the link does not use it up.
func (a *Accounts) EmailLink(ctx context.Context, value secret.Value) (Link, error) {
	return FindLink(a.db.Read(ctx), LinkEmail, value, a.db.Now())
}

// ConfirmEmail uses up a link and moves the person to the address that it proves.
// Only that person can do it, signed in: nobody else's click makes an address
// theirs. All their other sessions end, and the old address gets a mail. carry takes
// along what else is addressed to the old address. ConfirmEmail returns the person's
// new session epoch. It returns ErrNotFound if the link does not work or is
// another person's, and ErrEmailTaken if a proven account has the address by now. An
// account that has the address without having proved it loses it.
func (a *Accounts) ConfirmEmail(ctx context.Context, v Visitor, value secret.Value, carry func(tx *gorm.DB, from, to string) error) (epoch int, err error) {
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		now := a.db.Now()
		link, err := FindLink(tx, LinkEmail, value, now)
		if err != nil {
			return err
		}
		// Two people whose rows are locked are locked in order of their IDs.
		var locked []uuid.UUID
		if err := database.ForUpdate(tx.Model(&User{})).Where("id = ? OR email = ?", v.UserID, link.Email).Order("id").Pluck("id", &locked).Error; err != nil {
			return err
		}
		user, err := stillSignedIn(tx, v.UserID)
		if err != nil {
			return err
		}
		link, err = UseLink(tx, LinkEmail, value, now)
		if err != nil {
			return err
		}
		if link.UserID == nil || *link.UserID != user.ID || link.Email != user.NewEmail {
			return database.ErrNotFound
		}
		holder, taken, err := holderOf(tx, link.Email)
		switch {
		case err != nil:
			return err
		case taken && !holder.unproven():
			return ErrEmailTaken
		case taken:
			if err := releaseAddress(tx, holder, now); err != nil {
				return err
			}
		}
		epoch, err = changeEmail(tx, user, link.Email, now)
		if err != nil {
			return err
		}
		if err := carry(tx, user.Email, link.Email); err != nil {
			return err
		}
		return auditOwn(tx, user, v.SupportCode, AuditEmailChanged, now)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = ErrEmailTaken
	}
	if err != nil {
		return 0, fmt.Errorf("confirm address: %w", err)
	}
	return epoch, nil
}

// changeEmail moves a person to a proven address. What was sent to the old one gives
// no access anymore.
func changeEmail(tx *gorm.DB, user User, email string, now time.Time) (epoch int, err error) {
	if err := tx.Model(&User{}).Where("id = ?", user.ID).Updates(map[string]any{"email": email, "proven_at": now}).Error; err != nil {
		return 0, err
	}
	err = errors.Join(
		endNewEmail(tx, user.ID), EndLinks(tx, LinkReset, "user_id", user.ID), EndLinks(tx, LinkVerify, "user_id", user.ID),
		tx.Model(&AccountMail{}).Where("user_id = ? AND recipient = ? AND next_try_at IS NOT NULL", user.ID, user.Email).Update("recipient", email).Error,
	)
	if err != nil {
		return 0, err
	}
	if epoch, err = endOtherSessions(tx, user.ID); err != nil {
		return 0, err
	}
	return epoch, mailUser(tx, user, AccountMail{Kind: MailEmailChanged}, now)
}
