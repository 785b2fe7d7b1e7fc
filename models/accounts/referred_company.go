package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// FindCompany returns a company, or ErrNotFound.
func FindCompany(db *gorm.DB, id uuid.UUID) (Company, error) {
	var company Company
	err := db.Where("id = ?", id).Take(&company).Error
	return company, database.Found(err, "find company")
}

// CompanyByReference returns the company to which the operator's back end has given an
// ID, or ErrNotFound.
func CompanyByReference(db *gorm.DB, reference string) (Company, error) {
	var company Company
	err := db.Where("reference = ? AND reference <> ''", reference).Take(&company).Error
	return company, database.Found(err, "find company by reference")
}

// CompanyByReference is the function of the same name, for the database of the accounts.
func (a *Accounts) CompanyByReference(ctx context.Context, reference string) (Company, error) {
	return CompanyByReference(a.db.Read(ctx), reference)
}

// AddReferredCompany creates a company for the operator's back end, which has given it
// an ID. Nobody belongs to the company until an operator invites its first owner.
// AddReferredCompany returns gorm.ErrDuplicatedKey if another company has the ID.
func AddReferredCompany(tx *gorm.DB, by Actor, reference, name string, now time.Time) (Company, error) {
	company := Company{ID: database.NewID(), Name: name, Reference: reference, CreatedAt: now}
	if err := CreateCompany(tx, &company); err != nil {
		return Company{}, err
	}
	if err := by.AuditIn(tx, company.ID, AuditCompanyAdded, company.ID, "", now); err != nil {
		return Company{}, fmt.Errorf("add company: %w", err)
	}
	return company, nil
}
