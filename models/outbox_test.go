package models_test

import (
	"context"
	"log/slog"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// The transport of its channel sends each message. A message of a channel that only
// a newer version knows stays in the queue.
func TestOutboxSendsByChannel(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		id, now := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0], d.DB.Now()
		for channel, to := range map[models.Channel]string{models.MailChannel: "amy@northgate.example", "webhook": "https://northgate.example/hook", "pager": "7"} {
			d.Write(func(tx *gorm.DB) error {
				return tx.Create(&models.Mail{
					ID: database.NewID(), Channel: channel, CompanyID: d.CompanyID, ConnectionID: id, Kind: models.MailReconnectNeeded,
					Reason: models.ReasonGrantRefused, Recipient: to, NextTryAt: &now, CreatedAt: now,
				}).Error
			})
		}
		box, hooked := &modeltest.Mailbox{}, []string{}
		outbox := models.NewOutbox(d.DB, box.Send, slog.New(slog.DiscardHandler))
		outbox.SetTransport("webhook", func(_ context.Context, m models.Mail) error {
			hooked = append(hooked, m.Recipient)
			return nil
		})
		list, err := models.OutboxDue(outbox, t.Context())
		d.Must(err)
		for _, m := range list {
			models.OutboxDeliver(outbox, t.Context(), m)
		}
		if got := box.Take(); len(got) != 1 || got[0] != "reconnect_needed Amy grant_refused" {
			t.Errorf("%q were mailed", got)
		}
		if len(hooked) != 1 || hooked[0] != "https://northgate.example/hook" {
			t.Errorf("%q were called", hooked)
		}
		if n := d.Count("SELECT count(*) FROM mails WHERE channel = 'pager' AND sent_at IS NULL AND tries = 0 AND next_try_at IS NOT NULL"); n != 1 {
			t.Error("a message of an unknown channel was taken")
		}
		// Lists of mails have mails only.
		sent, err := outbox.Sent(t.Context())
		d.Must(err)
		v, err := d.Support.View(t.Context(), d.Staff("Sam", accounts.Support), id, support.TimelinePlace{})
		d.Must(err)
		if len(sent) != 1 || len(v.Mails) != 1 {
			t.Errorf("%d mails were sent, staff see %d", len(sent), len(v.Mails))
		}
	})
}

// Versions from before channels queue mails without one, and this version sends
// them.
func TestOutboxSendsWhatOlderVersionsQueue(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		id, now := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0], d.DB.Now()
		d.Exec(`INSERT INTO mails (id, company_id, connection_id, kind, reason, recipient, tries, next_try_at, created_at)
			VALUES (?, ?, ?, 'works_again', '', 'amy@northgate.example', 0, ?, ?)`, database.NewID(), d.CompanyID, id, now, now)
		list, err := models.OutboxDue(models.NewOutbox(d.DB, (&modeltest.Mailbox{}).Send, slog.New(slog.DiscardHandler)), t.Context())
		d.Must(err)
		if len(list) != 1 || list[0].Channel != models.MailChannel {
			t.Errorf("%+v", list)
		}
	})
}

// Both databases find due messages through an index.
func TestDueMessagesAreFoundByIndex(t *testing.T) {
	modeltest.OnBoth(t, func(t *testing.T, db *database.DB, clock *modeltest.Clock) {
		k := modeltest.NewKept(t, db, clock.Now)
		k.Person("Amy", accounts.Owner)
		id := k.Seed(1, clock.Now(), clock.Now())[0]
		queueMail(k, id, 1)
		outbox := models.NewOutbox(db, (&modeltest.Mailbox{}).Send, k.Logger())
		modeltest.Explains(t, db, "due messages", func() {
			if list, err := models.OutboxDue(outbox, t.Context()); err != nil || len(list) != 1 {
				t.Errorf("%d are due, %v", len(list), err)
			}
		})
	})
}

func TestConnectionsMatchTheSchema(t *testing.T) {
	modeltest.MatchSchema(t, &models.Connection{}, &models.Check{}, &models.Event{}, &models.Setup{}, &models.StaffTask{}, &models.Mail{})
}
