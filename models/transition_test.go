package models

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

// Each change in each state does all that belongs to it, or nothing at all.
func TestTransition(t *testing.T) {
	// The event, then the kinds of mails that go to the owner, then "task" if the
	// task on our side ends. Nothing if the change cannot happen.
	const impossible = "impossible"
	want := map[State]map[change]string{
		Pending: {requested: "setup_requested", authorized: "connected", letGo: "setup_withdrawn"},
		Connected: {
			requested: "setup_requested", authorized: "reconnected", renewed: "", failedPassed: "retrying",
			refused: "reconnect_needed reconnect_needed", letGo: "disconnected",
		},
		Degraded: {
			requested: "setup_requested", authorized: "reconnected task", renewed: "recovered task", failedPassed: "",
			refused: "reconnect_needed reconnect_needed task", letGo: "disconnected task",
		},
		ReconnectNeeded: {requested: "setup_requested", authorized: "reconnected works_again", letGo: "disconnected"},
		Disconnected:    {requested: "setup_requested", authorized: "reconnected"},
	}
	onDesks(t, func(t *testing.T, d *staffDesk) {
		d.person("Amy", Owner)
		for from := range want {
			for _, what := range []change{requested, authorized, renewed, failedPassed, refused, letGo} {
				id := d.seed(1, d.clock.Now(), d.clock.Now())[0]
				now := d.db.Now()
				d.exec("UPDATE connections SET state = ?, way = ?, failing_since = ? WHERE id = ?", from, OwnCredentialsWay, now, id)
				if from == Pending {
					d.exec("UPDATE connections SET connected_at = ? WHERE id = ?", time.Time{}, id)
				}
				before := d.connection(id)
				d.write(func(tx *gorm.DB) error {
					err := addTask(tx, TaskOurSide, before, now)
					if err == nil && from == ReconnectNeeded { // Amy was told of it
						err = tx.Create(&Mail{ID: newID(), Channel: MailChannel, CompanyID: d.companyID, ConnectionID: id, Kind: MailReconnectNeeded, Recipient: "amy@northgate.example", SentAt: &now, CreatedAt: now}).Error
					}
					return err
				})
				mails := d.count("SELECT count(*) FROM mails WHERE connection_id = ?", id)
				to, possible := next(from, what)
				var happened bool
				d.write(func(tx *gorm.DB) (err error) {
					c, err := getConnection(forUpdate(tx), d.companyID, id)
					if err == nil {
						happened, err = transit(tx, &c, transition{what: what, at: now, reason: map[change]Reason{failedPassed: ReasonUnavailable, refused: ReasonGrantRefused}[what]})
					}
					return err
				})
				after := d.connection(id)
				var did, sent []string
				d.must(d.db.Read(t.Context()).Raw("SELECT kind FROM events WHERE connection_id = ? ORDER BY id", id).Scan(&did).Error)
				d.must(d.db.Read(t.Context()).Raw("SELECT kind FROM mails WHERE connection_id = ? ORDER BY id", id).Scan(&sent).Error)
				did = append(did, sent[mails:]...)
				if d.count("SELECT count(*) FROM staff_tasks WHERE connection_id = ? AND done_at IS NOT NULL", id) > 0 {
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
				d.exec("DELETE FROM mails WHERE connection_id = ?", id)
			}
		}
	})
}

// What cannot be written takes the whole change with it.
func TestTransitionIsOneTransaction(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		d.person("Amy", Owner)
		id, broken := d.seed(1, d.clock.Now(), d.clock.Now())[0], errors.New("cannot be written")
		err := d.db.Write(t.Context(), func(tx *gorm.DB) error {
			c, err := getConnection(forUpdate(tx), d.companyID, id)
			if err == nil {
				_, err = transit(tx, &c, transition{what: refused, at: d.db.Now(), reason: ReasonGrantRefused, with: func(*gorm.DB, Connection) error { return broken }})
			}
			return err
		})
		if c := d.connection(id); !errors.Is(err, broken) || c.State != Connected || c.Reason != ReasonNone {
			t.Errorf("%v, and it is %s for %q", err, c.State, c.Reason)
		}
		if n := d.count("SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM mails)"); n != 0 {
			t.Errorf("%d events and mails tell of it", n)
		}
	})
}
