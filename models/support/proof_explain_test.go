package support_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Naming other companies, looking for a confirmation, finding the last trip and
// the series of an event read no large table whole.
func TestConnectingUsesIndexes(t *testing.T) {
	modeltest.OnConsoles(t, func(t *testing.T, c *modeltest.Console) {
		id := c.Add(c.Company("Harbor Line", "luis@harbor.example"), 738846120, func(o *models.Connection) { o.State, o.SettingUp, o.Way = models.Pending, true, models.GuidedWay })
		other := c.Add(c.Company("Stranger", "bob@stranger.example"), 738846120, func(o *models.Connection) { o.State = models.Disconnected })
		var connection models.Connection
		if err := c.DB.Read(t.Context()).Where("id = ?", id).Take(&connection).Error; err != nil {
			t.Fatal(err)
		}
		now := c.DB.Now()
		setup := models.Setup{ID: database.NewID(), ConnectionID: id, CompanyID: connection.CompanyID, Environment: servicetitan.Sandbox, TenantID: 738846120, RequestedAt: now}
		setup.Step, setup.WaitsFor, setup.Since = models.StepEnterCredentials, models.Us, now
		c.Write(func(tx *gorm.DB) error { return tx.Create(&setup).Error })
		modeltest.Explains(t, c.DB, "queue", func() {
			q, err := c.Desk.Queue(t.Context())
			if err != nil || len(q.ForUs) != 1 || len(q.ForUs[0].Others) != 1 || q.ForUs[0].Others[0].ID != other || q.ForUs[0].Proven {
				t.Errorf("queue %+v, %v", q.ForUs, err)
			}
		})
		modeltest.Explains(t, c.DB, "confirmation", func() {
			if proven, err := models.IsProven(c.DB.Read(t.Context()), setup); err != nil || proven {
				t.Errorf("proven %t, %v", proven, err)
			}
			if others, err := models.OthersHave(c.DB.Read(t.Context()), setup); err != nil || !others {
				t.Errorf("others %t, %v", others, err)
			}
		})
		modeltest.Explains(t, c.DB, "last trip", func() {
			if _, ok, err := c.Connections().LastBegun(t.Context(), c.Owner()); err != nil || ok {
				t.Errorf("found %t, %v", ok, err)
			}
		})
	})
}
