package models

import (
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
