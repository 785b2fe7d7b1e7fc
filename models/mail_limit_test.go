package models

import (
	"testing"
	"time"

	"gorm.io/gorm"
)

// However many incidents there are, and in however many companies, an address
// is sent 20 mails a day.
func TestMailLimit(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		k.person("Amy", Owner)
		k.person("Otto", Owner)
		ids := k.seed(30, clock.Now(), clock.Now())
		queued := func(recipient string) (n int64) {
			t.Helper()
			if err := db.Read(t.Context()).Model(&Mail{}).Where("recipient = ?", recipient).Count(&n).Error; err != nil {
				t.Fatal(err)
			}
			return n
		}
		incident := func(i int) {
			t.Helper()
			c := k.connection(ids[i])
			k.write(func(tx *gorm.DB) error {
				return queueMails(tx, c, MailReconnectNeeded, ReasonGrantRefused, clock.Now())
			})
		}
		k.write(func(tx *gorm.DB) error { // Otto has had five already, of another company
			return addMails(tx, k.connection(ids[0]), MailUpgradeNeeded, ReasonNone, []string{"otto@northgate.example", "otto@northgate.example", "otto@northgate.example", "otto@northgate.example", "otto@northgate.example"}, clock.Now())
		})
		for i := range ids {
			incident(i)
		}
		if amy, otto := queued("amy@northgate.example"), queued("otto@northgate.example"); amy != mailsADay || otto != mailsADay {
			t.Errorf("Amy has %d mails, Otto %d, want %d each", amy, otto, mailsADay)
		}
		explains(t, db, "the limit of mails", func() {
			if _, err := belowMailLimit(db.Read(t.Context()), []string{"amy@northgate.example", "otto@northgate.example"}, clock.Now()); err != nil {
				t.Fatal(err)
			}
		})
		clock.Add(mailDay + time.Second)
		incident(0)
		if amy := queued("amy@northgate.example"); amy != mailsADay+1 {
			t.Errorf("a day later Amy has %d mails", amy)
		}
		// The end of an incident counts too.
		since := clock.Now().Add(-time.Hour)
		k.write(func(tx *gorm.DB) error {
			return tx.Model(&Mail{}).Where("recipient = ?", "amy@northgate.example").Update("created_at", clock.Now()).Error
		})
		before := queued("amy@northgate.example")
		c := k.connection(ids[1])
		k.write(func(tx *gorm.DB) error {
			if err := tx.Model(&Mail{}).Where("connection_id = ?", c.ID).Update("sent_at", clock.Now()).Error; err != nil {
				return err
			}
			return queueWorksAgain(tx, c, &since, clock.Now())
		})
		if after := queued("amy@northgate.example"); after != before {
			t.Errorf("Amy had %d mails, and has %d", before, after)
		}
	})
}
