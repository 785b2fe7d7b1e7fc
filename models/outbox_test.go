package models

import (
	"context"
	"log/slog"
	"testing"

	"gorm.io/gorm"
)

// Each message leaves by the transport of its channel. One of a channel that
// only a newer program knows stays as it is.
func TestOutboxSendsByChannel(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		d.person("Amy", Owner)
		id, now := d.seed(1, d.clock.Now(), d.clock.Now())[0], d.db.Now()
		for channel, to := range map[Channel]string{MailChannel: "amy@northgate.example", "webhook": "https://northgate.example/hook", "pager": "7"} {
			d.write(func(tx *gorm.DB) error {
				return tx.Create(&Mail{
					ID: newID(), Channel: channel, CompanyID: d.companyID, ConnectionID: id, Kind: MailReconnectNeeded,
					Reason: ReasonGrantRefused, Recipient: to, NextTryAt: &now, CreatedAt: now,
				}).Error
			})
		}
		box, hooked := &mailbox{}, []string{}
		outbox := NewOutbox(d.db, box.send, slog.New(slog.DiscardHandler))
		outbox.transports["webhook"] = func(_ context.Context, m Mail) error {
			hooked = append(hooked, m.Recipient)
			return nil
		}
		list, err := outbox.due(t.Context())
		d.must(err)
		for _, m := range list {
			outbox.deliver(t.Context(), m)
		}
		if got := box.take(); len(got) != 1 || got[0] != "reconnect_needed Amy grant_refused" {
			t.Errorf("%q were mailed", got)
		}
		if len(hooked) != 1 || hooked[0] != "https://northgate.example/hook" {
			t.Errorf("%q were called", hooked)
		}
		if n := d.count("SELECT count(*) FROM mails WHERE channel = 'pager' AND sent_at IS NULL AND tries = 0 AND next_try_at IS NOT NULL"); n != 1 {
			t.Error("a message of an unknown channel was taken")
		}
		// It is no mail either: no list of mails has it.
		sent, err := outbox.Sent(t.Context())
		d.must(err)
		v, err := d.desk.View(t.Context(), d.staff("Sam", Support), id, nil)
		d.must(err)
		if len(sent) != 1 || len(v.Mails) != 1 {
			t.Errorf("%d mails were sent, staff see %d", len(sent), len(v.Mails))
		}
	})
}

// A program from before channels queues mails that this one sends.
func TestOutboxSendsWhatOlderProgramsQueue(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		d.person("Amy", Owner)
		id, now := d.seed(1, d.clock.Now(), d.clock.Now())[0], d.db.Now()
		d.exec(`INSERT INTO mails (id, company_id, connection_id, kind, reason, recipient, tries, next_try_at, created_at)
			VALUES (?, ?, ?, 'works_again', '', 'amy@northgate.example', 0, ?, ?)`, newID(), d.companyID, id, now, now)
		list, err := NewOutbox(d.db, (&mailbox{}).send, slog.New(slog.DiscardHandler)).due(t.Context())
		d.must(err)
		if len(list) != 1 || list[0].Channel != MailChannel {
			t.Errorf("%+v", list)
		}
	})
}

// Due messages are found by an index, on either database.
func TestDueMessagesAreFoundByIndex(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		k.person("Amy", Owner)
		id := k.seed(1, clock.Now(), clock.Now())[0]
		queueMail(k, id, 1)
		outbox := NewOutbox(db, (&mailbox{}).send, k.logger())
		explains(t, db, "due messages", func() {
			if list, err := outbox.due(t.Context()); err != nil || len(list) != 1 {
				t.Errorf("%d are due, %v", len(list), err)
			}
		})
	})
}

func TestConnectionsMatchTheSchema(t *testing.T) {
	matchSchema(t, &Connection{}, &Event{}, &Setup{}, &staffTask{}, &Mail{})
}
