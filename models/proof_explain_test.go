package models

import (
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Naming other companies, looking for a confirmation, finding the last trip and
// the series of an event read no large table whole.
func TestConnectingUsesIndexes(t *testing.T) {
	onConsoles(t, func(t *testing.T, c *console) {
		id := c.add(c.company("Harbor Line", "luis@harbor.example"), 738846120, func(o *Connection) { o.State, o.SettingUp, o.Way = Pending, true, GuidedWay })
		other := c.add(c.company("Stranger", "bob@stranger.example"), 738846120, func(o *Connection) { o.State = Disconnected })
		var connection Connection
		if err := c.db.Read(t.Context()).Where("id = ?", id).Take(&connection).Error; err != nil {
			t.Fatal(err)
		}
		now := c.db.Now()
		setup := Setup{ID: newID(), ConnectionID: id, CompanyID: connection.CompanyID, Environment: servicetitan.Sandbox, TenantID: 738846120, RequestedAt: now}
		setup.Step, setup.WaitsFor, setup.Since = StepEnterCredentials, Us, now
		c.write(func(tx *gorm.DB) error { return tx.Create(&setup).Error })
		explains(t, c.db, "queue", func() {
			q, err := c.desk.Queue(t.Context())
			if err != nil || len(q.ForUs) != 1 || len(q.ForUs[0].Others) != 1 || q.ForUs[0].Others[0].ID != other || q.ForUs[0].Proven {
				t.Errorf("queue %+v, %v", q.ForUs, err)
			}
		})
		explains(t, c.db, "confirmation", func() {
			if proven, err := isProven(c.db.Read(t.Context()), setup); err != nil || proven {
				t.Errorf("proven %t, %v", proven, err)
			}
			if others, err := othersHave(c.db.Read(t.Context()), setup); err != nil || !others {
				t.Errorf("others %t, %v", others, err)
			}
		})
		explains(t, c.db, "last trip", func() {
			if _, ok, err := c.connections().LastBegun(t.Context(), c.owner()); err != nil || ok {
				t.Errorf("found %t, %v", ok, err)
			}
		})
	})
}
