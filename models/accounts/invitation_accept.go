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

// OpenInvitation is an invitation as the page shows it to which its link leads.
type OpenInvitation struct {
	Invitation
	CompanyName string
	// InviterName is empty if staff or an operator invites.
	InviterName string
	// InviterEmail is the inviter's address, or empty if they have not proved it.
	InviterEmail string
	// HolderID is the account with the invited address, or uuid.Nil if there is none.
	// HolderProven says that its person has proved the address.
	HolderID     uuid.UUID
	HolderProven bool
}

// OpenedInvitation returns the open invitation to which a link belongs. It returns
// ErrNotFound if the link or the invitation does not work, or no longer works, and
// ErrLocked if the company is locked. An invitation does not work while the account
// of the person who sent it is disabled: somebody else may have taken it over. One of
// the first owner no longer works once somebody belongs to the company.
func (a *Accounts) OpenedInvitation(ctx context.Context, link secret.Value) (OpenInvitation, error) {
	return openedInvitation(a.db.Read(ctx), link, a.db.Now())
}

func openedInvitation(db *gorm.DB, link secret.Value, now time.Time) (OpenInvitation, error) {
	found, err := FindLink(db, LinkInvitation, link, now)
	if err != nil {
		return OpenInvitation{}, err
	}
	if found.SubjectID == nil {
		return OpenInvitation{}, database.ErrNotFound
	}
	var row struct {
		Invitation
		CompanyName, InviterName, InviterEmail string
		LockedAt                               *time.Time
	}
	err = db.Raw(`SELECT i.*, c.name AS company_name, c.locked_at, coalesce(u.name, '') AS inviter_name,
			CASE WHEN u.proven_at IS NULL THEN '' ELSE u.email END AS inviter_email
		FROM invitations i JOIN companies c ON c.id = i.company_id LEFT JOIN users u ON u.id = i.invited_by
		WHERE i.id = ? AND u.disabled_at IS NULL
			AND (i.invited_by IS NOT NULL OR NOT EXISTS (SELECT 1 FROM memberships m WHERE m.company_id = i.company_id))`, *found.SubjectID).Take(&row).Error
	if err != nil {
		return OpenInvitation{}, database.Found(err, "find invitation")
	}
	if !row.Open(now) {
		return OpenInvitation{}, database.ErrNotFound
	}
	holder, err := invitedHolder(db, row.Email)
	if err != nil {
		return OpenInvitation{}, err
	}
	o := OpenInvitation{Invitation: row.Invitation, CompanyName: row.CompanyName, InviterName: row.InviterName, InviterEmail: row.InviterEmail}
	o.HolderID, o.HolderProven = holder.ID, holder.ProvenAt != nil
	if row.LockedAt != nil {
		return o, ErrLocked
	}
	return o, nil
}

// JoinNew uses up a link and creates an account for the person whom it invites. The
// caller has checked the password with CheckPassword. It returns ErrEmailTaken if
// the person has an account already, and otherwise the same errors as Join. An
// account whose address nobody has proved loses it, because a stranger may have
// made it.
func (a *Accounts) JoinNew(ctx context.Context, link secret.Value, name string, password secret.Value, supportCode string) (SignedIn, error) {
	open, err := a.OpenedInvitation(ctx, link)
	if err != nil {
		return SignedIn{}, err
	}
	if open.HolderProven {
		return SignedIn{}, ErrEmailTaken
	}
	hash, err := a.hasher.hashInTurn(ctx, open.Email, password)
	if err != nil {
		return SignedIn{}, fmt.Errorf("join company: %w", err)
	}
	return a.join(ctx, link, supportCode, func(tx *gorm.DB, email string, now time.Time) (User, error) {
		var holder User
		err := database.ForUpdate(tx).Where("email = ?", email).Take(&holder).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
		case err != nil:
			return User{}, fmt.Errorf("find account: %w", err)
		case !holder.unproven():
			return User{}, ErrEmailTaken
		default:
			if err := releaseAddress(tx, holder, now); err != nil {
				return User{}, err
			}
		}
		user := User{ID: database.NewID(), Email: email, Name: name, PasswordHash: hash, ProvenAt: &now, CreatedAt: now}
		return user, tx.Create(&user).Error
	})
}

// Join uses up a link for the visitor, who becomes a member of its company. The link
// also proves their address, if they have not proved it yet. Join returns
// ErrOtherPerson if the link is for another address, ErrNotFound if the
// link no longer works, ErrLocked, ErrTeamFull, or ErrTooManyCompanies.
func (a *Accounts) Join(ctx context.Context, v Visitor, link secret.Value) (SignedIn, error) {
	return a.join(ctx, link, v.SupportCode, func(tx *gorm.DB, email string, now time.Time) (User, error) {
		var user User
		err := database.ForUpdate(tx).Where("id = ? AND disabled_at IS NULL AND staff_role = ''", v.UserID).Take(&user).Error
		if err != nil {
			return User{}, database.Found(err, "find account")
		}
		if user.Email != email {
			return User{}, ErrOtherPerson
		}
		if user.ProvenAt == nil {
			user.ProvenAt = &now
			err = tx.Model(&user).Update("proven_at", now).Error
		}
		return user, err
	})
}

// join uses up a link and makes the person that it invites a member. person returns
// that person's account, whose row it has locked.
func (a *Accounts) join(ctx context.Context, link secret.Value, supportCode string, person func(tx *gorm.DB, email string, now time.Time) (User, error)) (SignedIn, error) {
	var in SignedIn
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		now := a.db.Now()
		before, err := openedInvitation(tx, link, now)
		if err != nil {
			return err
		}
		// The company comes first, as for everybody who changes its people. Then the
		// invitation is read again, since an owner may have just withdrawn it.
		if err := database.ForUpdate(tx).Select("id").Where("id = ?", before.CompanyID).Take(&Company{}).Error; err != nil {
			return database.Found(err, "find company")
		}
		open, err := openedInvitation(tx, link, now)
		if err != nil {
			return err
		}
		user, err := person(tx, open.Email, now)
		if err != nil {
			return err
		}
		if _, err := UseLink(tx, LinkInvitation, link, now); err != nil {
			return err
		}
		if err := EndLinks(tx, LinkInvitation, "subject_id", open.ID); err != nil {
			return err
		}
		if err := tx.Model(&Invitation{}).Where("id = ?", open.ID).Update("accepted_at", now).Error; err != nil {
			return err
		}
		in = SignedIn{User: user, CompanyID: open.CompanyID}
		return admit(tx, user, open, supportCode, now)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) { // the person has just signed up elsewhere
		err = ErrEmailTaken
	}
	if err != nil {
		return SignedIn{}, fmt.Errorf("join company: %w", err)
	}
	return in, nil
}

// admit adds a person to a company. A person who belongs to it keeps their role.
func admit(tx *gorm.DB, user User, to OpenInvitation, supportCode string, now time.Time) error {
	used := tx.Model(&Membership{}).Where("company_id = ? AND user_id = ?", to.CompanyID, user.ID).Update("used_at", now)
	if used.Error != nil || used.RowsAffected > 0 {
		return used.Error
	}
	var members int64
	if err := tx.Model(&Membership{}).Where("company_id = ?", to.CompanyID).Count(&members).Error; err != nil {
		return fmt.Errorf("count team: %w", err)
	}
	if members >= teamLimit {
		return ErrTeamFull
	}
	if err := roomForCompany(tx, user.ID); err != nil {
		return err
	}
	err := tx.Create(&Membership{CompanyID: to.CompanyID, UserID: user.ID, Role: to.Role, CreatedAt: now, UsedAt: &now}).Error
	if err != nil {
		return fmt.Errorf("add member: %w", err)
	}
	by := Actor{UserID: user.ID, Name: user.Name, SupportCode: supportCode}
	return by.AuditIn(tx, to.CompanyID, AuditJoined, user.ID, string(to.Role), now)
}
