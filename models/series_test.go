package models_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// Equal events within an hour are one counted entry. Other events and later ones
// have entries of their own.
func TestEqualEventsAreOneEntry(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
		tell := func(e models.Event) {
			e.CompanyID, e.At = d.CompanyID, d.DB.Now()
			d.Write(func(tx *gorm.DB) error { return models.RecordSeries(tx, e) })
		}
		for range 30 {
			tell(models.Event{ConnectionID: &id, Kind: models.EventTestPassed, ActorName: "Amy", Millis: 7, SupportCode: "FB-BBBB-BBBB"})
			tell(models.Event{ConnectionID: &id, Kind: models.EventTestPassed, ActorName: "Otto"})
			tell(models.Event{Kind: models.EventConnectFailed, ActorName: "Amy", Outcome: models.OutcomeDenied})
			tell(models.Event{Kind: models.EventConnectFailed, ActorName: "Amy", Outcome: models.OutcomeUnavailable})
			d.Clock.Add(time.Minute)
		}
		if n, m := d.Count("SELECT count(*) FROM events"), d.Count("SELECT sum(repeats + 1) FROM events"); n != 4 || m != 120 {
			t.Errorf("%d entries for %d events, want 4 for 120", n, m)
		}
		connection := d.Connection(id)
		history, err := d.Connections.History(t.Context(), connect.Page{Connection: connection}, models.WholeTimeline)
		d.Must(err)
		events := history.Events
		if len(events) != 2 || events[1].Repeats != 29 || events[1].At.Sub(events[1].Began()) != 29*time.Minute || events[1].SupportCode != "FB-BBBB-BBBB" {
			t.Errorf("timeline %+v", events)
		}
		d.Clock.Add(31 * time.Minute)
		tell(models.Event{ConnectionID: &id, Kind: models.EventTestPassed, ActorName: "Amy"})
		if n := d.Count("SELECT count(*) FROM events"); n != 5 {
			t.Errorf("%d entries, want a new one after an hour", n)
		}
	})
}
