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

// Changes of a company's people that its activity shows.
const (
	// AuditMemberRole says that an owner changed a member's role. The detail is the
	// new role.
	AuditMemberRole AuditAction = "member_role_changed"
	// AuditMemberRemoved says that an owner removed a member. The detail is the
	// member's address.
	AuditMemberRemoved AuditAction = "member_removed"
	// AuditMemberLeft says that a member left the company.
	AuditMemberLeft AuditAction = "member_left"
)

// RemovedDetail is the detail of MailRoleChanged for a person who was removed. For
// others, the detail is the new role.
const RemovedDetail = "removed"

// TeamMember is a person of a company.
type TeamMember struct {
	UserID      uuid.UUID
	Name, Email string
	Role        Role
	DisabledAt  *time.Time
	// SeenAt is when the person was last here, or nil if that is unknown.
	SeenAt *time.Time
}

// SentInvitation is an invitation that nobody has accepted, as owners see it.
type SentInvitation struct {
	Invitation
	InviterName string
}

// Team is a company's people, owners first, and the invitations that nobody has
// accepted. Expired invitations are among them.
type Team struct {
	Members     []TeamMember
	Invitations []SentInvitation
}

// Team returns the people of the visitor's company. Only owners get invitations,
// and when people were last here.
func (a *Accounts) Team(ctx context.Context, v Visitor) (Team, error) {
	db := a.db.Read(ctx)
	team := Team{}
	if err := membersOf(db, v.CompanyID).Order("m.role DESC, u.name, u.id").Limit(teamLimit).Find(&team.Members).Error; err != nil {
		return Team{}, fmt.Errorf("list team: %w", err)
	}
	if !v.Owns() {
		return team, nil
	}
	err := db.Table("invitations i").Select("i.*, coalesce(u.name, '') AS inviter_name").Joins("LEFT JOIN users u ON u.id = i.invited_by").
		Where("i.company_id = ? AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL", v.CompanyID).
		Order("i.email").Limit(teamLimit).Find(&team.Invitations).Error
	if err != nil {
		return Team{}, fmt.Errorf("list invitations: %w", err)
	}
	return team, a.addSeen(db, team.Members)
}

func membersOf(db *gorm.DB, companyID uuid.UUID) *gorm.DB {
	return db.Table("memberships m").Select("u.id AS user_id, u.name, u.email, m.role, u.disabled_at, u.last_sign_in_at AS seen_at").
		Joins("JOIN users u ON u.id = m.user_id").Where("m.company_id = ?", companyID)
}

// addSeen adds when the members' sessions were last used.
func (a *Accounts) addSeen(db *gorm.DB, members []TeamMember) error {
	var ids []uuid.UUID
	for _, m := range members {
		ids = append(ids, m.UserID)
	}
	var sessions []session
	if err := db.Select("user_id", "seen_at").Where("user_id IN ?", ids).Order("seen_at").Find(&sessions).Error; err != nil {
		return fmt.Errorf("list sessions: %w", err)
	}
	latest := map[uuid.UUID]time.Time{}
	for _, s := range sessions {
		latest[*s.UserID] = s.SeenAt
	}
	for i, m := range members {
		if at, ok := latest[m.UserID]; ok && (m.SeenAt == nil || at.After(*m.SeenAt)) {
			members[i].SeenAt = &at
		}
	}
	return nil
}

// Member returns a person of the visitor's company, or ErrNotFound.
func (a *Accounts) Member(ctx context.Context, v Visitor, id uuid.UUID) (TeamMember, error) {
	var m TeamMember
	err := membersOf(a.db.Read(ctx), v.CompanyID).Where("m.user_id = ?", id).Take(&m).Error
	return m, database.Found(err, "find member")
}

// holdTeam locks the visitor's company, so that changes to its people happen one
// after another. It checks that the visitor still owns the company. Transactions
// that change two people also lock the users; see ForUpdate for the order.
func holdTeam(tx *gorm.DB, v Visitor, others ...uuid.UUID) error {
	var company Company
	if err := database.ForUpdate(tx).Select("id", "locked_at").Where("id = ?", v.CompanyID).Take(&company).Error; err != nil {
		return database.Found(err, "find company")
	}
	if len(others) > 0 {
		var locked []uuid.UUID
		if err := database.ForUpdate(tx.Model(&User{})).Where("id IN ?", append(others, v.UserID)).Order("id").Pluck("id", &locked).Error; err != nil {
			return fmt.Errorf("lock people: %w", err)
		}
	}
	return StillOwner(tx, v)
}

// rolesPerMember limits how often the role of a person in a company changes. Each
// change sends the person a mail.
var rolesPerMember = Limit{"roles-member", 10, 24 * time.Hour}

// SetMemberRole changes the role of another person of the visitor's company, and
// ends that person's sessions. It returns ErrLastOwner or ErrYourself for the
// visitor's own role, ErrNotFound for a person of another company, and a
// ThrottledError after too many changes.
func (a *Accounts) SetMemberRole(ctx context.Context, v Visitor, id uuid.UUID, role Role) error {
	of := v.CompanyID.String() + " " + id.String()
	err := a.limited(ctx, []string{rolesPerMember.key(of)}, func(tx *gorm.DB, now time.Time) error {
		if err := rolesPerMember.Take(tx, of, now); err != nil {
			return err
		}
		member, user, err := holdOther(tx, v, id)
		if err != nil || member.Role == role {
			return err
		}
		if err := tx.Model(&Membership{}).Where("company_id = ? AND user_id = ?", v.CompanyID, id).Update("role", role).Error; err != nil {
			return err
		}
		if err := endSessions(tx, id); err != nil {
			return err
		}
		if err := mailUser(tx, user, AccountMail{Kind: MailRoleChanged, CompanyID: &v.CompanyID, SubjectID: &v.UserID, Detail: string(role)}, now); err != nil {
			return err
		}
		return v.Actor().AuditIn(tx, v.CompanyID, AuditMemberRole, id, string(role), now)
	})
	if err != nil {
		return fmt.Errorf("change role: %w", err)
	}
	return nil
}

// RemoveMember removes another person from the visitor's company. The person keeps
// the account, and sessions for other companies. It returns the same errors as
// SetMemberRole, but has no limit.
func (a *Accounts) RemoveMember(ctx context.Context, v Visitor, id uuid.UUID) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		now := a.db.Now()
		_, user, err := holdOther(tx, v, id)
		if err != nil {
			return err
		}
		if err := endMembership(tx, v.CompanyID, id); err != nil {
			return err
		}
		if err := mailUser(tx, user, AccountMail{Kind: MailRoleChanged, CompanyID: &v.CompanyID, SubjectID: &v.UserID, Detail: RemovedDetail}, now); err != nil {
			return err
		}
		return v.Actor().AuditIn(tx, v.CompanyID, AuditMemberRemoved, id, user.Email, now)
	})
	if err != nil {
		return fmt.Errorf("remove member: %w", err)
	}
	return nil
}

// holdOther locks the visitor's company, the visitor, and another person of the
// company, whom it returns. If two owners demote each other, the second one is no
// longer an owner.
func holdOther(tx *gorm.DB, v Visitor, id uuid.UUID) (member Membership, user User, err error) {
	if err := holdTeam(tx, v, id); err != nil {
		return member, user, err
	}
	if id == v.UserID {
		if err := anotherOwner(tx, v.CompanyID, id); err != nil {
			return member, user, err
		}
		return member, user, ErrYourself
	}
	if err := tx.Where("company_id = ? AND user_id = ?", v.CompanyID, id).Take(&member).Error; err != nil {
		return member, user, database.Found(err, "find member")
	}
	err = tx.Where("id = ?", id).Take(&user).Error
	return member, user, database.Found(err, "find member")
}

// Leave ends the visitor's own membership. It returns ErrLastOwner if the company
// would have no owner left.
func (a *Accounts) Leave(ctx context.Context, v Visitor) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		var company Company
		if err := database.ForUpdate(tx).Select("id").Where("id = ?", v.CompanyID).Take(&company).Error; err != nil {
			return database.Found(err, "find company")
		}
		role, err := stillMember(tx, v.CompanyID, v.UserID)
		if err != nil {
			return err
		}
		if role == Owner {
			if err := anotherOwner(tx, v.CompanyID, v.UserID); err != nil {
				return err
			}
		}
		if err := endMembership(tx, v.CompanyID, v.UserID); err != nil {
			return err
		}
		return v.Actor().AuditIn(tx, v.CompanyID, AuditMemberLeft, v.UserID, "", a.db.Now())
	})
	if err != nil {
		return fmt.Errorf("leave company: %w", err)
	}
	return nil
}

// LastOwner reports whether the visitor is the only owner of the company.
func (a *Accounts) LastOwner(ctx context.Context, v Visitor) (bool, error) {
	err := anotherOwner(a.db.Read(ctx), v.CompanyID, v.UserID)
	if errors.Is(err, ErrLastOwner) {
		return v.Owns(), nil
	}
	return false, err
}

// anotherOwner returns ErrLastOwner if a company has no other owner who may sign
// in. In a transaction, the company's row is locked.
func anotherOwner(db *gorm.DB, companyID, than uuid.UUID) error {
	var others []int
	err := db.Raw(`SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.company_id = ? AND m.role = ? AND m.user_id <> ? AND u.disabled_at IS NULL LIMIT 1`, companyID, Owner, than).Scan(&others).Error
	if err != nil {
		return fmt.Errorf("find other owners: %w", err)
	}
	if len(others) == 0 {
		return ErrLastOwner
	}
	return nil
}

func endMembership(tx *gorm.DB, companyID, userID uuid.UUID) error {
	if err := tx.Where("company_id = ? AND user_id = ?", companyID, userID).Delete(&Membership{}).Error; err != nil {
		return fmt.Errorf("end membership: %w", err)
	}
	return nil
}

// prepareRoleChange adds the address of the person who changed the role.
func (m *PreparedMail) prepareRoleChange(tx *gorm.DB) (err error) {
	if m.SubjectID != nil {
		m.From, err = provenAddress(tx, *m.SubjectID)
	}
	return err
}
