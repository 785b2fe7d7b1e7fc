package connect_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Every selection of back ends is read by an index, for one company and for all.
func TestListsForKeysUseIndexes(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		connections, owner := c.Connections(), c.Owner()
		c.Add(owner.CompanyID, modeltest.Northgate, nil)
		after := connect.Cursor{ChangedAt: c.DB.Now().Add(-time.Hour), ID: database.NewID()}
		for name, filter := range map[string]connect.ListFilter{
			"all":                   {},
			"state":                 {State: models.Connected},
			"environment":           {Environment: servicetitan.Sandbox},
			"state and environment": {State: models.ReconnectNeeded, Environment: servicetitan.Sandbox},
			"tenant":                {TenantID: modeltest.Northgate},
			"reference":             {Reference: "acme-4711"},
			"changes":               {ChangedSince: c.DB.Now().Add(-time.Minute)},
			"changes of a state":    {ChangedSince: c.DB.Now().Add(-time.Minute), State: models.Connected},
		} {
			for whose, key := range map[string]accounts.APIKey{" of all": {}, " of one": {CompanyID: &owner.CompanyID}} {
				for _, filter.After = range []connect.Cursor{{}, after} {
					modeltest.Explains(t, c.DB, name+whose, func() {
						if _, _, err := connections.PageFor(t.Context(), key, filter); err != nil {
							t.Error(err)
						}
					})
				}
			}
		}
		modeltest.Explains(t, c.DB, "one", func() {
			if _, err := connections.For(t.Context(), accounts.APIKey{}, uuid.New()); err == nil {
				t.Error("found")
			}
		})
	})
}
