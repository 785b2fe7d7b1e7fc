package connect_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// The connection was down on each day on which somebody had to reconnect it, whether
// or not renewals were attempted on that day.
func TestHealthKnowsWhenSomebodyHadToReconnect(t *testing.T) {
	type change struct {
		kind models.EventKind
		ago  time.Duration
	}
	const day = 24 * time.Hour
	tests := []struct {
		name    string
		state   models.State
		failing time.Duration // for how long; 0 if it does not fail
		changes []change
		// want has each day with downtime: how many days ago it was, when the downtime
		// began, and whether it ended on the same day.
		want []string
	}{
		{"never", models.Connected, 0, []change{{models.EventConnected, 9 * day}, {models.EventReconnected, day}}, nil},
		{"now, since the day before yesterday", models.ReconnectNeeded, 42 * time.Hour, []change{{models.EventConnected, 9 * day}, {models.EventReconnectNeeded, 41 * time.Hour}}, []string{"2 18:00 false", "1 00:00 false", "0 00:00 false"}},
		{"now, its events are gone", models.ReconnectNeeded, 40 * day, nil, daysDown(29, 0)},
		{"since a state alone", models.ReconnectNeeded, 0, nil, []string{"0 12:00 false"}},
		{"once, until the next day", models.Connected, 0, []change{{models.EventReconnectNeeded, 5 * day}, {models.EventReconnected, 4*day + time.Hour}}, []string{"5 12:00 false", "4 00:00 true"}},
		{"begun before the days that are shown", models.Connected, 0, []change{{models.EventReconnectNeeded, 50 * day}, {models.EventReconnected, 28 * day}}, []string{"29 00:00 false", "28 00:00 true"}},
		{"until it was ended", models.Disconnected, 0, []change{{models.EventReconnectNeeded, 3 * day}, {models.EventDisconnected, 2 * day}}, []string{"3 12:00 false", "2 00:00 true"}},
		{"twice on a day", models.ReconnectNeeded, 2 * time.Hour, []change{{models.EventReconnectNeeded, 5 * time.Hour}, {models.EventReconnected, 4 * time.Hour}, {models.EventReconnectNeeded, 2 * time.Hour}}, []string{"0 10:00 false"}},
	}
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		now := c.Clock.Now().UTC().Truncate(day).Add(36 * time.Hour)
		companyID := c.Company("Acme", "a@acme.example")
		for i, tt := range tests {
			c.Clock.Add(now.Sub(c.Clock.Now()) - time.Minute)
			id := c.Add(companyID, int64(i+1), func(o *models.Connection) {
				o.State = tt.state
				if tt.failing > 0 {
					since := now.Add(-tt.failing)
					o.FailingSince = &since
				}
			})
			c.Write(func(tx *gorm.DB) error {
				for _, e := range tt.changes {
					if err := models.Record(tx, models.Event{CompanyID: companyID, ConnectionID: &id, Kind: e.kind, At: now.Add(-e.ago)}); err != nil {
						return err
					}
				}
				return nil
			})
			c.Exec("INSERT INTO renewal_days (connection_id, day, ok, failed) VALUES (?, ?, 20, 4), (?, ?, 7, 0)", id, now.AddDate(0, 0, -2).Format(time.DateOnly), id, now.AddDate(0, 0, -40).Format(time.DateOnly))
			connection, err := models.GetConnection(c.DB.Read(t.Context()), companyID, id)
			if err != nil {
				t.Fatal(err)
			}
			days, err := c.Connections().Health(t.Context(), connection)
			if err != nil {
				t.Fatal(err)
			}
			page, err := c.Connections().Page(t.Context(), accounts.Visitor{CompanyID: companyID}, id)
			if err != nil {
				t.Fatal(err)
			}
			if history, err := c.Connections().History(t.Context(), page, models.WholeTimeline); err != nil || !reflect.DeepEqual(history.Days, days) || days[27].OK != 20 || days[27].Failed != 4 {
				t.Errorf("%s: the page has %+v, want %+v, %v", tt.name, history.Days, days, err)
			}
			var got []string
			for i, d := range days {
				if d.DownFrom != nil {
					got = append(got, fmt.Sprintf("%d %s %t", len(days)-1-i, d.DownFrom.Format("15:04"), d.UpAgain))
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s: down %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}

// daysDown returns whole days of downtime, from the first to the last.
func daysDown(first, last int) []string {
	var days []string
	for i := first; i >= last; i-- {
		days = append(days, fmt.Sprintf("%d 00:00 false", i))
	}
	return days
}
