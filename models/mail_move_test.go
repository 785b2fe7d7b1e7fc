package models_test

import (
	"log/slog"
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// When a person changes their address, a mail about an incident that waits goes to
// the new one. So does the mail that the incident is over. Others' mails stay.
func TestMailsMoveWithTheAddress(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Person("Amy", accounts.Owner)
		k.Person("Otto", accounts.Owner)
		ids := k.Seed(2, clock.Now(), clock.Now())
		began := db.Now()
		c, other := k.Connection(ids[0]), k.Connection(ids[1])
		box := &modeltest.Mailbox{}
		outbox := models.NewOutbox(db, box.Send, slog.New(slog.DiscardHandler))
		outbox.HoldNothing()
		deliver := func(want ...string) {
			t.Helper()
			if _, err := outbox.DeliverDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := box.Take(); !slices.Equal(got, want) {
				t.Errorf("mails %q, want %q", got, want)
			}
		}
		tell := func(c models.Connection) {
			t.Helper()
			k.Write(func(tx *gorm.DB) error {
				return models.QueueMails(tx, c, models.MailReconnectNeeded, models.ReasonGrantRefused, db.Now())
			})
		}
		move := func(from, to string) {
			t.Helper()
			k.Write(func(tx *gorm.DB) error {
				if err := tx.Model(&accounts.User{}).Where("email = ?", from).Update("email", to).Error; err != nil {
					return err
				}
				return models.MoveMails(tx, from, to)
			})
		}
		tell(c)
		deliver("reconnect_needed Amy grant_refused", "reconnect_needed Otto grant_refused")
		tell(other)
		move("amy@northgate.example", "amy@new.example")
		deliver("reconnect_needed Amy grant_refused", "reconnect_needed Otto grant_refused")
		move("otto@northgate.example", "otto@new.example")
		k.Write(func(tx *gorm.DB) error { return models.QueueWorksAgain(tx, c, &began, db.Now()) })
		deliver("works_again Amy ", "works_again Otto ")
		modeltest.Explains(t, db, "moving mails", func() {
			if err := db.Read(t.Context()).Where("recipient = ? AND channel = ?", "amy@new.example", models.MailChannel).Find(&[]models.Mail{}).Error; err != nil {
				t.Fatal(err)
			}
		})
	})
}
