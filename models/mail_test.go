package models

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
)

// An incident is told of once, to the owners and to whoever connected, by
// however many instances; and its end to those who were told.
func TestMails(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		k.person("Amy", Owner)
		k.person("Otto", Owner)
		k.person("Mel", Member)
		dana := k.person("Dana", Member)
		id := k.seed(1, clock.Now(), clock.Now())[0]
		k.write(func(tx *gorm.DB) error {
			return tx.Model(&Connection{}).Where("id = ?", id).Update("connected_by_id", dana).Error
		})
		box := &mailbox{broken: true}
		outboxes := []*Outbox{NewOutbox(db, box.send, slog.New(slog.DiscardHandler)), NewOutbox(db, box.send, slog.New(slog.DiscardHandler)), NewOutbox(db, box.send, slog.New(slog.DiscardHandler))}
		deliver := func() []string {
			t.Helper()
			var all sync.WaitGroup
			for _, o := range outboxes {
				all.Go(func() {
					list, err := o.due(t.Context())
					if err != nil {
						t.Error(err)
					}
					for _, mail := range list {
						o.deliver(t.Context(), mail)
					}
				})
			}
			all.Wait()
			return box.take()
		}
		wants := func(got []string, want ...string) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("mails %q, want %q", got, want)
			}
		}
		fail := func() {
			t.Helper()
			k.sandbox.RevokeGrants(northgate)
			clock.Add(20 * time.Minute)
			for range 3 { // however often it is asked for
				if _, err := k.keeper.AccessToken(t.Context(), k.companyID, id); !errors.Is(err, ErrReconnectNeeded) {
					t.Fatal(err)
				}
			}
		}
		reconnect := func() {
			t.Helper()
			if err := k.reconnectAs(Visitor{CompanyID: k.companyID, UserID: dana, Name: "Dana"}, id); err != nil {
				t.Fatal(err)
			}
		}

		fail()
		wants(deliver()) // the mail server is away
		box.broken = false
		wants(deliver()) // and is tried again in a while
		clock.Add(3 * time.Minute)
		if db.OnPostgres() { // whose clock is its own
			k.write(func(tx *gorm.DB) error {
				return tx.Exec("UPDATE mails SET next_try_at = now() WHERE next_try_at IS NOT NULL").Error
			})
		}
		wants(deliver(), "reconnect_needed Amy grant_refused", "reconnect_needed Dana grant_refused", "reconnect_needed Otto grant_refused")
		wants(deliver())
		reconnect()
		wants(deliver(), "works_again Amy ", "works_again Dana ", "works_again Otto ")

		// Mended before anybody was told, nobody need be told of either.
		fail()
		reconnect()
		wants(deliver())
	})
}

// What was sent can be shown again: in the order in which it went out, without
// what waits or was given up.
func TestSentMails(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, clock *clock) {
		k := newKept(t, db, clock.Now)
		k.person("Amy", Owner)
		id := k.seed(1, clock.Now(), clock.Now())[0]
		outbox := NewOutbox(db, (&mailbox{}).send, slog.New(slog.DiscardHandler))
		c := k.connection(id)
		began := clock.Now().UTC().Truncate(time.Second)
		at := func(minutes int) *time.Time { return new(began.Add(time.Duration(minutes) * time.Minute)) }
		k.write(func(tx *gorm.DB) error {
			for i, mail := range []Mail{
				{Kind: MailWorksAgain, SentAt: at(9)},
				{Kind: MailReconnectNeeded, Reason: ReasonGrantRefused, SentAt: at(1)},
				{Kind: MailReconnectNeeded, NextTryAt: at(1)}, // waits
				{Kind: MailReconnectNeeded},                   // was given up
			} {
				mail.Channel = MailChannel
				mail.ID, mail.CompanyID, mail.ConnectionID, mail.Recipient, mail.CreatedAt = newID(), k.companyID, id, "amy@northgate.example", *at(i)
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
		if len(list) != 2 || list[0].Kind != MailReconnectNeeded || list[0].Reason != ReasonGrantRefused || list[1].Kind != MailWorksAgain {
			t.Fatalf("sent are %+v", list)
		}
		if got := list[0]; !got.SentAt.Equal(*at(1)) || got.RecipientName != "Amy" || got.CompanyName != "Northgate" || got.TenantID != c.TenantID || got.Environment != c.Environment {
			t.Errorf("the first is %+v", got)
		}
		// The last 200 are enough.
		k.write(func(tx *gorm.DB) error {
			return addMails(tx, c, MailUpgradeNeeded, ReasonNone, slices.Repeat([]string{"amy@northgate.example"}, sentShown), clock.Now())
		})
		k.write(func(tx *gorm.DB) error {
			return tx.Model(&Mail{}).Where("kind = ?", MailUpgradeNeeded).Updates(map[string]any{"sent_at": *at(20), "next_try_at": nil}).Error
		})
		list, err = outbox.Sent(t.Context())
		if err != nil || len(list) != sentShown || list[0].Kind != MailUpgradeNeeded {
			t.Errorf("%d are listed, %v", len(list), err)
		}
	})
}
