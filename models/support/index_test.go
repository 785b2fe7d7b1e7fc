package support_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// Neither database reads a large table whole for the overview or for the staff list,
// in any order, with any filter, and for any kind of search.
func TestListsUseIndexes(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		company := c.Company("Northgate Heating", "dana@northgate.example")
		for i := range 3 {
			c.Add(company, int64(842193311+i), func(o *models.Connection) {
				o.State, o.Reason = []models.State{models.Connected, models.Degraded, models.ReconnectNeeded}[i], []models.Reason{models.ReasonNone, models.ReasonUnavailable, models.ReasonGrantRefused}[i]
			})
		}
		c.Seed(1, c.Clock.Now(), c.Clock.Now().Add(-time.Hour))
		filters := map[string]support.ConnectionFilter{
			"reason": {Reason: models.ReasonGrantRefused}, "environment": {Environment: "sandbox"}, "way": {Way: models.SignInWay}, "age": {Age: support.ADay},
		}
		for _, s := range support.Statuses() {
			filters["status "+string(s)] = support.ConnectionFilter{Status: s}
		}
		for _, o := range support.Orders() {
			filters["order "+string(o)] = support.ConnectionFilter{Order: o}
			filters["order and status "+string(o)] = support.ConnectionFilter{Order: o, Status: support.NeedsAttention, Age: support.AnHour}
		}
		for _, q := range []string{"north", "north heat", "8421", "dana@", "FB-2H6P-K3DA", uuid.Max.String(), "01999999-0000"} {
			filters["search "+q] = support.ConnectionFilter{Query: q}
			filters["search and status "+q] = support.ConnectionFilter{Query: q, Status: support.NeedsAttention}
		}
		for name, f := range filters {
			modeltest.Explains(t, c.DB, name, func() {
				page, err := support.SupportBrowse(c.Support, t.Context(), f, support.Cursor{}, 1)
				if err == nil && page.After != (support.Cursor{}) {
					_, err = support.SupportBrowse(c.Support, t.Context(), f, page.After, 1)
				}
				if err != nil {
					t.Fatal(err)
				}
			})
		}
		modeltest.Explains(t, c.DB, "overview", func() {
			if _, err := c.Support.Overview(t.Context(), accounts.Staff{UserID: uuid.Max}); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// WholeReads finds the statements that read a table whole.
func TestWholeReadsAreSeen(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		for sql, want := range map[string]int{
			"SELECT o.id FROM connections o WHERE o.scopes = 'x'":   1,
			"SELECT id FROM connections WHERE scopes = 'x'":         1,
			"SELECT o.id FROM connections o WHERE o.tenant_id = 12": 0,
		} {
			if got := modeltest.WholeReads(t, c.DB, sql, nil); len(got) != want {
				t.Errorf("%s: %v", sql, got)
			}
		}
	})
}

// Neither database reads a large table whole to name other companies, to check a
// proof, or to find the last authorization.
func TestConnectingUsesIndexes(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
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
			for _, view := range support.QueueViews() {
				f := support.QueueFilter{View: view}
				q, err := c.Support.Queue(t.Context(), accounts.Staff{UserID: uuid.Max}, f, support.Cursor{})
				if err != nil {
					t.Fatal(err)
				}
				if n := len(q.Items); n != q.Counts.In(view) {
					t.Errorf("%s: %d items, but %d are counted", view, n, q.Counts.In(view))
				}
				if view == support.Everything && (len(q.Items) != 1 || len(q.Items[0].Setup.Others) != 1 || q.Items[0].Setup.Others[0].ID != other || q.Items[0].Setup.Proven) {
					t.Errorf("queue %+v", q.Items)
				}
				for rank := range support.ItemKinds {
					for _, back := range []bool{false, true} {
						at := support.Cursor{Back: back, Rank: rank, At: now, ID: id}
						if _, err := c.Support.Queue(t.Context(), accounts.Staff{UserID: uuid.Max}, f, at); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		})
		modeltest.Explains(t, c.DB, "reminders", func() {
			if _, err := c.Support.PreviewReminders(t.Context(), []uuid.UUID{id, other}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Support.ReminderRecord(t.Context(), &id); err != nil {
				t.Fatal(err)
			}
		})
		modeltest.Explains(t, c.DB, "proof", func() {
			if proven, err := models.IsProven(c.DB.Read(t.Context()), setup); err != nil || proven {
				t.Errorf("proven %t, %v", proven, err)
			}
			if others, err := models.OthersHave(c.DB.Read(t.Context()), setup); err != nil || !others {
				t.Errorf("others %t, %v", others, err)
			}
		})
		modeltest.Explains(t, c.DB, "last authorization", func() {
			if _, ok, err := c.Connections().LastBegun(t.Context(), c.Owner()); err != nil || ok {
				t.Errorf("found %t, %v", ok, err)
			}
		})
	})
}
