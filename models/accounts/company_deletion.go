package accounts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// DeletionWait is how long any owner can still keep a company that is to be deleted.
const DeletionWait = 14 * 24 * time.Hour

// What owners decide about the end of their company.
const (
	// AuditDeletionAsked says that the company is to be deleted.
	AuditDeletionAsked AuditAction = "company_deletion_asked"
	// AuditDeletionUndone says that the company is to be kept after all.
	AuditDeletionUndone AuditAction = "company_deletion_undone"
	// AuditCompanyDeleted says that the deletion has begun. Nobody did it: its time
	// had come.
	AuditCompanyDeleted AuditAction = "company_deleted"
)

// deletionsPerCompany limits how often a company's owners can change their minds.
// Each time, all owners get a mail.
var deletionsPerCompany = Limit{"company-deletions", 5, 24 * time.Hour}

// ErrOtherName says that the name that was typed is not the company's.
var ErrOtherName = errors.New("not the name of the company")

// IsNameOf says whether a person has typed the name of a company. Upper and lower case
// count as equal.
func IsNameOf(company, typed string) bool {
	name, problem := ParseName(typed)
	return problem == NameFine && strings.EqualFold(name, company)
}

// AskDeletion makes a company end after DeletionWait, and tells all owners. Until
// then everything works as before. typed must be the company's name, in any case.
// tenants are the ServiceTitan tenants that are connected, for the mail. The caller
// has confirmed the password. Asking twice has no further effect. AskDeletion returns
// ErrOtherName for another name, and a ThrottledError.
func (a *Accounts) AskDeletion(ctx context.Context, v Visitor, typed string, tenants []int64) error {
	err := a.changeCompany(ctx, v, func(tx *gorm.DB, company Company, now time.Time) error {
		if !IsNameOf(company.Name, typed) {
			return ErrOtherName
		}
		if company.DeletionAt != nil {
			return nil
		}
		// Whoever takes this count has the company's row.
		if err := deletionsPerCompany.Take(tx, company.ID.String(), now); err != nil {
			return err
		}
		err := tx.Model(&Company{}).Where("id = ?", company.ID).
			Updates(map[string]any{"deletion_at": now.Add(DeletionWait), "deletion_by_id": v.UserID}).Error
		if err != nil {
			return err
		}
		var owners []User
		err = tx.Where("id IN (SELECT user_id FROM memberships WHERE company_id = ? AND role = ?)", company.ID, Owner).Order("id").Find(&owners).Error
		if err != nil {
			return err
		}
		numbers := make([]string, len(tenants))
		for i, tenant := range tenants {
			numbers[i] = strconv.FormatInt(tenant, 10)
		}
		for _, owner := range owners {
			mail := AccountMail{Kind: MailCompanyDeletion, CompanyID: &company.ID, Detail: strings.Join(numbers, ", ")}
			if err := mailUser(tx, owner, mail, now); err != nil {
				return err
			}
		}
		return v.Actor().AuditIn(tx, company.ID, AuditDeletionAsked, company.ID, "", now)
	})
	if err != nil {
		return fmt.Errorf("ask for deletion: %w", err)
	}
	return nil
}

// KeepCompany undoes AskDeletion for any owner.
func (a *Accounts) KeepCompany(ctx context.Context, v Visitor) error {
	err := a.changeCompany(ctx, v, func(tx *gorm.DB, company Company, now time.Time) error {
		if company.DeletionAt == nil {
			return nil
		}
		err := tx.Model(&Company{}).Where("id = ?", company.ID).Updates(map[string]any{"deletion_at": nil, "deletion_by_id": nil}).Error
		if err != nil {
			return err
		}
		return v.Actor().AuditIn(tx, company.ID, AuditDeletionUndone, company.ID, "", now)
	})
	if err != nil {
		return fmt.Errorf("keep company: %w", err)
	}
	return nil
}

// prepareDeletion says who asked for the deletion. It drops the mail if an owner has
// kept the company in the meantime.
func (m *PreparedMail) prepareDeletion(tx *gorm.DB) (err error) {
	var company Company
	if err := tx.Where("id = ? AND deletion_at IS NOT NULL", m.CompanyID).Take(&company).Error; err != nil {
		return database.Found(err, "find company that is to be deleted")
	}
	if company.DeletionByID != nil {
		m.From, err = provenAddress(tx, *company.DeletionByID)
	}
	return err
}
