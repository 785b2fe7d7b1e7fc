package models

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// The timeline goes on, page by page, and each event is on one page.
func TestOlderEvents(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		ids, sam := d.seed(2, d.clock.Now(), d.clock.Now()), d.staff("Sam", Support)
		d.write(func(tx *gorm.DB) error {
			for i := range 3*eventsViewed - 4 {
				for _, id := range ids {
					if err := record(tx, Event{CompanyID: d.companyID, ConnectionID: &id, Kind: EventTestPassed, Millis: int64(i), At: d.db.Now()}); err != nil {
						return err
					}
				}
			}
			return nil
		})
		var before *uuid.UUID
		want := int64(3*eventsViewed - 4)
		for page := 1; ; page++ {
			v, err := d.desk.View(t.Context(), sam, ids[0], before)
			d.must(err)
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
		if n := d.count("SELECT sum(repeats + 1) FROM events WHERE kind = 'staff_viewed'"); n != 3 {
			t.Errorf("%d looks are recorded, want 3", n)
		}
	})
}

// Who of staff looked, each once, the last first; and what else the page has.
func TestViewHasWhatSupportNeeds(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		d.person("Amy", Owner)
		d.person("Mel", Member)
		id := d.seed(1, d.clock.Now(), d.clock.Now())[0]
		sam, ada := d.staff("Sam", Support), d.staff("Ada", Admin)
		var v StaffView
		for _, who := range []Staff{sam, ada, sam, ada, sam} {
			var err error
			v, err = d.desk.View(t.Context(), who, id, nil)
			d.must(err)
			d.clock.Add(time.Minute)
		}
		if len(v.Looks) != 2 || v.Looks[0].StaffName != "Ada" || v.Looks[1].StaffName != "Sam" || !v.Looks[0].At.After(v.Looks[1].At) {
			t.Errorf("looked at by %+v", v.Looks)
		}
		if len(v.Owners) != 1 || v.Owners[0].Email != "amy@northgate.example" {
			t.Errorf("owners %+v", v.Owners)
		}
		if s := v.Stored; !s.Access || !s.Refresh || s.ClientSecret || s.KeyID != d.keys.Primary() {
			t.Errorf("stored %+v, key %d", s, d.keys.Primary())
		}
		if len(v.Days) != 30 || len(v.Mails) != 0 || v.Company.Name != "Northgate" {
			t.Errorf("%d days, %d mails, %q", len(v.Days), len(v.Mails), v.Company.Name)
		}

		d.sandbox.RevokeGrants(northgate)
		if err := d.desk.Refresh(t.Context(), sam, id); err != nil {
			t.Fatal(err)
		}
		d.write(func(tx *gorm.DB) error {
			return tx.Create(mailTo("gone@elsewhere.example", d.connection(id), MailUpgradeNeeded, d.db.Now())).Error
		})
		v, err := d.desk.View(t.Context(), sam, id, nil)
		d.must(err)
		if len(v.Mails) != 2 || v.Mails[0].To != "g…@elsewhere.example" || v.Mails[1].To != "Amy" || v.Mails[1].SentAt != nil {
			t.Errorf("mails %+v", v.Mails)
		}
		d.must(d.desk.Disconnect(t.Context(), ada, id, "An owner asked."))
		v, err = d.desk.View(t.Context(), sam, id, nil)
		d.must(err)
		if v.Stored != (Stored{}) || v.Notes[0].Text != "An owner asked." {
			t.Errorf("stored %+v, notes %+v", v.Stored, v.Notes)
		}
	})
}

// Refresh tells a renewal from the old token that still serves.
func TestRefresh(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		id, sam := d.seed(1, d.clock.Now(), d.clock.Now().Add(time.Hour))[0], d.staff("Sam", Support)
		last := func() Event {
			t.Helper()
			d.clock.Add(time.Second)
			d.must(d.desk.Refresh(t.Context(), sam, id))
			v, err := d.desk.View(t.Context(), sam, id, nil)
			d.must(err)
			return v.Events[0]
		}
		if e := last(); e.Kind != EventRefreshed || e.StaffName != "Sam" || e.ActorName != supportName || d.connection(id).Generation != 2 {
			t.Errorf("event %+v, generation %d", e, d.connection(id).Generation)
		}
		d.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status500})
		if e := last(); e.Kind != EventRefreshFailed || e.Reason != ReasonUnavailable || d.connection(id).State != Degraded {
			t.Errorf("event %+v, %s", e, d.connection(id).State)
		}
		// The next try is later: a person's is now.
		if d.connection(id).NextRenewalAt == nil {
			t.Error("there is no next try")
		}
		later := d.clock.Now().Add(time.Hour).UTC()
		d.exec("UPDATE connections SET next_renewal_at = ? WHERE id = ?", later, id)
		d.exec("UPDATE credentials SET due_at = ? WHERE connection_id = ?", later, id)
		d.sandbox.ClearFaults()
		if e := last(); e.Kind != EventRefreshed || d.connection(id).State != Connected || d.connection(id).Generation != 3 {
			t.Errorf("event %+v, generation %d", e, d.connection(id).Generation)
		}
		d.sandbox.RevokeGrants(northgate)
		if e := last(); e.Kind != EventRefreshFailed || e.Reason != ReasonGrantRefused || d.connection(id).State != ReconnectNeeded {
			t.Errorf("event %+v, %s", e, d.connection(id).State)
		}
		asked := d.tokenRequests()
		if err := d.desk.Refresh(t.Context(), sam, id); !errors.Is(err, ErrReconnectNeeded) || d.tokenRequests() != asked {
			t.Errorf("refreshed what cannot be: %v", err)
		}
		d.invariants()
	})
}

// What is not tried, because ServiceTitan asked us to wait over another
// connection, is said so.
func TestRefreshWhileServiceTitanAsksUsToWait(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		ids, sam := d.seed(2, d.clock.Now(), d.clock.Now().Add(time.Hour)), d.staff("Sam", Support)
		d.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status429, Times: 1})
		for i, want := range []State{Degraded, Connected} {
			d.must(d.desk.Refresh(t.Context(), sam, ids[i]))
			v, err := d.desk.View(t.Context(), sam, ids[i], nil)
			d.must(err)
			if e := v.Events[0]; e.Kind != EventRefreshFailed || e.Reason != ReasonRateLimited || v.Connection.State != want {
				t.Errorf("connection %d: event %+v, %s", i, e, v.Connection.State)
			}
		}
		if n := d.tokenRequests(); n != 1 {
			t.Errorf("%d token requests, want the one that was refused", n)
		}
	})
}

// Who asked may go away: it goes to its end and is recorded.
func TestRefreshGoesToItsEnd(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		id, sam := d.seed(1, d.clock.Now(), d.clock.Now().Add(time.Hour))[0], d.staff("Sam", Support)
		d.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold})
		ctx, goAway := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.desk.Refresh(ctx, sam, id) }()
		<-d.sandbox.Held()
		goAway()
		d.sandbox.Release()
		d.must(<-done)
		if n := d.count("SELECT count(*) FROM events WHERE kind = 'refreshed'"); n != 1 || d.connection(id).Generation != 2 {
			t.Errorf("%d events, generation %d", n, d.connection(id).Generation)
		}
	})
}

// Ten a minute for a connection, whoever of staff it is.
func TestRefreshIsThrottled(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		ids := d.seed(2, d.clock.Now(), d.clock.Now().Add(time.Hour))
		sam, ada := d.staff("Sam", Support), d.staff("Ada", Admin)
		for range refreshes.tries {
			d.must(d.desk.Refresh(t.Context(), sam, ids[0]))
		}
		asked := d.tokenRequests()
		err := d.desk.Refresh(t.Context(), ada, ids[0])
		if _, throttled := errors.AsType[*ThrottledError](err); !throttled || d.tokenRequests() != asked {
			t.Errorf("the eleventh: %v", err)
		}
		d.must(d.desk.Refresh(t.Context(), sam, ids[1]))
		d.clock.Add(time.Minute)
		d.must(d.desk.Refresh(t.Context(), ada, ids[0]))
	})
}

// What the detail pages read has an index, on either database.
func TestDeskUsesIndexes(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		d.person("Amy", Owner)
		id, ada := d.seed(1, d.clock.Now(), d.clock.Now())[0], d.staff("Ada", Admin)
		d.must(d.desk.AddNote(t.Context(), ada, id, "x"))
		d.write(func(tx *gorm.DB) error {
			return tx.Create(mailTo("amy@northgate.example", d.connection(id), MailReconnectNeeded, d.db.Now())).Error
		})
		before := newID()
		keys := NewAPIKeys(d.db)
		_, secret, err := keys.Create(t.Context(), CommandLine("root"), nil, "all")
		d.must(err)
		for name, read := range map[string]func() error{
			"connection":   func() error { _, err := d.desk.look(t.Context(), id, nil); return err },
			"older events": func() error { _, err := d.desk.look(t.Context(), id, &before); return err },
			"company":      func() error { _, err := d.desk.lookAtCompany(t.Context(), d.companyID); return err },
			"visitor": func() error {
				_, err := d.accounts.Visitor(t.Context(), newID(), d.companyID, 0)
				return ignoreKind(err, ErrSignedOut)
			},
			"API key": func() error { _, err := keys.Check(t.Context(), secret, "203.0.113.7"); return err },
			"key's list": func() error {
				_, _, err := d.connections.PageFor(t.Context(), APIKey{CompanyID: &d.companyID}, 0, before)
				return err
			},
			"all keys' list":   func() error { _, _, err := d.connections.PageFor(t.Context(), APIKey{}, 0, before); return err },
			"key's connection": func() error { _, err := d.connections.For(t.Context(), APIKey{}, id); return err },
			"token reads":      func() error { _, err := tokenReadsOf(d.db.Read(t.Context()), id); return err },
			"sign-ins":         func() error { _, err := signInsOf(d.db.Read(t.Context()), d.companyID.String()); return err },
			"audit records":    func() error { _, err := d.accounts.Audit(t.Context()); return err },
		} {
			explains(t, d.db, name, func() { d.must(read()) })
		}
	})
}

func ignoreKind(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}
