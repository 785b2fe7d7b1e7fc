package support_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// A lock refuses people and API keys at once. The keeper keeps renewing, and mails
// wait.
func TestLock(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		amy := d.Person("Amy", accounts.Owner)
		ids, sam, ada := d.Seed(2, d.Clock.Now(), d.Clock.Now()), d.Staff("Sam", accounts.Support), d.Staff("Ada", accounts.Admin)
		keys := accounts.NewAPIKeys(d.DB)
		_, own, err := keys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{CompanyID: &d.CompanyID, Name: "own", Scopes: accounts.Scopes()})
		d.Must(err)
		_, all, err := keys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "all", Scopes: accounts.Scopes()})
		d.Must(err)
		forAll, err := keys.Check(t.Context(), all, "203.0.113.7")
		d.Must(err)
		box := &modeltest.Mailbox{}
		outbox := models.NewOutbox(d.DB, box.Send, slog.New(slog.DiscardHandler))
		outbox.HoldNothing()
		deliver := func() []string {
			_, err := outbox.DeliverDue(t.Context())
			d.Must(err)
			return box.Take()
		}
		out := func(locked bool) {
			t.Helper()
			want := error(nil)
			if locked {
				want = accounts.ErrLocked
			}
			_, visitor := d.Accounts.Visitor(t.Context(), amy, d.CompanyID, 0)
			_, checked := keys.Check(t.Context(), own, "203.0.113.7")
			_, found := d.Connections.For(t.Context(), forAll, ids[0])
			_, _, token := d.Connections.TokenFor(t.Context(), forAll, ids[0])
			for what, err := range map[string]error{"visitor": visitor, "own key": checked, "key for all": found, "token": token} {
				if !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", what, err, want)
				}
			}
			list, _, err := d.Connections.PageFor(t.Context(), forAll, connect.ListFilter{})
			if err != nil || (len(list) == 0) != locked {
				t.Errorf("%d connections are listed, %v", len(list), err)
			}
		}
		out(false) // and the token is in memory
		if err := d.Support.Lock(t.Context(), sam, d.CompanyID, "x"); !errors.Is(err, accounts.ErrForbidden) {
			t.Errorf("support locks: %v", err)
		}
		if err := d.Support.Lock(t.Context(), ada, database.NewID(), "x"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("locks nothing: %v", err)
		}
		if err := d.Support.Lock(t.Context(), ada, d.CompanyID, ""); err == nil {
			t.Error("locks without a reason")
		}
		out(false)
		d.Must(d.Support.Lock(t.Context(), ada, d.CompanyID, "Asked for by phone."))
		d.Must(d.Support.Lock(t.Context(), ada, d.CompanyID, "Twice."))
		out(true)

		// No connection is lost in the meantime.
		d.Clock.Add(20 * time.Minute)
		before := d.Connection(ids[1]).Generation
		if _, err := d.Keeper.AccessToken(t.Context(), d.CompanyID, ids[1]); err != nil || d.Connection(ids[1]).Generation != before+1 {
			t.Errorf("the keeper stands still: %v", err)
		}
		d.Sandbox.RevokeGrants(modeltest.Northgate)
		d.Must(d.Support.Refresh(t.Context(), sam, ids[0]))
		if mails := deliver(); len(mails) != 0 {
			t.Errorf("a locked company gets %q", mails)
		}
		other := models.Connection{ID: database.NewID(), CompanyID: database.NewID(), Environment: servicetitan.Sandbox, TenantID: 7, Way: models.SignInWay, State: models.Connected}
		d.Write(func(tx *gorm.DB) error {
			return errors.Join(
				tx.Create(&accounts.Company{ID: other.CompanyID, Name: "South", CreatedAt: d.DB.Now()}).Error,
				tx.Create(&accounts.User{ID: database.NewID(), Email: "bob@south.example", Name: "Bob", CreatedAt: d.DB.Now()}).Error,
				tx.Create(&other).Error, tx.Create(modeltest.MailTo("bob@south.example", other, models.MailWorksAgain, time.Now().UTC())).Error,
			)
		})
		if mails := deliver(); !slices.Equal(mails, []string{"works_again Bob "}) {
			t.Errorf("while another is locked, it gets %q", mails)
		}
		d.Must(d.Support.Unlock(t.Context(), ada, d.CompanyID, "Settled."))
		d.Must(d.Support.Unlock(t.Context(), ada, d.CompanyID, "Twice."))
		if mails := deliver(); !slices.Equal(mails, []string{"reconnect_needed Amy grant_refused"}) {
			t.Errorf("after the unlock it gets %q", mails)
		}
		if _, err := d.Accounts.Visitor(t.Context(), amy, d.CompanyID, 0); err != nil {
			t.Error(err)
		}

		v, err := d.Support.Company(t.Context(), sam, d.CompanyID)
		d.Must(err)
		if v.Company.LockedAt != nil || len(v.Notes) != 2 || v.Notes[0].Text != "Settled." || v.Notes[1].StaffName != "Ada" {
			t.Errorf("locked at %v, notes %+v", v.Company.LockedAt, v.Notes)
		}
		if len(v.Events) != 2 || v.Events[0].Kind != models.EventUnlocked || v.Events[1].Kind != models.EventLocked || v.Events[1].StaffName != "Ada" {
			t.Errorf("events %+v", v.Events)
		}
		for _, id := range ids {
			if n := d.Count("SELECT count(*) FROM events WHERE connection_id = ? AND kind IN ('locked', 'unlocked') AND actor_name = ?", id, support.ActorName); n != 2 {
				t.Errorf("%d events on a timeline, want 2", n)
			}
		}
	})
}
