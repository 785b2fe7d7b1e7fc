package support_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// The staff list, in each order, with each filter and for each kind of search,
// and the overview read no large table whole, on either database.
func TestConsoleUsesIndexes(t *testing.T) {
	modeltest.OnConsoles(t, func(t *testing.T, c *modeltest.Console) {
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
				page, err := support.DeskBrowse(c.Desk, t.Context(), f, support.Cursor{}, 1)
				if err == nil && page.After != (support.Cursor{}) {
					_, err = support.DeskBrowse(c.Desk, t.Context(), f, page.After, 1)
				}
				if err != nil {
					t.Fatal(err)
				}
			})
		}
		modeltest.Explains(t, c.DB, "overview", func() {
			if _, err := c.Desk.Overview(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// A statement that does read a table whole is seen.
func TestWholeReadsAreSeen(t *testing.T) {
	modeltest.OnConsoles(t, func(t *testing.T, c *modeltest.Console) {
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
