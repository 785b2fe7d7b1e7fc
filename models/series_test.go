package models

import (
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"
)

// Equal events within an hour are one entry with their number. Others, and what
// comes later, have entries of their own.
func TestEqualEventsAreOneEntry(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		id := d.seed(1, d.clock.Now(), d.clock.Now())[0]
		tell := func(e Event) {
			e.CompanyID, e.At = d.companyID, d.db.Now()
			d.write(func(tx *gorm.DB) error { return recordSeries(tx, e) })
		}
		for range 30 {
			tell(Event{ConnectionID: &id, Kind: EventTestPassed, ActorName: "Amy", Millis: 7, SupportCode: "FB-BBBB-BBBB"})
			tell(Event{ConnectionID: &id, Kind: EventTestPassed, ActorName: "Otto"})
			tell(Event{Kind: EventConnectFailed, ActorName: "Amy", Outcome: OutcomeDenied})
			tell(Event{Kind: EventConnectFailed, ActorName: "Amy", Outcome: OutcomeUnavailable})
			d.clock.Add(time.Minute)
		}
		if n, m := d.count("SELECT count(*) FROM events"), d.count("SELECT sum(repeats + 1) FROM events"); n != 4 || m != 120 {
			t.Errorf("%d entries for %d events, want 4 for 120", n, m)
		}
		connection := d.connection(id)
		events, err := d.connections.Timeline(t.Context(), connection)
		d.must(err)
		if len(events) != 2 || events[1].Repeats != 29 || events[1].At.Sub(events[1].Began()) != 29*time.Minute || events[1].SupportCode != "FB-BBBB-BBBB" {
			t.Errorf("timeline %+v", events)
		}
		d.clock.Add(31 * time.Minute)
		tell(Event{ConnectionID: &id, Kind: EventTestPassed, ActorName: "Amy"})
		if n := d.count("SELECT count(*) FROM events"); n != 5 {
			t.Errorf("%d entries, want a new one after an hour", n)
		}
	})
}

// Test asks ServiceTitan a few times a minute for a connection and for a company.
func TestTestsAreLimited(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		ids, amy := d.seed(3, d.clock.Now(), d.clock.Now().Add(time.Hour)), d.owner()
		tested, refused := 0, 0
		press := func() {
			for _, id := range ids {
				for range 600 / len(ids) {
					err := d.connections.Test(t.Context(), amy, id)
					if _, ok := errors.AsType[*ThrottledError](err); ok {
						refused++
					} else if err == nil {
						tested++
					}
				}
			}
		}
		press()
		if tested != testsOfCompany.tries || refused != 600-tested {
			t.Errorf("%d tests are made and %d refused", tested, refused)
		}
		if n := d.count("SELECT count(*) FROM events"); n > len(ids)*2 {
			t.Errorf("%d events are written", n)
		}
		d.clock.Add(time.Minute)
		before := tested
		press()
		if tested == before {
			t.Error("none is made a minute later")
		}
	})
}

// What is done with is deleted after its time: mails, closed set-ups except a
// connection's last, and tasks.
func TestSweepDeletesWhatIsDone(t *testing.T) {
	onDesks(t, func(t *testing.T, d *staffDesk) {
		id := d.seed(1, d.clock.Now(), d.clock.Now())[0]
		c, now := d.connection(id), d.db.Now()
		d.write(func(tx *gorm.DB) error {
			waiting := Mail{ID: newID(), CompanyID: c.CompanyID, ConnectionID: id, Kind: MailUpgradeNeeded, Recipient: "a@x.example", NextTryAt: &now, CreatedAt: now}
			sent, dead := waiting, waiting
			sent.ID, sent.SentAt, sent.NextTryAt = newID(), &now, nil
			dead.ID, dead.NextTryAt = newID(), nil
			errs := []error{tx.Create(&waiting).Error, tx.Create(&sent).Error, tx.Create(&dead).Error}
			for range 3 {
				s := Setup{ID: newID(), ConnectionID: id, CompanyID: c.CompanyID, Environment: c.Environment, TenantID: c.TenantID, Step: StepChecked, Since: now, RequestedAt: now, ClosedAt: &now}
				errs = append(errs, tx.Create(&s).Error)
			}
			done := staffTask{ID: newID(), Kind: TaskDeleteSecret, CompanyID: c.CompanyID, ConnectionID: id, CreatedAt: now, DoneAt: &now}
			open := staffTask{ID: newID(), Kind: TaskRemoveTenant, CompanyID: c.CompanyID, ConnectionID: id, CreatedAt: now}
			return errors.Join(append(errs, tx.Create(&done).Error, tx.Create(&open).Error)...)
		})
		left := func() [3]int {
			d.must(Sweep(t.Context(), d.db, 400*24*time.Hour))
			return [3]int{d.count("SELECT count(*) FROM mails"), d.count("SELECT count(*) FROM setups"), d.count("SELECT count(*) FROM staff_tasks")}
		}
		if got := left(); got != [3]int{3, 3, 2} {
			t.Errorf("at once, %v are left", got)
		}
		d.clock.Add(mailsKept + time.Hour)
		if got := left(); got != [3]int{1, 3, 2} {
			t.Errorf("later, %v are left", got)
		}
		d.clock.Add(400 * 24 * time.Hour)
		if got := left(); got != [3]int{1, 1, 1} {
			t.Errorf("much later, %v are left", got)
		}
	})
}
