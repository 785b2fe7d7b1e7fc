package keyring

import "time"

// This file exports what the package's own tests need besides its API.

// MailsKept is how long a sent mail is kept.
const MailsKept = mailsKept

// KeyCanary is the record of the canary.
type KeyCanary = keyCanary

// KeyInUse is a row of keys_in_use: a key that values are encrypted with, or are about to
// be.
type KeyInUse struct {
	KeyID  int64 `gorm:"primaryKey"`
	UsedAt time.Time
}

// TableName returns the name of the table.
func (KeyInUse) TableName() string { return "keys_in_use" }

// UnusedKeysKept is how long an unused key stays noted.
const UnusedKeysKept = unusedKeysKept

// SealedTables lists the tables with encrypted columns.
var SealedTables = sealedTables

// DeleteCompanyStep does the next part of a company's deletion.
var DeleteCompanyStep = deleteCompanyStep

// ErrKept says that a company is no longer to be deleted.
var ErrKept = errKept

// CompanyRowQueries are the queries that find what a deletion erases.
func CompanyRowQueries() (queries []string) {
	for _, rows := range companyRows {
		queries = append(queries, "SELECT 1 FROM "+rows.table+" WHERE "+rows.which+" LIMIT 5")
	}
	return queries
}
