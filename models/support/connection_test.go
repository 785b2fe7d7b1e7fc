package support_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// Paging through the timeline shows each event on exactly one page.
func TestOlderEvents(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ids, sam := d.Seed(2, d.Clock.Now(), d.Clock.Now()), d.Staff("Sam", accounts.Support)
		d.Write(func(tx *gorm.DB) error {
			for i := range 3*support.EventsViewed - 4 {
				for _, id := range ids {
					if err := models.Record(tx, models.Event{CompanyID: d.CompanyID, ConnectionID: &id, Kind: models.EventTestPassed, Millis: int64(i), At: d.DB.Now()}); err != nil {
						return err
					}
				}
			}
			return nil
		})
		var before *uuid.UUID
		want := int64(3*support.EventsViewed - 4)
		for page := 1; ; page++ {
			v, err := d.Support.View(t.Context(), sam, ids[0], support.TimelinePlace{Before: before})
			d.Must(err)
			for _, e := range v.Events {
				if want--; e.Millis != want || *e.ConnectionID != ids[0] {
					t.Fatalf("page %d: event %d of %s, want %d", page, e.Millis, e.ConnectionID, want)
				}
			}
			if !v.Older {
				if page != 3 {
					t.Errorf("%d pages, want 3", page)
				}
				break
			}
			before = &v.Events[len(v.Events)-1].ID
		}
		if want != 0 {
			t.Errorf("%d events are on no page", want)
		}
		if n := d.Count("SELECT sum(repeats + 1) FROM events WHERE kind = 'staff_viewed'"); n != 3 {
			t.Errorf("%d looks are recorded, want 3", n)
		}
	})
}

// The page lists each staff member who looked once, the last one first. It also has
// what the company's owners, credential, mails, and notes say.
func TestViewHasWhatSupportNeeds(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		d.Person("Mel", accounts.Member)
		id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
		sam, ada := d.Staff("Sam", accounts.Support), d.Staff("Ada", accounts.Admin)
		var v support.StaffView
		for _, who := range []accounts.Staff{sam, ada, sam, ada, sam} {
			var err error
			v, err = d.Support.View(t.Context(), who, id, support.TimelinePlace{})
			d.Must(err)
			d.Clock.Add(time.Minute)
		}
		if len(v.Looks) != 2 || v.Looks[0].StaffName != "Ada" || v.Looks[1].StaffName != "Sam" || !v.Looks[0].At.After(v.Looks[1].At) {
			t.Errorf("looked at by %+v", v.Looks)
		}
		if len(v.Owners) != 1 || v.Owners[0].Email != "amy@northgate.example" {
			t.Errorf("owners %+v", v.Owners)
		}
		if s := v.Stored; !s.Access || !s.Refresh || s.ClientSecret || s.KeyID != d.Keys.Primary() {
			t.Errorf("stored %+v, key %d", s, d.Keys.Primary())
		}
		if len(v.Days) != 30 || len(v.Mails) != 0 || v.Company.Name != "Northgate" {
			t.Errorf("%d days, %d mails, %q", len(v.Days), len(v.Mails), v.Company.Name)
		}

		d.Sandbox.RevokeGrants(modeltest.Northgate)
		if err := d.Support.Refresh(t.Context(), sam, id); err != nil {
			t.Fatal(err)
		}
		d.Write(func(tx *gorm.DB) error {
			return tx.Create(modeltest.MailTo("gone@elsewhere.example", d.Connection(id), models.MailUpgradeNeeded, d.DB.Now())).Error
		})
		v, err := d.Support.View(t.Context(), sam, id, support.TimelinePlace{})
		d.Must(err)
		if len(v.Mails) != 2 || v.Mails[0].To != "g…@elsewhere.example" || v.Mails[1].To != "Amy" || v.Mails[1].SentAt != nil {
			t.Errorf("mails %+v", v.Mails)
		}
		d.Must(d.Support.Disconnect(t.Context(), ada, id, "An owner asked."))
		v, err = d.Support.View(t.Context(), sam, id, support.TimelinePlace{})
		d.Must(err)
		if v.Stored != (keeper.Stored{}) || v.Notes[0].Text != "An owner asked." {
			t.Errorf("stored %+v, notes %+v", v.Stored, v.Notes)
		}
	})
}

// Refresh records whether the renewal worked, even if the old token is still valid.
func TestRefresh(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id, sam := d.Seed(1, d.Clock.Now(), d.Clock.Now().Add(time.Hour))[0], d.Staff("Sam", accounts.Support)
		last := func() models.Event {
			t.Helper()
			d.Clock.Add(time.Second)
			d.Must(d.Support.Refresh(t.Context(), sam, id))
			v, err := d.Support.View(t.Context(), sam, id, support.TimelinePlace{})
			d.Must(err)
			return v.Events[0]
		}
		if e := last(); e.Kind != models.EventRefreshed || e.StaffName != "Sam" || e.ActorName != support.ActorName || d.Connection(id).Generation != 2 {
			t.Errorf("event %+v, generation %d", e, d.Connection(id).Generation)
		}
		d.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status500})
		if e := last(); e.Kind != models.EventRefreshFailed || e.Reason != models.ReasonUnavailable || d.Connection(id).State != models.Degraded {
			t.Errorf("event %+v, %s", e, d.Connection(id).State)
		}
		// Refresh renews now, although the next attempt is due later.
		if d.Connection(id).NextRenewalAt == nil {
			t.Error("no next attempt is due")
		}
		later := d.Clock.Now().Add(time.Hour).UTC()
		d.Exec("UPDATE connections SET next_renewal_at = ? WHERE id = ?", later, id)
		d.Exec("UPDATE credentials SET due_at = ? WHERE connection_id = ?", later, id)
		d.Sandbox.ClearFaults()
		if e := last(); e.Kind != models.EventRefreshed || d.Connection(id).State != models.Connected || d.Connection(id).Generation != 3 {
			t.Errorf("event %+v, generation %d", e, d.Connection(id).Generation)
		}
		d.Sandbox.RevokeGrants(modeltest.Northgate)
		if e := last(); e.Kind != models.EventRefreshFailed || e.Reason != models.ReasonGrantRefused || d.Connection(id).State != models.ReconnectNeeded {
			t.Errorf("event %+v, %s", e, d.Connection(id).State)
		}
		asked := d.TokenRequests()
		if err := d.Support.Refresh(t.Context(), sam, id); !errors.Is(err, models.ErrReconnectNeeded) || d.TokenRequests() != asked {
			t.Errorf("refreshed a connection that needs a reconnect: %v", err)
		}
		d.Invariants()
	})
}

// If a refresh is not attempted because ServiceTitan asked us to wait, which it did
// for another connection, the timeline says so.
func TestRefreshWhileServiceTitanAsksUsToWait(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ids, sam := d.Seed(2, d.Clock.Now(), d.Clock.Now().Add(time.Hour)), d.Staff("Sam", accounts.Support)
		d.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status429, Times: 1})
		for i, want := range []models.State{models.Degraded, models.Connected} {
			d.Must(d.Support.Refresh(t.Context(), sam, ids[i]))
			v, err := d.Support.View(t.Context(), sam, ids[i], support.TimelinePlace{})
			d.Must(err)
			if e := v.Events[0]; e.Kind != models.EventRefreshFailed || e.Reason != models.ReasonRateLimited || v.Connection.State != want {
				t.Errorf("connection %d: event %+v, %s", i, e, v.Connection.State)
			}
		}
		if n := d.TokenRequests(); n != 1 {
			t.Errorf("%d token requests, want the one that was refused", n)
		}
	})
}

// A refresh is completed and recorded even if the browser disconnects.
func TestRefreshIsCompletedWithoutTheBrowser(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id, sam := d.Seed(1, d.Clock.Now(), d.Clock.Now().Add(time.Hour))[0], d.Staff("Sam", accounts.Support)
		d.Sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
		ctx, goAway := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Support.Refresh(ctx, sam, id) }()
		<-d.Sandbox.Held()
		goAway()
		d.Sandbox.Release()
		d.Must(<-done)
		if n := d.Count("SELECT count(*) FROM events WHERE kind = 'refreshed'"); n != 1 || d.Connection(id).Generation != 2 {
			t.Errorf("%d events, generation %d", n, d.Connection(id).Generation)
		}
	})
}

// A connection can be refreshed ten times a minute, counting all staff members.
func TestRefreshIsThrottled(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		ids := d.Seed(2, d.Clock.Now(), d.Clock.Now().Add(time.Hour))
		sam, ada := d.Staff("Sam", accounts.Support), d.Staff("Ada", accounts.Admin)
		for range support.Refreshes.Tries {
			d.Must(d.Support.Refresh(t.Context(), sam, ids[0]))
		}
		asked := d.TokenRequests()
		err := d.Support.Refresh(t.Context(), ada, ids[0])
		if _, throttled := errors.AsType[*accounts.ThrottledError](err); !throttled || d.TokenRequests() != asked {
			t.Errorf("the eleventh: %v", err)
		}
		d.Must(d.Support.Refresh(t.Context(), sam, ids[1]))
		d.Clock.Add(time.Minute)
		d.Must(d.Support.Refresh(t.Context(), ada, ids[0]))
	})
}

// Both databases read the detail pages through indexes.
func TestDetailPagesUseIndexes(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		d.Person("Amy", accounts.Owner)
		id, ada := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0], d.Staff("Ada", accounts.Admin)
		d.Must(d.Support.AddNote(t.Context(), ada, id, "x"))
		d.Write(func(tx *gorm.DB) error {
			return tx.Create(modeltest.MailTo("amy@northgate.example", d.Connection(id), models.MailReconnectNeeded, d.DB.Now())).Error
		})
		before := database.NewID()
		keys := accounts.NewAPIKeys(d.DB)
		_, secret, err := keys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{Name: "all", Scopes: accounts.Scopes()})
		d.Must(err)
		for name, read := range map[string]func() error{
			"connection": func() error {
				_, err := support.SupportLook(d.Support, t.Context(), id, support.TimelinePlace{})
				return err
			},
			"older events": func() error {
				_, err := support.SupportLook(d.Support, t.Context(), id, support.TimelinePlace{Before: &before})
				return err
			},
			"problems": func() error {
				_, err := support.SupportLook(d.Support, t.Context(), id, support.TimelinePlace{Part: models.Problems})
				return err
			},
			"company": func() error { _, err := support.SupportLookAtCompany(d.Support, t.Context(), d.CompanyID); return err },
			"visitor": func() error {
				_, err := d.Accounts.Visitor(t.Context(), database.NewID(), d.CompanyID, 0)
				return ignoreKind(err, accounts.ErrSignedOut)
			},
			"API key": func() error { _, err := keys.Check(t.Context(), secret, "203.0.113.7"); return err },
			"key's list": func() error {
				_, _, err := d.Connections.PageFor(t.Context(), accounts.APIKey{CompanyID: &d.CompanyID}, connect.ListFilter{After: connect.Cursor{ID: before}})
				return err
			},
			"all keys' list": func() error {
				_, _, err := d.Connections.PageFor(t.Context(), accounts.APIKey{}, connect.ListFilter{After: connect.Cursor{ID: before}})
				return err
			},
			"key's connection": func() error { _, err := d.Connections.For(t.Context(), accounts.APIKey{}, id); return err },
			"token reads":      func() error { _, err := accounts.TokenReadsOf(d.DB.Read(t.Context()), id); return err },
			"sign-ins":         func() error { _, err := accounts.SignInsOf(d.DB.Read(t.Context()), d.CompanyID.String()); return err },
			"audit records":    func() error { _, err := d.Accounts.Audit(t.Context()); return err },
		} {
			modeltest.Explains(t, d.DB, name, func() { d.Must(read()) })
		}
	})
}

func ignoreKind(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}
