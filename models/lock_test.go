package models

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// A lock keeps people and programs out at once, and the keeper goes on. Mails
// wait.
func TestLock(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		amy := d.person("Amy", Owner)
		ids, sam, ada := d.seed(2, d.clock.Now(), d.clock.Now()), d.staff("Sam", Support), d.staff("Ada", Admin)
		keys := NewAPIKeys(d.db)
		_, own, err := keys.Create(t.Context(), CommandLine("root"), &d.companyID, "own")
		d.must(err)
		_, all, err := keys.Create(t.Context(), CommandLine("root"), nil, "all")
		d.must(err)
		forAll, err := keys.Check(t.Context(), all, "203.0.113.7")
		d.must(err)
		box := &mailbox{}
		outbox := NewOutbox(d.db, box.send, slog.New(slog.DiscardHandler))
		deliver := func() []string {
			_, err := outbox.DeliverDue(t.Context())
			d.must(err)
			return box.take()
		}
		out := func(locked bool) {
			t.Helper()
			want := error(nil)
			if locked {
				want = ErrLocked
			}
			_, visitor := d.accounts.Visitor(t.Context(), amy, d.companyID, 0)
			_, checked := keys.Check(t.Context(), own, "203.0.113.7")
			_, found := d.connections.For(t.Context(), forAll, ids[0])
			_, _, token := d.connections.TokenFor(t.Context(), forAll, ids[0])
			for what, err := range map[string]error{"visitor": visitor, "own key": checked, "key for all": found, "token": token} {
				if !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", what, err, want)
				}
			}
			list, _, err := d.connections.PageFor(t.Context(), forAll, 0, uuid.Nil)
			if err != nil || (len(list) == 0) != locked {
				t.Errorf("%d connections are listed, %v", len(list), err)
			}
		}
		out(false) // and the token is in memory
		if err := d.desk.Lock(t.Context(), sam, d.companyID, "x"); !errors.Is(err, ErrForbidden) {
			t.Errorf("support locks: %v", err)
		}
		if err := d.desk.Lock(t.Context(), ada, newID(), "x"); !errors.Is(err, ErrNotFound) {
			t.Errorf("locks nothing: %v", err)
		}
		if err := d.desk.Lock(t.Context(), ada, d.companyID, ""); err == nil {
			t.Error("locks without a reason")
		}
		out(false)
		d.must(d.desk.Lock(t.Context(), ada, d.companyID, "Asked for by phone."))
		d.must(d.desk.Lock(t.Context(), ada, d.companyID, "Twice."))
		out(true)

		// Nothing is lost meanwhile.
		d.clock.Add(20 * time.Minute)
		before := d.connection(ids[1]).Generation
		if _, err := d.keeper.AccessToken(t.Context(), d.companyID, ids[1]); err != nil || d.connection(ids[1]).Generation != before+1 {
			t.Errorf("the keeper stands still: %v", err)
		}
		d.sandbox.RevokeGrants(northgate)
		d.must(d.desk.Refresh(t.Context(), sam, ids[0]))
		if mails := deliver(); len(mails) != 0 {
			t.Errorf("a locked company gets %q", mails)
		}
		other := Connection{ID: newID(), CompanyID: newID(), Environment: servicetitan.Sandbox, TenantID: 7, Way: SignInWay, State: Connected}
		d.write(func(tx *gorm.DB) error {
			return errors.Join(
				tx.Create(&Company{ID: other.CompanyID, Name: "South", CreatedAt: d.db.Now()}).Error,
				tx.Create(&User{ID: newID(), Email: "bob@south.example", Name: "Bob", CreatedAt: d.db.Now()}).Error,
				tx.Create(&other).Error, tx.Create(mailTo("bob@south.example", other, MailWorksAgain, time.Now().UTC())).Error,
			)
		})
		if mails := deliver(); !slices.Equal(mails, []string{"works_again Bob "}) {
			t.Errorf("while another is locked, it gets %q", mails)
		}
		d.must(d.desk.Unlock(t.Context(), ada, d.companyID, "Settled."))
		d.must(d.desk.Unlock(t.Context(), ada, d.companyID, "Twice."))
		if mails := deliver(); !slices.Equal(mails, []string{"reconnect_needed Amy grant_refused"}) {
			t.Errorf("after the unlock it gets %q", mails)
		}
		if _, err := d.accounts.Visitor(t.Context(), amy, d.companyID, 0); err != nil {
			t.Error(err)
		}

		v, err := d.desk.Company(t.Context(), sam, d.companyID)
		d.must(err)
		if v.Company.LockedAt != nil || len(v.Notes) != 2 || v.Notes[0].Text != "Settled." || v.Notes[1].StaffName != "Ada" {
			t.Errorf("locked at %v, notes %+v", v.Company.LockedAt, v.Notes)
		}
		if len(v.Events) != 2 || v.Events[0].Kind != EventUnlocked || v.Events[1].Kind != EventLocked || v.Events[1].StaffName != "Ada" {
			t.Errorf("events %+v", v.Events)
		}
		for _, id := range ids {
			if n := d.count("SELECT count(*) FROM events WHERE connection_id = ? AND kind IN ('locked', 'unlocked') AND actor_name = ?", id, supportName); n != 2 {
				t.Errorf("%d events on a timeline, want 2", n)
			}
		}
	})
}
