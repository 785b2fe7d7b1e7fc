package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// InvitationsKept is how long an invitation is kept after it has expired, so that
// owners see that nobody accepted it.
const InvitationsKept = 30 * 24 * time.Hour

const (
	// teamLimit is how many people a company may have, with those who are invited.
	teamLimit = 200
	// openInvitations is how many open invitations a company may have.
	openInvitations = 50
)

// The limits of invitations. Sending one again counts, too.
var (
	invitationsPerCompany = Limit{"invitations-company", 50, 24 * time.Hour}
	// invitationsPerRecipient counts the invitations of all companies, so that
	// nobody's mailbox can be flooded.
	invitationsPerRecipient = Limit{"invitations-recipient", 6, 24 * time.Hour}
	invitationsPerAddress   = Limit{"invitations-address", 100, 24 * time.Hour}
)

// Changes of a team that the company's activity shows.
const (
	// AuditInvited says that an owner invited an address. The detail is the address
	// and the role.
	AuditInvited AuditAction = "invited"
	// AuditInvitationResent says that an owner sent an invitation again.
	AuditInvitationResent AuditAction = "invitation_resent"
	// AuditInvitationWithdrawn says that an owner withdrew an invitation.
	AuditInvitationWithdrawn AuditAction = "invitation_withdrawn"
	// AuditJoined says that a person accepted an invitation. The detail is the role.
	AuditJoined AuditAction = "joined"
)

// Invitation lets the person with an address join a company.
type Invitation struct {
	ID        uuid.UUID `gorm:"primaryKey"`
	CompanyID uuid.UUID
	Email     string
	Role      Role
	// InvitedBy is the owner who sent the invitation last. It is nil for an invitation
	// of the first owner, which staff or an operator sent.
	InvitedBy   *uuid.UUID
	CreatedAt   time.Time
	SentAt      time.Time
	ExpiresAt   time.Time
	AcceptedAt  *time.Time
	WithdrawnAt *time.Time
}

// Open reports whether the invitation can be accepted.
func (i Invitation) Open(now time.Time) bool {
	return i.AcceptedAt == nil && i.WithdrawnAt == nil && i.ExpiresAt.After(now)
}

// send stores the invitation with its times, and queues its mail. Links of earlier
// mails end.
func (i *Invitation) send(tx *gorm.DB, by *uuid.UUID, now time.Time) error {
	if err := i.store(tx, by, now); err != nil {
		return err
	}
	return AccountMail{Recipient: i.Email, CompanyID: &i.CompanyID, SubjectID: &i.ID, Kind: MailInvitation}.queue(tx, now)
}

// store stores the invitation with its times. Its earlier links end.
func (i *Invitation) store(tx *gorm.DB, by *uuid.UUID, now time.Time) error {
	again := i.ID != uuid.Nil
	i.InvitedBy, i.SentAt, i.ExpiresAt = by, now, now.Add(LinkInvitation.Life())
	var err error
	if again {
		if err = tx.Model(i).Select("InvitedBy", "SentAt", "ExpiresAt").Updates(i).Error; err == nil {
			err = EndLinks(tx, LinkInvitation, "subject_id", i.ID)
		}
	} else {
		i.ID, i.CreatedAt = database.NewID(), now
		err = tx.Create(i).Error
	}
	if err != nil {
		return fmt.Errorf("store invitation: %w", err)
	}
	return nil
}

// prepareInvitation completes the mail of an invitation. A mail is not sent if the
// invitation is no longer open or was sent again, if the company is locked, if the
// inviter is disabled, or if the address belongs to somebody who cannot join a company.
func (m *PreparedMail) prepareInvitation(tx *gorm.DB, now time.Time) error {
	if m.SubjectID == nil {
		return database.ErrNotFound
	}
	var invitation Invitation
	if err := tx.Where("id = ?", *m.SubjectID).Take(&invitation).Error; err != nil {
		return database.Found(err, "find invitation")
	}
	if !invitation.Open(now) || m.CreatedAt.Before(invitation.SentAt) {
		return database.ErrNotFound
	}
	var company Company
	if err := tx.Where("id = ? AND locked_at IS NULL", invitation.CompanyID).Take(&company).Error; err != nil {
		return database.Found(err, "find company")
	}
	if m.ByOperator = invitation.InvitedBy == nil; !m.ByOperator {
		if err := tx.Select("id").Where("id = ? AND disabled_at IS NULL", *invitation.InvitedBy).Take(&User{}).Error; err != nil {
			return database.Found(err, "find inviter")
		}
	}
	holder, err := invitedHolder(tx, invitation.Email)
	if err != nil {
		return err
	}
	m.Known = holder.ID != uuid.Nil && holder.ProvenAt != nil
	if !m.ByOperator {
		if m.From, err = provenAddress(tx, *invitation.InvitedBy); err != nil {
			return err
		}
	}
	m.Detail = string(invitation.Role)
	m.Link, err = MakeLink(tx, Link{Purpose: LinkInvitation, Email: invitation.Email, SubjectID: &invitation.ID}, now)
	return err
}

// invitedHolder returns the account with an invited address. It is zero if there is
// none. It returns ErrNotFound for staff and for people who were disabled, because
// they cannot join a company.
func invitedHolder(tx *gorm.DB, email string) (User, error) {
	var user User
	err := tx.Where("email = ?", email).Take(&user).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return User{}, nil
	case err != nil:
		return User{}, fmt.Errorf("find account: %w", err)
	case user.StaffRole != "" || user.DisabledAt != nil:
		return User{}, database.ErrNotFound
	}
	return user, nil
}

// provenAddress returns the address of a person who has proved it. It is empty for
// anybody else.
func provenAddress(tx *gorm.DB, userID uuid.UUID) (string, error) {
	var addresses []string
	err := tx.Model(&User{}).Where("id = ? AND proven_at IS NOT NULL", userID).Pluck("email", &addresses).Error
	if err != nil || len(addresses) == 0 {
		return "", err
	}
	return addresses[0], nil
}

// InviteMember invites the person with an address to the visitor's company. The
// answer is the same whether the address has an account or not. It returns
// ErrUnproven, ErrInTeam, ErrInvited, ErrTeamFull, or a ThrottledError. from is the
// address of the browser.
func (a *Accounts) InviteMember(ctx context.Context, v Visitor, email string, role Role, from string) error {
	err := a.invite(ctx, v, email, from, func(tx *gorm.DB, now time.Time) error {
		var members int64
		err := tx.Table("memberships m").Joins("JOIN users u ON u.id = m.user_id").Where("u.email = ? AND m.company_id = ?", email, v.CompanyID).Count(&members).Error
		if err != nil {
			return fmt.Errorf("find member: %w", err)
		}
		if members > 0 {
			return ErrInTeam
		}
		var waiting Invitation
		err = tx.Where("company_id = ? AND email = ? AND accepted_at IS NULL AND withdrawn_at IS NULL", v.CompanyID, email).Take(&waiting).Error
		switch {
		case err == nil && waiting.Open(now):
			return ErrInvited
		case err == nil: // it has expired, and the new one replaces it
			if err := tx.Model(&waiting).Update("withdrawn_at", now).Error; err != nil {
				return fmt.Errorf("replace invitation: %w", err)
			}
		case !errors.Is(err, gorm.ErrRecordNotFound):
			return fmt.Errorf("find invitation: %w", err)
		}
		if err := roomForInvitation(tx, v.CompanyID, now); err != nil {
			return err
		}
		invitation := Invitation{CompanyID: v.CompanyID, Email: email, Role: role}
		if err := invitation.send(tx, &v.UserID, now); err != nil {
			return err
		}
		return v.Actor().AuditIn(tx, v.CompanyID, AuditInvited, invitation.ID, email+" ("+string(role)+")", now)
	})
	if err != nil {
		return fmt.Errorf("invite: %w", err)
	}
	return nil
}

// ResendInvitation sends an invitation again, with a new link and another seven
// days. Its earlier links end. It returns the same errors as InviteMember, and
// ErrNotFound if the invitation was accepted or withdrawn.
func (a *Accounts) ResendInvitation(ctx context.Context, v Visitor, id uuid.UUID, from string) error {
	waiting, err := waitingInvitation(a.db.Read(ctx), v.CompanyID, id)
	if err != nil {
		return err
	}
	err = a.invite(ctx, v, waiting.Email, from, func(tx *gorm.DB, now time.Time) error {
		invitation, err := waitingInvitation(tx, v.CompanyID, id)
		if err != nil {
			return err
		}
		if !invitation.Open(now) {
			if err := roomForInvitation(tx, v.CompanyID, now); err != nil {
				return err
			}
		}
		if err := invitation.send(tx, &v.UserID, now); err != nil {
			return err
		}
		return v.Actor().AuditIn(tx, v.CompanyID, AuditInvitationResent, id, invitation.Email, now)
	})
	if err != nil {
		return fmt.Errorf("send invitation again: %w", err)
	}
	return nil
}

// WithdrawInvitation withdraws an invitation and ends its links. It returns
// ErrNotFound if the invitation was accepted or withdrawn before.
func (a *Accounts) WithdrawInvitation(ctx context.Context, v Visitor, id uuid.UUID) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		if err := holdTeam(tx, v); err != nil {
			return err
		}
		invitation, err := waitingInvitation(tx, v.CompanyID, id)
		if err != nil {
			return err
		}
		now := a.db.Now()
		if err := tx.Model(&invitation).Update("withdrawn_at", now).Error; err != nil {
			return err
		}
		if err := EndLinks(tx, LinkInvitation, "subject_id", id); err != nil {
			return err
		}
		return v.Actor().AuditIn(tx, v.CompanyID, AuditInvitationWithdrawn, id, invitation.Email, now)
	})
	if err != nil {
		return fmt.Errorf("withdraw invitation: %w", err)
	}
	return nil
}

// invite runs a write that mails an invitation, for an owner who has proved their
// own address.
func (a *Accounts) invite(ctx context.Context, v Visitor, email, from string, write func(tx *gorm.DB, now time.Time) error) error {
	if !v.Proven {
		return ErrUnproven
	}
	keys := []string{invitationsPerCompany.key(v.CompanyID.String()), invitationsPerRecipient.key(email), invitationsPerAddress.key(from)}
	return a.limited(ctx, keys, func(tx *gorm.DB, now time.Time) error {
		if err := invitationsPerCompany.Take(tx, v.CompanyID.String(), now); err != nil {
			return err
		}
		if err := invitationsPerRecipient.Take(tx, email, now); err != nil {
			return err
		}
		if err := invitationsPerAddress.Take(tx, from, now); err != nil {
			return err
		}
		if err := holdTeam(tx, v); err != nil {
			return err
		}
		return write(tx, now)
	})
}

// waitingInvitation returns an invitation of a company that was neither accepted
// nor withdrawn. It may have expired.
func waitingInvitation(db *gorm.DB, companyID, id uuid.UUID) (Invitation, error) {
	var invitation Invitation
	err := db.Where("id = ? AND company_id = ? AND accepted_at IS NULL AND withdrawn_at IS NULL", id, companyID).Take(&invitation).Error
	return invitation, database.Found(err, "find invitation")
}

// roomForInvitation returns ErrTeamFull if a company may not invite anybody else.
func roomForInvitation(tx *gorm.DB, companyID uuid.UUID, now time.Time) error {
	var open, members int64
	err := tx.Model(&Invitation{}).Where("company_id = ? AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > ?", companyID, now).Count(&open).Error
	if err == nil {
		err = tx.Model(&Membership{}).Where("company_id = ?", companyID).Count(&members).Error
	}
	if err != nil {
		return fmt.Errorf("count team: %w", err)
	}
	if open >= openInvitations || open+members >= teamLimit {
		return ErrTeamFull
	}
	return nil
}
