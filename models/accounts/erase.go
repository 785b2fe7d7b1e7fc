package accounts

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// personalRows are the rows that are deleted with a person: a table, and the column
// that names the person. A new table about people belongs in this list, or in
// TestDeletionReadsWholeDatabase as one that stays.
var personalRows = []struct{ table, column, of string }{
	{table: "account_mails", column: "user_id"},
	{table: "account_mails", column: "recipient", of: "email"},
	{table: "authorizations", column: "user_id"},
	{table: "links", column: "user_id"},
	{table: "links", column: "email", of: "email"},
	{table: "passkeys", column: "user_id"},
	{table: "recovery_codes", column: "user_id"},
	{table: "second_factors", column: "user_id"},
	{table: "sessions", column: "user_id"},
}

// EraseMembers ends up to limit memberships of a company that is being deleted. It
// erases the people who belong to no other company: it deletes their rows and ends
// their sessions. Of the person only an ID stays, which other records refer to. The
// caller has locked the company's row. EraseMembers returns how many memberships it
// ended.
func EraseMembers(tx *gorm.DB, companyID uuid.UUID, limit int, now time.Time) (int, error) {
	var members []uuid.UUID
	err := tx.Model(&Membership{}).Where("company_id = ?", companyID).Order("user_id").Limit(limit).Pluck("user_id", &members).Error
	if err != nil || len(members) == 0 {
		return 0, err
	}
	// Whoever joins another company at this moment refers to the person's row. The
	// lock waits for that, so that the next query sees the other company.
	var locked []uuid.UUID
	err = tx.Model(&User{}).Clauses(clause.Locking{Strength: "UPDATE"}).Where("id IN ?", members).Order("id").Pluck("id", &locked).Error
	if err != nil {
		return 0, fmt.Errorf("lock members: %w", err)
	}
	var gone []User
	err = tx.Select("id", "email", "new_email").Where("id IN ? AND staff_role = '' AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = users.id AND m.company_id <> ?)", members, companyID).
		Order("id").Find(&gone).Error
	if err != nil {
		return 0, fmt.Errorf("find members without another company: %w", err)
	}
	if err := erase(tx, gone, now); err != nil {
		return 0, err
	}
	err = tx.Exec("DELETE FROM authorizations WHERE user_id IN ? AND company_id = ?", members, companyID).Error
	if err == nil {
		err = tx.Where("company_id = ? AND user_id IN ?", companyID, members).Delete(&Membership{}).Error
	}
	if err != nil {
		return 0, fmt.Errorf("end memberships: %w", err)
	}
	return len(members), nil
}

// erase deletes everything about people except their IDs.
func erase(tx *gorm.DB, people []User, now time.Time) error {
	if len(people) == 0 {
		return nil
	}
	var ids []uuid.UUID
	var emails []string
	for _, p := range people {
		ids, emails = append(ids, p.ID), append(emails, p.Email)
		if p.NewEmail != "" {
			emails = append(emails, p.NewEmail)
		}
	}
	for _, rows := range personalRows {
		var values any = ids
		if rows.of == "email" {
			values = emails
		}
		if err := tx.Exec("DELETE FROM "+rows.table+" WHERE "+rows.column+" IN ?", values).Error; err != nil {
			return fmt.Errorf("erase people from %s: %w", rows.table, err)
		}
	}
	err := tx.Exec(`UPDATE users SET email = 'deleted-' || CAST(id AS TEXT), name = '', password_hash = '', session_epoch = session_epoch + 1,
		new_email = '', proven_at = NULL, last_sign_in_at = NULL, disabled_at = coalesce(disabled_at, ?) WHERE id IN ?`, now, ids).Error
	if err != nil {
		return fmt.Errorf("erase people: %w", err)
	}
	return nil
}

// EraseCompanyName replaces the name of a company that was deleted, and forgets how
// it is found.
func EraseCompanyName(tx *gorm.DB, companyID uuid.UUID) error {
	if err := renameCompany(tx, Company{ID: companyID, Name: DeletedCompany}); err != nil {
		return err
	}
	if err := tx.Where("company_id = ?", companyID).Delete(&CompanyWord{}).Error; err != nil {
		return fmt.Errorf("forget words of company name: %w", err)
	}
	return nil
}

// DeletedCompany is the name of every company that was deleted.
const DeletedCompany = "Deleted company"
