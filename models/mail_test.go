package models_test

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// Each owner and the member who connected get one mail about an incident, no matter
// how many instances send mails. The same people get one when the incident is over.
func TestMails(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Person("Amy", accounts.Owner)
		k.Person("Otto", accounts.Owner)
		k.Person("Mel", accounts.Member)
		dana := k.Person("Dana", accounts.Member)
		id := k.Seed(1, clock.Now(), clock.Now())[0]
		k.Write(func(tx *gorm.DB) error {
			return tx.Model(&models.Connection{}).Where("id = ?", id).Update("connected_by_id", dana).Error
		})
		box := &modeltest.Mailbox{Broken: true}
		outboxes := []*models.Outbox{models.NewOutbox(db, box.Send, slog.New(slog.DiscardHandler)), models.NewOutbox(db, box.Send, slog.New(slog.DiscardHandler)), models.NewOutbox(db, box.Send, slog.New(slog.DiscardHandler))}
		deliver := func() []string {
			t.Helper()
			var all sync.WaitGroup
			for _, o := range outboxes {
				all.Go(func() {
					list, err := models.OutboxDue(o, t.Context())
					if err != nil {
						t.Error(err)
					}
					for _, mail := range list {
						models.OutboxDeliver(o, t.Context(), mail)
					}
				})
			}
			all.Wait()
			return box.Take()
		}
		wants := func(got []string, want ...string) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("mails %q, want %q", got, want)
			}
		}
		fail := func() {
			t.Helper()
			k.Sandbox.RevokeGrants(modeltest.Northgate)
			clock.Add(20 * time.Minute)
			for range 3 { // asking again sends nothing more
				if _, err := k.Keeper.AccessToken(t.Context(), k.CompanyID, id); !errors.Is(err, models.ErrReconnectNeeded) {
					t.Fatal(err)
				}
			}
		}
		reconnect := func() {
			t.Helper()
			if err := k.ReconnectAs(accounts.Visitor{CompanyID: k.CompanyID, UserID: dana, Name: "Dana"}, id); err != nil {
				t.Fatal(err)
			}
		}

		fail()
		wants(deliver()) // the mail server is down
		box.Broken = false
		wants(deliver()) // the next attempt is not due yet
		clock.Add(models.MailHold)
		if db.OnPostgres() { // PostgreSQL uses its own clock
			k.Write(func(tx *gorm.DB) error {
				return tx.Exec("UPDATE mails SET next_try_at = now() WHERE next_try_at IS NOT NULL").Error
			})
		}
		wants(deliver(), "reconnect_needed Amy grant_refused", "reconnect_needed Dana grant_refused", "reconnect_needed Otto grant_refused")
		wants(deliver())
		reconnect()
		wants(deliver(), "works_again Amy ", "works_again Dana ", "works_again Otto ")

		// If the incident is over before anybody was told, nobody gets a mail.
		fail()
		reconnect()
		wants(deliver())
	})
}

// Sent lists sent mails in the order in which they were sent, without those that
// wait or were given up.
func TestSentMails(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Person("Amy", accounts.Owner)
		id := k.Seed(1, clock.Now(), clock.Now())[0]
		outbox := models.NewOutbox(db, (&modeltest.Mailbox{}).Send, slog.New(slog.DiscardHandler))
		c := k.Connection(id)
		began := clock.Now().UTC().Truncate(time.Second)
		at := func(minutes int) *time.Time { return new(began.Add(time.Duration(minutes) * time.Minute)) }
		k.Write(func(tx *gorm.DB) error {
			for i, mail := range []models.Mail{
				{Kind: models.MailWorksAgain, SentAt: at(9)},
				{Kind: models.MailReconnectNeeded, Reason: models.ReasonGrantRefused, SentAt: at(1)},
				{Kind: models.MailReconnectNeeded, NextTryAt: at(1)}, // waits
				{Kind: models.MailReconnectNeeded},                   // was given up
			} {
				mail.Channel = models.MailChannel
				mail.ID, mail.CompanyID, mail.ConnectionID, mail.Recipient, mail.CreatedAt = database.NewID(), k.CompanyID, id, "amy@northgate.example", *at(i)
				if err := tx.Create(&mail).Error; err != nil {
					return err
				}
			}
			return nil
		})
		list, err := outbox.Sent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 2 || list[0].Kind != models.MailReconnectNeeded || list[0].Reason != models.ReasonGrantRefused || list[1].Kind != models.MailWorksAgain {
			t.Fatalf("sent are %+v", list)
		}
		if got := list[0]; !got.SentAt.Equal(*at(1)) || got.RecipientName != "Amy" || got.CompanyName != "Northgate" || got.TenantID != c.TenantID || got.Environment != c.Environment {
			t.Errorf("the first is %+v", got)
		}
		// Sent lists no more than the last 200.
		k.Write(func(tx *gorm.DB) error {
			return models.AddMails(tx, c, models.MailUpgradeNeeded, models.ReasonNone, slices.Repeat([]string{"amy@northgate.example"}, models.SentShown), clock.Now())
		})
		k.Write(func(tx *gorm.DB) error {
			return tx.Model(&models.Mail{}).Where("kind = ?", models.MailUpgradeNeeded).Updates(map[string]any{"sent_at": *at(20), "next_try_at": nil}).Error
		})
		list, err = outbox.Sent(t.Context())
		if err != nil || len(list) != models.SentShown || list[0].Kind != models.MailUpgradeNeeded {
			t.Errorf("%d are listed, %v", len(list), err)
		}
	})
}

// A company's choice of recipients decides who gets mails. If nobody whom it chose
// can receive any, its owners do.
func TestMailRecipients(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		amy, mel := k.Person("Amy", accounts.Owner), k.Person("Mel", accounts.Member)
		dana := k.Person("Dana", accounts.Member)
		id := k.Seed(1, clock.Now(), clock.Now())[0]
		k.Exec("UPDATE connections SET connected_by_id = ?", dana)
		for _, tt := range []struct {
			chosen map[any]any
			want   []string
		}{
			{nil, []string{"amy@northgate.example", "dana@northgate.example"}},
			{map[any]any{amy: false}, []string{"dana@northgate.example"}},
			{map[any]any{amy: false, dana: false, mel: true}, []string{"mel@northgate.example"}},
			{map[any]any{amy: false, dana: false, mel: false}, []string{"amy@northgate.example"}},
		} {
			k.Exec("UPDATE memberships SET incident_mails = NULL")
			for user, gets := range tt.chosen {
				k.Exec("UPDATE memberships SET incident_mails = ? WHERE user_id = ?", gets, user)
			}
			var got []string
			modeltest.Explains(t, db, "recipients", func() {
				var err error
				if got, err = models.RecipientsOf(db.Read(t.Context()), k.Connection(id)); err != nil {
					t.Fatal(err)
				}
			})
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v: %q, want %q", tt.chosen, got, tt.want)
			}
		}
	})
}
