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

// What owners change in the settings of their company.
const (
	// AuditCompanyRenamed has the former and the new name as its detail.
	AuditCompanyRenamed AuditAction = "company_renamed"
	// AuditTimeZoneChanged has the new zone as its detail.
	AuditTimeZoneChanged AuditAction = "time_zone_changed"
	// AuditIncidentMailsOn says that a person gets mails about incidents from now
	// on.
	AuditIncidentMailsOn AuditAction = "incident_mails_on"
	// AuditIncidentMailsOff says that a person no longer gets them.
	AuditIncidentMailsOff AuditAction = "incident_mails_off"
)

// ErrNoRecipient says that nobody who was chosen could receive a mail.
var ErrNoRecipient = errors.New("nobody who was chosen has a proven address")

// companyChanges limits how often a company's settings change. A change of the name
// rewrites the rows of all connections.
var companyChanges = Limit{"company-settings", 60, time.Hour}

// Recipient is a member of a company, with whether they get mails about incidents.
type Recipient struct {
	UserID      uuid.UUID
	Name, Email string
	Role        Role
	// Gets says that the person is chosen.
	Gets bool
	// Reachable says that the person has proved their address and may sign in. We
	// send no such mail to others.
	Reachable bool
}

// recipientsShown is the most members of a company among whom the recipients are
// chosen.
const recipientsShown = 200

// Recipients returns the members of a company, owners first.
func (a *Accounts) Recipients(ctx context.Context, companyID uuid.UUID) ([]Recipient, error) {
	return recipients(a.db.Read(ctx), companyID)
}

func recipients(db *gorm.DB, companyID uuid.UUID) ([]Recipient, error) {
	var list []Recipient
	err := db.Raw(`SELECT m.user_id, u.name, u.email, m.role, coalesce(m.incident_mails, m.role = ?) AS gets,
			(u.proven_at IS NOT NULL AND u.disabled_at IS NULL) AS reachable
		FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.company_id = ? ORDER BY m.role DESC, u.name, u.id LIMIT ?`,
		Owner, companyID, recipientsShown).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list recipients: %w", err)
	}
	return list, nil
}

// changeCompany changes a company for one of its owners. It locks the company's row,
// and change gets the row. It returns a ThrottledError for too many changes.
func (a *Accounts) changeCompany(ctx context.Context, v Visitor, change func(tx *gorm.DB, company Company, now time.Time) error) error {
	id := v.CompanyID.String()
	return a.limited(ctx, []string{companyChanges.key(id)}, func(tx *gorm.DB, now time.Time) error {
		if err := companyChanges.Take(tx, id, now); err != nil {
			return err
		}
		var company Company
		if err := database.ForUpdate(tx).Where("id = ?", v.CompanyID).Take(&company).Error; err != nil {
			return database.Found(err, "find company")
		}
		if err := StillOwner(tx, v); err != nil {
			return err
		}
		return change(tx, company, now)
	})
}

// ChangeCompany changes the name and the time zone of a company. The caller has
// parsed the name with ParseName and checked the zone with IsTimeZone.
func (a *Accounts) ChangeCompany(ctx context.Context, v Visitor, name, zone string) error {
	err := a.changeCompany(ctx, v, func(tx *gorm.DB, company Company, now time.Time) error {
		if former := company.Name; former != name {
			company.Name = name
			if err := renameCompany(tx, company); err != nil {
				return err
			}
			if err := v.Actor().AuditIn(tx, company.ID, AuditCompanyRenamed, company.ID, former+" → "+name, now); err != nil {
				return err
			}
		}
		if company.TimeZone == zone {
			return nil
		}
		if err := tx.Model(&Company{}).Where("id = ?", company.ID).Update("time_zone", zone).Error; err != nil {
			return fmt.Errorf("store time zone: %w", err)
		}
		return v.Actor().AuditIn(tx, company.ID, AuditTimeZoneChanged, company.ID, zone, now)
	})
	if err != nil {
		return fmt.Errorf("change company: %w", err)
	}
	return nil
}

// ChooseRecipients decides who gets mails about incidents. It leaves alone members
// for whom chosen has no entry. It returns ErrNoRecipient if nobody would get them.
func (a *Accounts) ChooseRecipients(ctx context.Context, v Visitor, chosen map[uuid.UUID]bool) error {
	err := a.changeCompany(ctx, v, func(tx *gorm.DB, company Company, now time.Time) error {
		list, err := recipients(tx, company.ID)
		if err != nil {
			return err
		}
		anybody := false
		var records []AuditRecord
		changed := map[bool][]uuid.UUID{}
		for _, r := range list {
			gets, decided := chosen[r.UserID]
			if !decided {
				gets = r.Gets
			}
			anybody = anybody || gets && r.Reachable
			if gets == r.Gets {
				continue
			}
			action := AuditIncidentMailsOff
			if gets {
				action = AuditIncidentMailsOn
			}
			changed[gets] = append(changed[gets], r.UserID)
			records = append(records, v.Actor().recordOf(&company.ID, action, r.UserID, "", now))
		}
		if !anybody {
			return ErrNoRecipient
		}
		if len(records) == 0 {
			return nil
		}
		for gets, ids := range changed {
			if err := tx.Model(&Membership{}).Where("company_id = ? AND user_id IN ?", company.ID, ids).Update("incident_mails", gets).Error; err != nil {
				return fmt.Errorf("store recipients: %w", err)
			}
		}
		if err := tx.Omit("TargetName").Create(&records).Error; err != nil {
			return fmt.Errorf("record recipients: %w", err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("choose recipients: %w", err)
	}
	return nil
}
