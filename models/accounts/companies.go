package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// companiesPerPerson is how many companies a person may belong to.
const companiesPerPerson = 50

// The limits of adding companies.
var (
	companiesPerAccount = Limit{"companies-account", 5, 24 * time.Hour}
	companiesPerAddress = Limit{"companies-address", 20, time.Hour}
)

// AuditCompanyAdded says that a person created the company.
const AuditCompanyAdded AuditAction = "company_added"

// CompanyChoice is a company that a person belongs to.
type CompanyChoice struct {
	ID   uuid.UUID
	Name string
}

// LastCompany returns the company that a person used last. It returns uuid.Nil for
// a person who belongs to none. A company whose deletion has begun does not count,
// although its memberships end only later.
func (a *Accounts) LastCompany(ctx context.Context, userID uuid.UUID) (uuid.UUID, error) {
	return lastCompany(a.db.Read(ctx), userID)
}

func lastCompany(db *gorm.DB, userID uuid.UUID) (uuid.UUID, error) {
	var ids []uuid.UUID
	err := db.Raw(`SELECT m.company_id FROM memberships m JOIN companies c ON c.id = m.company_id
		WHERE m.user_id = ? AND c.deleted_at IS NULL ORDER BY m.used_at IS NULL, m.used_at DESC, m.created_at LIMIT 1`, userID).Scan(&ids).Error
	if err != nil {
		return uuid.Nil, fmt.Errorf("find last company: %w", err)
	}
	if len(ids) == 0 {
		return uuid.Nil, nil
	}
	return ids[0], nil
}

// UseCompany notes that a person goes on in another one of their companies. It
// returns ErrNotFound if they do not belong to it, or if its deletion has begun.
func (a *Accounts) UseCompany(ctx context.Context, userID, companyID uuid.UUID) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		used := tx.Model(&Membership{}).Where("company_id = ? AND user_id = ? AND EXISTS (SELECT 1 FROM companies c WHERE c.id = company_id AND c.deleted_at IS NULL)", companyID, userID).
			Update("used_at", a.db.Now())
		if used.Error == nil && used.RowsAffected == 0 {
			return database.ErrNotFound
		}
		return used.Error
	})
	if err != nil {
		return fmt.Errorf("use company: %w", err)
	}
	return nil
}

// NewCompany is what a person who has an account enters for another company. The
// caller has parsed the name with ParseName.
type NewCompany struct {
	Name string
	// TimeZone is the name of the browser's time zone. It may be any text.
	TimeZone string
	Address  string // of the browser
}

// AddCompany creates a company whose owner is a person who has an account. It
// returns ErrUnproven, ErrTooManyCompanies, or a ThrottledError.
func (a *Accounts) AddCompany(ctx context.Context, v Visitor, n NewCompany) (Company, error) {
	if !v.Proven {
		return Company{}, ErrUnproven
	}
	var company Company
	account := v.UserID.String()
	err := a.limited(ctx, []string{companiesPerAccount.key(account), companiesPerAddress.key(n.Address)}, func(tx *gorm.DB, now time.Time) error {
		if err := companiesPerAccount.Take(tx, account, now); err != nil {
			return err
		}
		if err := companiesPerAddress.Take(tx, n.Address, now); err != nil {
			return err
		}
		if err := lockUser(tx, &v.UserID); err != nil {
			return err
		}
		if err := roomForCompany(tx, v.UserID); err != nil {
			return err
		}
		company = Company{ID: database.NewID(), Name: n.Name, TimeZone: BrowserTimeZone(n.TimeZone), CreatedAt: now}
		if err := CreateCompany(tx, &company); err != nil {
			return err
		}
		if err := tx.Create(&Membership{CompanyID: company.ID, UserID: v.UserID, Role: Owner, CreatedAt: now, UsedAt: &now}).Error; err != nil {
			return err
		}
		return v.Actor().AuditIn(tx, company.ID, AuditCompanyAdded, v.UserID, "", now)
	})
	if err != nil {
		return Company{}, fmt.Errorf("add company: %w", err)
	}
	return company, nil
}

// roomForCompany returns ErrTooManyCompanies if a person, whose row is locked, may
// not belong to another company.
func roomForCompany(tx *gorm.DB, userID uuid.UUID) error {
	var n int64
	if err := tx.Model(&Membership{}).Where("user_id = ?", userID).Count(&n).Error; err != nil {
		return fmt.Errorf("count companies: %w", err)
	}
	if n >= companiesPerPerson {
		return ErrTooManyCompanies
	}
	return nil
}
