package models_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// An address gets at most 20 mails a day, no matter how many incidents and companies
// there are.
func TestMailLimit(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Person("Amy", accounts.Owner)
		k.Person("Otto", accounts.Owner)
		ids := k.Seed(30, clock.Now(), clock.Now())
		queued := func(recipient string) (n int64) {
			t.Helper()
			if err := db.Read(t.Context()).Model(&models.Mail{}).Where("recipient = ?", recipient).Count(&n).Error; err != nil {
				t.Fatal(err)
			}
			return n
		}
		incident := func(i int) {
			t.Helper()
			c := k.Connection(ids[i])
			k.Write(func(tx *gorm.DB) error {
				return models.QueueMails(tx, c, models.MailReconnectNeeded, models.ReasonGrantRefused, clock.Now())
			})
		}
		k.Write(func(tx *gorm.DB) error { // Otto already has five mails
			return models.AddMails(tx, k.Connection(ids[0]), models.MailUpgradeNeeded, models.ReasonNone, []string{"otto@northgate.example", "otto@northgate.example", "otto@northgate.example", "otto@northgate.example", "otto@northgate.example"}, clock.Now())
		})
		for i := range ids {
			incident(i)
		}
		if amy, otto := queued("amy@northgate.example"), queued("otto@northgate.example"); amy != models.MailsADay || otto != models.MailsADay {
			t.Errorf("Amy has %d mails, Otto %d, want %d each", amy, otto, models.MailsADay)
		}
		modeltest.Explains(t, db, "the limit of mails", func() {
			if _, err := models.BelowMailLimit(db.Read(t.Context()), []string{"amy@northgate.example", "otto@northgate.example"}, clock.Now()); err != nil {
				t.Fatal(err)
			}
		})
		clock.Add(models.MailDay + time.Second)
		incident(0)
		if amy := queued("amy@northgate.example"); amy != models.MailsADay+1 {
			t.Errorf("a day later Amy has %d mails", amy)
		}
		// The end of an incident counts too.
		since := clock.Now().Add(-time.Hour)
		k.Write(func(tx *gorm.DB) error {
			return tx.Model(&models.Mail{}).Where("recipient = ?", "amy@northgate.example").Update("created_at", clock.Now()).Error
		})
		before := queued("amy@northgate.example")
		c := k.Connection(ids[1])
		k.Write(func(tx *gorm.DB) error {
			if err := tx.Model(&models.Mail{}).Where("connection_id = ?", c.ID).Update("sent_at", clock.Now()).Error; err != nil {
				return err
			}
			return models.QueueWorksAgain(tx, c, &since, clock.Now())
		})
		if after := queued("amy@northgate.example"); after != before {
			t.Errorf("Amy had %d mails, and has %d", before, after)
		}
	})
}
