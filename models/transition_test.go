package models_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// Each change in each state has all of its effects, or none.
func TestTransition(t *testing.T) {
	// Want has the event, then the kinds of mails to the owner, then "task" if the
	// task on our side is closed. A change that is not listed cannot happen.
	const impossible = "impossible"
	want := map[models.State]map[models.Change]string{
		models.Pending: {models.Requested: "setup_requested", models.Authorized: "connected", models.LetGo: "setup_withdrawn"},
		models.Connected: {
			models.Requested: "setup_requested", models.Authorized: "reconnected", models.SecretReplaced: "secret_replaced", models.Renewed: "", models.FailedTemporarily: "retrying",
			models.Answered: "", models.Unanswered: "retrying",
			models.Refused: "reconnect_needed reconnect_needed", models.LetGo: "disconnected",
		},
		models.Degraded: {
			models.Requested: "setup_requested", models.Authorized: "reconnected task", models.SecretReplaced: "secret_replaced task", models.Renewed: "recovered task", models.FailedTemporarily: "",
			models.Answered: "recovered task", models.Unanswered: "",
			models.Refused: "reconnect_needed reconnect_needed task", models.LetGo: "disconnected task",
		},
		models.ReconnectNeeded: {
			models.Requested: "setup_requested", models.Authorized: "reconnected works_again", models.SecretReplaced: "secret_replaced works_again",
			models.LetGo: "disconnected",
		},
		models.Disconnected: {models.Requested: "setup_requested", models.Authorized: "reconnected"},
	}
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		for from := range want {
			for _, what := range []models.Change{models.Requested, models.Authorized, models.SecretReplaced, models.Renewed, models.FailedTemporarily, models.Answered, models.Unanswered, models.Refused, models.LetGo} {
				id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
				now := d.DB.Now()
				d.Exec("UPDATE connections SET state = ?, way = ?, failing_since = ? WHERE id = ?", from, models.OwnCredentialsWay, now, id)
				if what == models.Answered || what == models.Unanswered {
					d.Exec("UPDATE connections SET failing_since = NULL, unanswered_since = ? WHERE id = ? AND state = ?", now, id, models.Degraded)
				}
				if from == models.Pending {
					d.Exec("UPDATE connections SET connected_at = ? WHERE id = ?", time.Time{}, id)
				}
				before := d.Connection(id)
				d.Write(func(tx *gorm.DB) error {
					err := models.AddTask(tx, models.TaskOurSide, before, now)
					if err == nil && from == models.ReconnectNeeded { // Amy was told of it
						err = tx.Create(&models.Mail{ID: database.NewID(), Channel: models.MailChannel, CompanyID: d.CompanyID, ConnectionID: id, Kind: models.MailReconnectNeeded, Recipient: "amy@northgate.example", SentAt: &now, CreatedAt: now}).Error
					}
					return err
				})
				mails := d.Count("SELECT count(*) FROM mails WHERE connection_id = ?", id)
				to, possible := models.NextState(from, what)
				var happened bool
				d.Write(func(tx *gorm.DB) (err error) {
					c, err := models.GetConnection(database.ForUpdate(tx), d.CompanyID, id)
					if err == nil {
						happened, err = models.Apply(tx, &c, models.Transition{What: what, At: now, Reason: map[models.Change]models.Reason{models.FailedTemporarily: models.ReasonUnavailable, models.Unanswered: models.ReasonUnavailable, models.Refused: models.ReasonGrantRefused}[what]})
					}
					return err
				})
				after := d.Connection(id)
				var did, sent []string
				d.Must(d.DB.Read(t.Context()).Raw("SELECT kind FROM events WHERE connection_id = ? ORDER BY id", id).Scan(&did).Error)
				d.Must(d.DB.Read(t.Context()).Raw("SELECT kind FROM mails WHERE connection_id = ? ORDER BY id", id).Scan(&sent).Error)
				did = append(did, sent[mails:]...)
				if d.Count("SELECT count(*) FROM staff_tasks WHERE connection_id = ? AND done_at IS NOT NULL", id) > 0 {
					did = append(did, "task")
				}
				got := strings.Join(did, " ")
				if !happened {
					got = strings.TrimSpace(got + " " + impossible)
				}
				expected, ok := want[from][what]
				if !ok {
					expected, to = impossible, from
				}
				if got != expected || ok != possible || after.State != to {
					t.Errorf("%s of %s: %q and %s, want %q and %s", what, from, got, after.State, expected, to)
				}
				if !ok && fmt.Sprintf("%+v", after) != fmt.Sprintf("%+v", before) {
					t.Errorf("%s of %s: it has changed to %+v", what, from, after)
				}
				d.Exec("DELETE FROM mails WHERE connection_id = ?", id)
			}
		}
	})
}

// If one part of a change cannot be written, the whole change is rolled back.
func TestTransitionIsOneTransaction(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		id, broken := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0], errors.New("cannot be written")
		err := d.DB.Write(t.Context(), func(tx *gorm.DB) error {
			c, err := models.GetConnection(database.ForUpdate(tx), d.CompanyID, id)
			if err == nil {
				_, err = models.Apply(tx, &c, models.Transition{What: models.Refused, At: d.DB.Now(), Reason: models.ReasonGrantRefused, With: func(*gorm.DB, models.Connection) error { return broken }})
			}
			return err
		})
		if c := d.Connection(id); !errors.Is(err, broken) || c.State != models.Connected || c.Reason != models.ReasonNone {
			t.Errorf("%v, and it is %s for %q", err, c.State, c.Reason)
		}
		if n := d.Count("SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM mails)"); n != 0 {
			t.Errorf("%d events and mails tell of it", n)
		}
	})
}
