package accounts

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Changes that our staff make to the account of a person who belongs to a company.
// The activity of each company of the person shows them.
const (
	// AuditSignedOut says that support ended all sessions of a person.
	AuditSignedOut AuditAction = "member_signed_out"
	// AuditResetStarted says that support had a link mailed to a person, by which
	// they choose a new password.
	AuditResetStarted AuditAction = "member_reset_started"
	// AuditMemberDisabled says that support took a person's access away, and
	// AuditMemberEnabled that support gave it back.
	AuditMemberDisabled AuditAction = "member_disabled"
	AuditMemberEnabled  AuditAction = "member_enabled"
)

// resetsStarted limits the mails that staff can have sent to one person.
var resetsStarted = Limit{"staff-reset", 5, time.Hour}

// EndMemberSessions signs a person of a company out on all devices.
func EndMemberSessions(tx *gorm.DB, by Actor, companyID, userID uuid.UUID, now time.Time) error {
	user, err := holdMember(tx, companyID, userID)
	if err != nil {
		return err
	}
	if err := endSessions(tx, user.ID); err != nil {
		return err
	}
	return by.auditMember(tx, AuditSignedOut, user.ID, now)
}

// StartReset has a link mailed to a person of a company, by which they choose a new
// password. The old one works until then. It returns ErrNotFound if the account is
// disabled, or a ThrottledError.
func StartReset(tx *gorm.DB, by Actor, companyID, userID uuid.UUID, now time.Time) error {
	user, err := holdMember(tx, companyID, userID)
	if err != nil {
		return err
	}
	if user.DisabledAt != nil {
		return database.ErrNotFound
	}
	if err := resetsStarted.Take(tx, user.ID.String(), now); err != nil {
		return err
	}
	if err := (AccountMail{UserID: &user.ID, Recipient: user.Email, Kind: MailReset}).queue(tx, now); err != nil {
		return err
	}
	return by.auditMember(tx, AuditResetStarted, user.ID, now)
}

// DisableMember takes the access of a person of a company away, and ends their
// sessions and the links that they were sent. It returns false if that was done
// before.
func DisableMember(tx *gorm.DB, by Actor, companyID, userID uuid.UUID, now time.Time) (changed bool, err error) {
	user, err := holdMember(tx, companyID, userID)
	if err != nil || user.DisabledAt != nil {
		return false, err
	}
	if err := tx.Model(&User{}).Where("id = ?", user.ID).Update("disabled_at", now).Error; err != nil {
		return false, fmt.Errorf("disable account: %w", err)
	}
	if err := EndLinks(tx, LinkReset, "user_id", user.ID); err != nil {
		return false, err
	}
	if err := endSessions(tx, user.ID); err != nil {
		return false, err
	}
	return true, by.auditMember(tx, AuditMemberDisabled, user.ID, now)
}

// EnableMember gives a person of a company their access back. It returns false if
// they have it.
func EnableMember(tx *gorm.DB, by Actor, companyID, userID uuid.UUID, now time.Time) (changed bool, err error) {
	user, err := holdMember(tx, companyID, userID)
	if err != nil || user.DisabledAt == nil {
		return false, err
	}
	if err := tx.Model(&User{}).Where("id = ?", user.ID).Update("disabled_at", nil).Error; err != nil {
		return false, fmt.Errorf("enable account: %w", err)
	}
	return true, by.auditMember(tx, AuditMemberEnabled, user.ID, now)
}

// SendInvitationAgain is ResendInvitation for staff. The invitation stays that of the
// owner who sent it.
func SendInvitationAgain(tx *gorm.DB, by Actor, companyID, id uuid.UUID, now time.Time) error {
	invitation, err := waitingInvitation(database.ForUpdate(tx), companyID, id)
	if err != nil {
		return err
	}
	if err := invitationsPerRecipient.Take(tx, invitation.Email, now); err != nil {
		return err
	}
	if !invitation.Open(now) {
		if err := roomForInvitation(tx, companyID, now); err != nil {
			return err
		}
	}
	if err := invitation.send(tx, invitation.InvitedBy, now); err != nil {
		return err
	}
	return by.AuditIn(tx, companyID, AuditInvitationResent, id, invitation.Email, now)
}

// holdMember locks the row of a person who belongs to a company, and returns them.
func holdMember(tx *gorm.DB, companyID, userID uuid.UUID) (User, error) {
	var user User
	err := database.ForUpdate(tx).Where("id = ? AND staff_role = '' AND EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = users.id AND m.company_id = ?)", userID, companyID).Take(&user).Error
	return user, database.Found(err, "find member")
}

// auditMember records a change to a person's account in all their companies.
func (by Actor) auditMember(tx *gorm.DB, action AuditAction, userID uuid.UUID, now time.Time) error {
	var companies []uuid.UUID
	if err := tx.Model(&Membership{}).Where("user_id = ?", userID).Order("company_id").Pluck("company_id", &companies).Error; err != nil {
		return fmt.Errorf("find companies: %w", err)
	}
	records := make([]AuditRecord, len(companies))
	for i := range companies {
		records[i] = AuditRecord{
			ID: database.NewID(), Action: action, CompanyID: &companies[i], ActorID: &by.UserID, ActorName: by.Name,
			TargetID: userID, SupportCode: by.SupportCode, At: now,
		}
	}
	if err := tx.Omit("TargetName").Create(&records).Error; err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}
