package connect_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// The overview has all of a company's connections and no others, first those that
// somebody has to do something for.
func TestOverviewBeginsWithTrouble(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		owner := asker(c.Kept)
		add := func(tenant int64, change func(*models.Connection)) uuid.UUID {
			return c.Add(owner.CompanyID, tenant, change)
		}
		ended := add(1, func(o *models.Connection) { o.State = models.Disconnected })
		works := add(2, nil)
		retried := add(3, func(o *models.Connection) { o.State = models.Degraded })
		setUp := add(4, func(o *models.Connection) { o.State, o.SettingUp = models.Pending, true })
		upgrade := add(5, func(o *models.Connection) { o.UpgradeNeeded = true })
		allow := add(6, func(o *models.Connection) { o.State, o.SettingUp = models.Pending, true })
		refused := add(7, func(o *models.Connection) { o.State, o.Reason = models.ReconnectNeeded, models.ReasonGrantRefused })
		for id, step := range map[uuid.UUID]models.SetupStep{setUp: models.StepAddTenant, allow: models.StepAllowAccess} {
			waits := models.Us
			if id == allow {
				waits = models.TheCompany
			}
			setup := models.Setup{
				ID: database.NewID(), ConnectionID: id, CompanyID: owner.CompanyID, Environment: "sandbox", TenantID: 4, Step: step,
				WaitsFor: waits, Since: c.DB.Now(), RequestedAt: c.DB.Now(), Proof: models.Proof{Channel: models.OnScreen},
			}
			c.Write(func(tx *gorm.DB) error { return tx.Create(&setup).Error })
		}
		var list []connect.InOverview
		var err error
		modeltest.Explains(t, c.DB, "overview", func() { list, err = c.Connections().Overview(t.Context(), owner.CompanyID) })
		if err != nil {
			t.Fatal(err)
		}
		var got []uuid.UUID
		for _, listed := range list {
			got = append(got, listed.ID)
			if listed.ToAllow != (listed.ID == allow) || (listed.WaitsFor == models.TheCompany) != (listed.ID == allow) {
				t.Errorf("tenant %d: to allow is %v", listed.TenantID, listed.ToAllow)
			}
		}
		if want := []uuid.UUID{refused, allow, upgrade, retried, works, setUp, ended}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if others, err := c.Connections().Overview(t.Context(), database.NewID()); err != nil || len(others) != 0 {
			t.Errorf("another company has %d connections, %v", len(others), err)
		}
	})
}
