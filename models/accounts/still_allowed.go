package accounts

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// StillAllowed checks whether an actor may still act for a company. A request can
// wait for ServiceTitan for a long time, and much can change in the meantime. It
// returns ErrNotFound, ErrLocked, ErrNoMembership, or ErrNoStaff.
//
// In a transaction, the rows that it reads cannot change until the end. Call it
// first there: a transaction that locks a company or removes a person takes the
// company's row before any connection's.
func StillAllowed(db *gorm.DB, by Actor, companyID uuid.UUID) error {
	if by.StaffName == "" {
		if _, err := allowedMember(db, companyID, by.UserID); !errors.Is(err, database.ErrNotFound) {
			return err
		}
	}
	return whyNotAllowed(db, by, companyID)
}

// allowedMember returns the role of a user who may act for a company, with one
// statement. It returns ErrNotFound if they may not, for whatever reason.
func allowedMember(db *gorm.DB, companyID, userID uuid.UUID) (role Role, err error) {
	query := `SELECT m.role FROM companies c JOIN memberships m ON m.company_id = c.id JOIN users u ON u.id = m.user_id
		WHERE c.id = $1 AND m.user_id = $2 AND c.deleted_at IS NULL AND c.locked_at IS NULL AND u.disabled_at IS NULL`
	if inTransaction(db) && database.IsPostgres(db) {
		query += " FOR SHARE OF c, m, u"
	}
	err = database.QueryRow(db, query, []any{companyID, userID}, &role)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		err = fmt.Errorf("find membership: %w", err)
	}
	return role, err
}

// StillOpen is StillAllowed for somebody who needs no account: it only checks the
// company. It returns ErrNotFound or ErrLocked.
func StillOpen(db *gorm.DB, companyID uuid.UUID) error {
	var company Company
	if err := forShare(db).Select("id", "locked_at", "deleted_at").Where("id = ?", companyID).Take(&company).Error; err != nil {
		return database.Found(err, "find company")
	}
	if company.DeletedAt != nil {
		return fmt.Errorf("company is deleted: %w", database.ErrNotFound)
	}
	if company.LockedAt != nil {
		return ErrLocked
	}
	return nil
}

// whyNotAllowed is StillAllowed with a statement for each question.
func whyNotAllowed(db *gorm.DB, by Actor, companyID uuid.UUID) error {
	if err := StillOpen(db, companyID); err != nil {
		return err
	}
	if by.StaffName != "" {
		return stillStaff(db, by.UserID)
	}
	_, err := stillMember(db, companyID, by.UserID)
	return err
}

// stillMember returns the user's current role in a company.
func stillMember(db *gorm.DB, companyID, userID uuid.UUID) (Role, error) {
	var member Membership
	err := forShare(db).Where("company_id = ? AND user_id = ?", companyID, userID).Take(&member).Error
	if err == nil {
		err = forShare(db).Select("id").Where("id = ? AND disabled_at IS NULL", userID).Take(&User{}).Error
	}
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", ErrNoMembership
	}
	if err != nil {
		return "", fmt.Errorf("find membership: %w", err)
	}
	return member.Role, nil
}

// stillStaff returns ErrNoStaff if the user is no longer on the staff.
func stillStaff(db *gorm.DB, userID uuid.UUID) error {
	err := forShare(db).Select("id").Where("id = ? AND staff_role <> '' AND disabled_at IS NULL", userID).Take(&User{}).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ErrNoStaff
	}
	if err != nil {
		return fmt.Errorf("find staff: %w", err)
	}
	return nil
}

// StillOwner is StillAllowed, and also returns ErrForbidden if the visitor no
// longer owns the company.
func StillOwner(tx *gorm.DB, v Visitor) error {
	role, err := allowedMember(tx, v.CompanyID, v.UserID)
	if errors.Is(err, database.ErrNotFound) {
		if err = whyNotAllowed(tx, v.Actor(), v.CompanyID); err == nil {
			role, err = stillMember(tx, v.CompanyID, v.UserID)
		}
	}
	if err == nil && role != Owner {
		err = ErrForbidden
	}
	return err
}

// forShare keeps the rows that are read from changing until the transaction ends,
// on databases with many writers. Outside a transaction it locks nothing, because a
// lock would end at once and still cost a write.
func forShare(db *gorm.DB) *gorm.DB {
	if !inTransaction(db) {
		return db
	}
	return db.Clauses(clause.Locking{Strength: "SHARE"})
}

// inTransaction says whether db is a transaction of a database with many writers.
func inTransaction(db *gorm.DB) bool {
	_, can := db.Statement.ConnPool.(gorm.TxCommitter)
	return can
}
