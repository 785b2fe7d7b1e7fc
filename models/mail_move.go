package models

import (
	"fmt"

	"gorm.io/gorm"
)

// MoveMails takes the mails about incidents along when a person changes their
// address. Mails that wait go to the new address, and so does the mail that an
// incident is over, which goes to the recipients of the first mail.
func MoveMails(tx *gorm.DB, from, to string) error {
	if err := tx.Model(&Mail{}).Where("recipient = ? AND channel = ?", from, MailChannel).Update("recipient", to).Error; err != nil {
		return fmt.Errorf("move mails: %w", err)
	}
	return nil
}
