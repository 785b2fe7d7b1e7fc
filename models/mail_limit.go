package models

import (
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

const (
	// mailsADay is the most mails that one address gets within mailDay, from all
	// companies together. We do not verify addresses, so the limit keeps people from
	// using us to flood somebody else's inbox. Pages still show what the mails would
	// have said.
	mailsADay = 20
	mailDay   = 24 * time.Hour
)

// belowMailLimit returns the recipients who may get another mail.
func belowMailLimit(tx *gorm.DB, recipients []string, now time.Time) ([]string, error) {
	full, err := FullInboxes(tx, recipients, now)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(recipients, func(r string) bool { return slices.Contains(full, r) }), nil
}

// FullInboxes returns the recipients who can get no more mails today.
func FullInboxes(tx *gorm.DB, recipients []string, now time.Time) ([]string, error) {
	if len(recipients) == 0 {
		return nil, nil
	}
	var full []string
	err := tx.Raw("SELECT recipient FROM mails WHERE recipient IN ? AND created_at > ? AND channel = ? GROUP BY recipient HAVING count(*) >= ?",
		recipients, now.Add(-mailDay), MailChannel, mailsADay).Scan(&full).Error
	if err != nil {
		return nil, fmt.Errorf("count mails by recipient: %w", err)
	}
	return full, nil
}
