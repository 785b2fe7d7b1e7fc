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
	room, err := InboxRoom(tx, recipients, now)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(recipients, func(r string) bool { return room[r] == 0 }), nil
}

// InboxRoom returns how many more mails each recipient can get today.
func InboxRoom(tx *gorm.DB, recipients []string, now time.Time) (map[string]int, error) {
	room := make(map[string]int, len(recipients))
	for _, r := range recipients {
		room[r] = mailsADay
	}
	if len(recipients) == 0 {
		return room, nil
	}
	var had []struct {
		Recipient string
		N         int
	}
	err := tx.Raw("SELECT recipient, count(*) AS n FROM mails WHERE recipient IN ? AND created_at > ? AND channel = ? GROUP BY recipient",
		recipients, now.Add(-mailDay), MailChannel).Scan(&had).Error
	if err != nil {
		return nil, fmt.Errorf("count mails by recipient: %w", err)
	}
	for _, h := range had {
		room[h.Recipient] = max(0, mailsADay-h.N)
	}
	return room, nil
}
