package connect_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// The activity has what people did to the company and its connections, newest
// first, page by page, and nothing of another company or only for staff.
func TestActivity(t *testing.T) {
	modeltest.OnSupport(t, func(t *testing.T, d *modeltest.SupportTest) {
		owner := d.Owner()
		id := d.Seed(1, d.Clock.Now(), d.Clock.Now())[0]
		other := accounts.Company{ID: database.NewID(), Name: "Blue Sky", CreatedAt: d.DB.Now()}
		d.Write(func(tx *gorm.DB) error {
			errs := []error{accounts.CreateCompany(tx, &other)}
			for i := range 70 {
				now := d.DB.Now().Add(time.Duration(i) * time.Second)
				errs = append(errs,
					models.Record(tx, models.Event{CompanyID: d.CompanyID, ConnectionID: &id, Kind: models.EventTestPassed, ActorName: "Amy", At: now}),
					models.Record(tx, models.Event{CompanyID: d.CompanyID, ConnectionID: &id, Kind: models.EventRetrying, At: now}),
					models.Record(tx, models.Event{CompanyID: d.CompanyID, ConnectionID: &id, Kind: models.EventStaffViewed, ActorName: "Fieldbridge support", StaffName: "Sam", At: now}),
					owner.Actor().AuditIn(tx, d.CompanyID, accounts.AuditTimeZoneChanged, d.CompanyID, "UTC", now),
					owner.Actor().AuditIn(tx, other.ID, accounts.AuditTimeZoneChanged, other.ID, "UTC", now),
				)
			}
			errs = append(errs, models.Record(tx, models.Event{CompanyID: other.ID, Kind: models.EventTestPassed, ActorName: "Bob", At: d.DB.Now()}))
			return errors.Join(errs...)
		})
		d.Must(d.Support.Lock(t.Context(), d.Staff("Sam", accounts.Admin), d.CompanyID, "A dispute."))
		d.Must(d.Support.Unlock(t.Context(), d.Staff("Lou", accounts.Admin), d.CompanyID, "Settled."))
		for about, want := range map[connect.ActivityAbout]int{connect.AboutAll: 142, connect.AboutConnections: 72, connect.AboutCompany: 70} {
			modeltest.Explains(t, d.DB, "activity "+string(about), func() {
				seen, before, pages := map[uuid.UUID]bool{}, uuid.Max, 0
				for older := true; older; pages++ {
					var lines []connect.Activity
					var err error
					if lines, older, err = d.Connections.Activity(t.Context(), d.CompanyID, about, before); err != nil {
						t.Fatal(err)
					}
					for _, l := range lines {
						if seen[l.ID] || l.ActorName == "" || (l.Event == nil) == (l.Action == "") {
							t.Errorf("%+v", l)
						}
						if l.ID.String() >= before.String() {
							t.Error("not in order")
						}
						seen[l.ID], before = true, l.ID
					}
				}
				if len(seen) != want || pages != (want+connect.ActivityShown-1)/connect.ActivityShown {
					t.Errorf("%q: %d lines on %d pages, want %d lines", about, len(seen), pages, want)
				}
			})
		}
		n, limited := 0, 0
		for range 22 {
			n = 0
			err := d.Connections.EachActivity(t.Context(), owner, connect.AboutAll, func(lines []connect.Activity) error { n += len(lines); return nil })
			if _, ok := errors.AsType[*accounts.ThrottledError](err); ok {
				limited++
			} else if err != nil || n != 142 {
				t.Errorf("%d exported, %v", n, err)
			}
		}
		if limited != 2 {
			t.Errorf("%d exports were refused", limited)
		}
	})
}
