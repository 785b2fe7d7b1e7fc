package models

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// The staff list, in each order, with each filter and for each kind of search,
// and the overview read no large table whole, on either database.
func TestConsoleUsesIndexes(t *testing.T) {
	onConsoles(t, func(t *testing.T, c *console) {
		company := c.company("Northgate Heating", "dana@northgate.example")
		for i := range 3 {
			c.add(company, int64(842193311+i), func(o *Connection) {
				o.State, o.Reason = []State{Connected, Degraded, ReconnectNeeded}[i], []Reason{ReasonNone, ReasonUnavailable, ReasonGrantRefused}[i]
			})
		}
		c.seed(1, c.clock.Now(), c.clock.Now().Add(-time.Hour))
		filters := map[string]ConnectionFilter{
			"reason": {Reason: ReasonGrantRefused}, "environment": {Environment: "sandbox"}, "way": {Way: SignInWay}, "age": {Age: ADay},
		}
		for _, s := range Statuses() {
			filters["status "+string(s)] = ConnectionFilter{Status: s}
		}
		for _, o := range Orders() {
			filters["order "+string(o)] = ConnectionFilter{Order: o}
			filters["order and status "+string(o)] = ConnectionFilter{Order: o, Status: NeedsAttention, Age: AnHour}
		}
		for _, q := range []string{"north", "north heat", "8421", "dana@", "FB-2H6P-K3DA", uuid.Max.String(), "01999999-0000"} {
			filters["search "+q] = ConnectionFilter{Query: q}
			filters["search and status "+q] = ConnectionFilter{Query: q, Status: NeedsAttention}
		}
		for name, f := range filters {
			explains(t, c.db, name, func() {
				page, err := c.desk.browse(t.Context(), f, Cursor{}, 1)
				if err == nil && page.After != (Cursor{}) {
					_, err = c.desk.browse(t.Context(), f, page.After, 1)
				}
				if err != nil {
					t.Fatal(err)
				}
			})
		}
		explains(t, c.db, "overview", func() {
			if _, err := c.desk.Overview(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// A statement that does read a table whole is seen.
func TestWholeReadsAreSeen(t *testing.T) {
	onConsoles(t, func(t *testing.T, c *console) {
		for sql, want := range map[string]int{
			"SELECT o.id FROM connections o WHERE o.scopes = 'x'":   1,
			"SELECT id FROM connections WHERE scopes = 'x'":         1,
			"SELECT o.id FROM connections o WHERE o.tenant_id = 12": 0,
		} {
			if got := wholeReads(t, c.db, sql, nil); len(got) != want {
				t.Errorf("%s: %v", sql, got)
			}
		}
	})
}
