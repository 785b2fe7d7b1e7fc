package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// NameKey returns the form of a name that is used for searching and sorting: its
// words in lower case, without accents, separated by single spaces. A name without
// letters and digits is its own key.
func NameKey(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.Is(unicode.Mn, r) || strings.ContainsRune(apostrophes, r):
			// An accent, or the apostrophe of O'Brien, does not end a word.
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte(' ')
		}
	}
	if key := strings.Join(strings.Fields(b.String()), " "); key != "" {
		return key
	}
	return name
}

// apostrophes are the characters that people type as an apostrophe, and those that
// programs put in its place. Unicode counts some of them as letters.
const apostrophes = "'’‘ʼʻʹ′´`＇"

// nameWords returns the words by which a name is found, without duplicates.
// Punctuation within a word counts both as a separator and as nothing: O'Rourke is
// found as orourke and as rourke, and A.C. as a, c, and ac.
func nameWords(name string) []string {
	words := strings.Fields(NameKey(name))
	for _, whole := range strings.Fields(norm.NFKD.String(name)) {
		parts := strings.Fields(NameKey(strings.Map(func(r rune) rune {
			if strings.ContainsRune(apostrophes, r) {
				return ' '
			}
			return r
		}, whole)))
		if len(parts) > 1 {
			words = append(append(words, parts...), strings.Join(parts, ""))
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// CompanyWord makes a company findable by a word of its name.
type CompanyWord struct {
	Word      string    `gorm:"primaryKey"`
	CompanyID uuid.UUID `gorm:"primaryKey"`
}

// CreateCompany adds a company and the words by which it is found.
func CreateCompany(tx *gorm.DB, company *Company) error {
	if err := tx.Create(company).Error; err != nil {
		return fmt.Errorf("add company: %w", err)
	}
	return nameCompany(tx, *company)
}

// nameCompany stores the key and the words of a company's name.
func nameCompany(tx *gorm.DB, company Company) error {
	key := NameKey(company.Name)
	err := tx.Exec("UPDATE companies SET name_key = ? WHERE id = ?", key, company.ID).Error
	var words []CompanyWord
	for _, word := range nameWords(company.Name) {
		words = append(words, CompanyWord{Word: word, CompanyID: company.ID})
	}
	if err == nil && len(words) > 0 {
		err = tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&words).Error
	}
	if err != nil {
		return fmt.Errorf("store words of company name: %w", err)
	}
	return nil
}

// renameCompany gives a company another name, by which it is found from now on.
func renameCompany(tx *gorm.DB, company Company) error {
	if err := tx.Model(&Company{}).Where("id = ?", company.ID).Update("name", company.Name).Error; err != nil {
		return fmt.Errorf("rename company: %w", err)
	}
	if err := tx.Where("company_id = ?", company.ID).Delete(&CompanyWord{}).Error; err != nil {
		return fmt.Errorf("delete words of company name: %w", err)
	}
	return nameCompany(tx, company)
}

// namedAtOnce is how many companies one write names.
const namedAtOnce = 500

// NameCompanies stores the words of companies that are older than the search by
// name. It calls report with how many of them are done and how many there are.
// Several instances may call it at the same time.
func NameCompanies(ctx context.Context, db *database.DB, report func(done, total int64)) error {
	var done, total int64
	for {
		var nameless []Company
		if err := db.Read(ctx).Where("name_key = ''").Order("id").Limit(namedAtOnce).Find(&nameless).Error; err != nil {
			return fmt.Errorf("find companies without a key: %w", err)
		}
		if len(nameless) == 0 {
			return nil
		}
		if total == 0 {
			if err := db.Read(ctx).Model(&Company{}).Where("name_key = ''").Count(&total).Error; err != nil {
				return fmt.Errorf("count companies without a key: %w", err)
			}
			report(0, total)
		}
		err := db.Write(ctx, func(tx *gorm.DB) error {
			for _, company := range nameless {
				if err := nameCompany(tx, company); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		done += int64(len(nameless))
		report(done, total)
	}
}
