package models_test

import (
	"log/slog"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// A refusal that turns out to be part of an outage is taken back before anybody hears of
// it. What was refused is tried again: renewals or checks.
func TestPutBack(t *testing.T) {
	for _, reason := range []models.Reason{models.ReasonGrantRefused, models.ReasonNotAllowed} {
		t.Run(string(reason), func(t *testing.T) {
			clock := modeltest.NewClock()
			db := modeltest.OpenBy(t, testdb.SQLite(t), clock.Now) // PostgreSQL has its own clock
			k := modeltest.NewKept(t, db, clock.Now)
			k.Owner()
			id := k.Seed(1, db.Now(), db.Now())[0]
			k.Write(func(tx *gorm.DB) error { return models.ScheduleCheck(tx, k.Connection(id), db.Now(), db.Now()) })
			apply := func(tr models.Transition) models.Connection {
				c := k.Connection(id)
				k.Write(func(tx *gorm.DB) error {
					tr.At = db.Now()
					if happened, err := models.Apply(tx, &c, tr); !happened || err != nil {
						t.Errorf("%s: %t, %v", tr.What, happened, err)
					}
					return nil
				})
				return k.Connection(id)
			}
			refused := apply(models.Transition{What: models.Refused, Reason: reason})
			var box modeltest.Mailbox
			outbox := models.NewOutbox(db, box.Send, slog.New(slog.DiscardHandler))
			clock.Add(models.MailHold - time.Second)
			if n, err := outbox.DeliverDue(t.Context()); n != 0 || err != nil {
				t.Errorf("%d mails were sent at once, %v", n, err)
			}
			due := db.Now().Add(time.Minute)
			c := apply(models.Transition{What: models.PutBack, Reason: models.ReasonUnavailable, Edit: func(c *models.Connection) { c.NextRenewalAt = &due }})
			since, other := c.FailingSince, c.UnansweredSince
			if !reason.OfRenewals() {
				since, other = other, since
			}
			if c.State != models.Degraded || c.Reason != models.ReasonUnavailable || since == nil || !since.Equal(*refused.FailingSince) || other != nil {
				t.Errorf("got %+v", c)
			}
			if n := k.Count("SELECT count(*) FROM checks WHERE connection_id = ? AND due_at = ?", id, due); n != 1 {
				t.Error("no check is due")
			}
			if n := k.Count("SELECT count(*) FROM events WHERE connection_id = ? AND kind = 'retrying'", id); n != 1 {
				t.Errorf("%d events say that it is retried", n)
			}
			clock.Add(time.Hour)
			if n, err := outbox.DeliverDue(t.Context()); n != 0 || err != nil {
				t.Errorf("%d mails were sent, %v", n, err)
			}
			apply(models.Transition{What: models.Refused, Reason: reason})
			clock.Add(models.MailHold)
			if n, err := outbox.DeliverDue(t.Context()); n != 1 || err != nil {
				t.Errorf("%d mails were sent after a refusal, %v", n, err)
			}
			// The outage was found too late. Who was told to reconnect hears that it works.
			apply(models.Transition{What: models.PutBack, Reason: models.ReasonUnavailable, Edit: func(c *models.Connection) { c.NextRenewalAt = &due }})
			works := models.Renewed
			if !reason.OfRenewals() {
				works = models.Answered
			}
			apply(models.Transition{What: works})
			if n := k.Count("SELECT count(*) FROM mails WHERE connection_id = ? AND kind = 'works_again'", id); n != 1 {
				t.Errorf("%d mails say that it works again", n)
			}
			apply(models.Transition{What: models.FailedTemporarily, Reason: models.ReasonUnavailable})
			apply(models.Transition{What: models.Renewed})
			if n := k.Count("SELECT count(*) FROM mails WHERE connection_id = ? AND kind = 'works_again'", id); n != 1 {
				t.Errorf("%d mails say that it works again after a hiccup that nobody was told about", n)
			}
		})
	}
}
