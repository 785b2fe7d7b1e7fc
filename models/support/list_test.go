package support_test

import (
	"fmt"
	"slices"
	"strings"
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

// all pages through a list to its end and back to its beginning. It returns the
// tenants that it saw, and checks that they are the same both ways.
func all(c *modeltest.ListTest, f support.ConnectionFilter, limit int) []int64 {
	c.Helper()
	var forth, back []int64
	at, last := support.Cursor{}, support.Cursor{}
	var before support.Cursor
	for range 1000 {
		page, err := support.SupportBrowse(c.Support, c.Context(), f, support.ParseCursor(at.String()), limit)
		if err != nil {
			c.Fatal(err)
		}
		for _, l := range page.Connections {
			forth = append(forth, l.TenantID)
			if l.CompanyName == "" {
				c.Errorf("tenant %d is without its company", l.TenantID)
			}
		}
		last, before = at, page.Before
		if page.After == (support.Cursor{}) {
			break
		}
		at = page.After
	}
	if f.Query != "" || last == (support.Cursor{}) {
		return forth
	}
	page, err := support.SupportBrowse(c.Support, c.Context(), f, support.ParseCursor(last.String()), limit)
	if err != nil {
		c.Fatal(err)
	}
	take := func(list []support.ListedConnection) {
		for _, l := range slices.Backward(list) {
			back = append(back, l.TenantID)
		}
	}
	take(page.Connections)
	for before != (support.Cursor{}) {
		if page, err = support.SupportBrowse(c.Support, c.Context(), f, support.ParseCursor(before.String()), limit); err != nil {
			c.Fatal(err)
		}
		take(page.Connections)
		before = page.Before
	}
	slices.Reverse(back)
	if !slices.Equal(forth, back) {
		c.Errorf("%+v: forth %v, back %v", f, forth, back)
	}
	return forth
}

// Every order and filter lists the right connections, each once, for any page size.
func TestBrowse(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		zebra, acme := c.Company("Zebra Air", "z@zebra.example"), c.Company("Acme Plumbing", "a@acme.example")
		state := func(s models.State, r models.Reason) func(*models.Connection) {
			return func(o *models.Connection) { o.State, o.Reason = s, r }
		}
		c.Add(zebra, 1, nil)
		c.Add(acme, 2, state(models.ReconnectNeeded, models.ReasonGrantRefused))
		c.Add(zebra, 3, state(models.Degraded, models.ReasonUnavailable))
		c.Add(acme, 4, func(o *models.Connection) { o.Environment = servicetitan.Production })
		c.Add(acme, 5, state(models.Disconnected, models.ReasonNone))
		c.Add(zebra, 6, func(o *models.Connection) { o.State, o.Way = models.Pending, models.GuidedWay })
		c.Add(zebra, 7, func(o *models.Connection) {
			o.State, o.Reason, o.Way, o.Environment = models.ReconnectNeeded, models.ReasonClientRefused, models.OwnCredentialsWay, servicetitan.Production
		})
		c.Clock.Add(2 * time.Hour)
		c.Add(acme, 8, state(models.ReconnectNeeded, models.ReasonGrantRefused))
		tests := []struct {
			f    support.ConnectionFilter
			want []int64
		}{
			{support.ConnectionFilter{}, []int64{2, 7, 8, 3, 6, 1, 4, 5}},
			{support.ConnectionFilter{Order: support.LongestFirst}, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
			{support.ConnectionFilter{Order: support.LatestFirst}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
			{support.ConnectionFilter{Order: support.NewestFirst}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
			{support.ConnectionFilter{Order: support.ByCompany}, []int64{2, 4, 5, 8, 1, 3, 6, 7}},
			{support.ConnectionFilter{Status: support.NeedsAttention}, []int64{2, 7, 8, 3}},
			{support.ConnectionFilter{Status: support.NeedsAttention, Order: support.ByCompany}, []int64{2, 8, 3, 7}},
			{support.ConnectionFilter{Status: support.Status(models.Disconnected)}, []int64{5}},
			{support.ConnectionFilter{Environment: servicetitan.Production}, []int64{7, 4}},
			{support.ConnectionFilter{Way: models.GuidedWay}, []int64{6}},
			{support.ConnectionFilter{Reason: models.ReasonGrantRefused}, []int64{2, 8}},
			{support.ConnectionFilter{Reason: models.ReasonGrantRefused, Environment: servicetitan.Production}, nil},
			{support.ConnectionFilter{Age: support.AnHour}, []int64{2, 7, 3, 6, 1, 4, 5}},
			{support.ConnectionFilter{Age: support.AnHour, Order: support.ByCompany}, []int64{1, 2, 3, 4, 5, 6, 7}},
			{support.ConnectionFilter{Age: support.ADay}, nil},
			{support.ConnectionFilter{Status: support.Overdue}, nil},
		}
		for _, tt := range tests {
			for _, limit := range []int{1, 3, 50} {
				if got := all(c, tt.f, limit); !slices.Equal(got, tt.want) {
					t.Errorf("%+v, %d a page: %v, want %v", tt.f, limit, got, tt.want)
				}
			}
			page, err := c.Support.Browse(t.Context(), tt.f, support.Cursor{})
			if err != nil {
				t.Fatal(err)
			}
			if n := page.Totals.Sum(tt.f); tt.f.Age == support.NoAge && tt.f.Status != support.Overdue && n != int64(len(tt.want)) {
				t.Errorf("%+v: total %d, want %d", tt.f, n, len(tt.want))
			}
		}
	})
}

// The list of late renewals begins with those that have been due the longest.
func TestBrowseOverdue(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		if err := accounts.NameCompanies(t.Context(), c.DB, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		now := c.Clock.Now()
		var late []int64 // the longest first
		for i, id := range c.Seed(5, now, now.Add(-time.Minute)) {
			if i < 3 {
				late = slices.Insert(late, 0, c.Connection(id).TenantID)
				c.Write(func(tx *gorm.DB) error {
					return tx.Exec("UPDATE credentials SET due_at = ? WHERE connection_id = ?", c.DB.Now().Add(-time.Duration(i+4)*15*time.Minute), id).Error
				})
			}
		}
		if got := all(c, support.ConnectionFilter{Status: support.Overdue}, 2); !slices.Equal(got, late) {
			t.Errorf("late are %v, want %v", got, late)
		}
		o, err := c.Support.Overview(t.Context(), accounts.Staff{})
		if err != nil {
			t.Fatal(err)
		}
		if o.Late != 3 || o.Lag < 90*time.Minute || o.Lag > 91*time.Minute || o.Totals.Sum(support.ConnectionFilter{}) != 5 {
			t.Errorf("%d late, lag %s, %d in all", o.Late, o.Lag, o.Totals.Sum(support.ConnectionFilter{}))
		}
	})
}

// A search finds connections by each kind of text.
func TestSearch(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		northgate := c.Company("Northgate Heating & Plumbing", "dana@northgatehvac.example")
		north := c.Company("North Shore Électric", "ruth@shore.example")
		obrien := c.Company("O’Brien’s 24 Hour Drain", "obrien@drain.example")
		c.Company("Northern Lights HVAC", "amy@lights.example")
		first := c.Add(northgate, 842193311, nil)
		c.Add(northgate, 842, func(o *models.Connection) { o.State, o.Reason = models.ReconnectNeeded, models.ReasonGrantRefused })
		c.Add(north, 8421, nil)
		c.Add(obrien, 24, nil)
		c.Write(func(tx *gorm.DB) error {
			return models.Record(tx, models.Event{CompanyID: northgate, ConnectionID: &first, Kind: models.EventTestFailed, SupportCode: "FB-2H6P-K3DA", At: c.DB.Now()})
		})
		tests := []struct {
			query     string
			f         support.ConnectionFilter
			want      []int64
			companies string
		}{
			{"north", support.ConnectionFilter{}, []int64{8421, 842193311, 842}, "North Shore Électric|Northern Lights HVAC|Northgate Heating & Plumbing"},
			{"NORTHG", support.ConnectionFilter{}, []int64{842193311, 842}, "Northgate Heating & Plumbing"},
			{"plumb north", support.ConnectionFilter{}, []int64{842193311, 842}, "Northgate Heating & Plumbing"},
			{"northgate plumbing", support.ConnectionFilter{Status: support.NeedsAttention}, []int64{842}, "Northgate Heating & Plumbing"},
			{"electric", support.ConnectionFilter{}, []int64{8421}, "North Shore Électric"},
			{"ÉLECTRIC", support.ConnectionFilter{}, []int64{8421}, "North Shore Électric"},
			{"o'brien", support.ConnectionFilter{}, []int64{24}, "O’Brien’s 24 Hour Drain"},
			{"obriens", support.ConnectionFilter{}, []int64{24}, "O’Brien’s 24 Hour Drain"},
			{"gate", support.ConnectionFilter{}, nil, ""},
			{"brien", support.ConnectionFilter{}, []int64{24}, "O’Brien’s 24 Hour Drain"},
			{"rien", support.ConnectionFilter{}, nil, ""},
			{"dana", support.ConnectionFilter{}, nil, ""},
			{"FB-2H6P", support.ConnectionFilter{}, nil, ""},
			{first.String()[:8], support.ConnectionFilter{}, nil, ""},
			{"842", support.ConnectionFilter{}, []int64{842, 8421, 842193311}, ""},
			{"842-193-311", support.ConnectionFilter{}, []int64{842193311}, ""},
			{"8421", support.ConnectionFilter{}, []int64{8421, 842193311}, ""},
			{"24", support.ConnectionFilter{}, []int64{24}, "O’Brien’s 24 Hour Drain"},
			{"dana@", support.ConnectionFilter{}, []int64{842193311, 842}, "Northgate Heating & Plumbing"},
			{"Dana@NorthgateHVAC.example", support.ConnectionFilter{}, []int64{842193311, 842}, "Northgate Heating & Plumbing"},
			{"amy@lights.example", support.ConnectionFilter{}, nil, "Northern Lights HVAC"},
			{"nobody@", support.ConnectionFilter{}, nil, ""},
			{"fb-2h6p-k3da", support.ConnectionFilter{}, []int64{842193311}, ""},
			{"FB2H6PK3DA", support.ConnectionFilter{}, []int64{842193311}, ""},
			{"FB-2H6P-AAAA", support.ConnectionFilter{}, nil, ""},
			{first.String(), support.ConnectionFilter{}, []int64{842193311}, ""},
			{first.String()[:13], support.ConnectionFilter{Environment: servicetitan.Production}, nil, ""},
			{northgate.String(), support.ConnectionFilter{}, []int64{842193311, 842}, ""},
			{"%", support.ConnectionFilter{}, nil, ""},
			{"_____", support.ConnectionFilter{}, nil, ""},
			{"'; DROP TABLE companies; --", support.ConnectionFilter{}, nil, ""},
			{"\x00", support.ConnectionFilter{}, nil, ""},
			{"\xff", support.ConnectionFilter{}, nil, ""},
			{strings.Repeat("n", 101), support.ConnectionFilter{}, nil, ""},
			{"99999999999999999999999999", support.ConnectionFilter{}, nil, ""},
			{"0", support.ConnectionFilter{}, nil, ""},
		}
		for _, tt := range tests {
			tt.f.Query = tt.query
			for _, limit := range []int{1, 50} {
				if got := all(c, tt.f, limit); !slices.Equal(got, tt.want) {
					t.Errorf("%q, %d a page: %v, want %v", tt.query, limit, got, tt.want)
				}
			}
			page, err := c.Support.Browse(t.Context(), tt.f, support.Cursor{})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, company := range page.Companies {
				names = append(names, company.Name)
			}
			if got := strings.Join(names, "|"); got != tt.companies {
				t.Errorf("%q finds companies %s, want %s", tt.query, got, tt.companies)
			}
		}
	})
}

// A search for a common word continues page by page, although each page looks at a
// limited number of companies.
func TestSearchGoesOn(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		c.Write(func(tx *gorm.DB) error {
			for i := range support.CandidatesRead + 50 {
				company := accounts.Company{ID: database.NewID(), Name: fmt.Sprintf("Heating %d", i), CreatedAt: c.DB.Now()}
				if err := accounts.CreateCompany(tx, &company); err != nil {
					return err
				}
			}
			return nil
		})
		last := c.Company("Heating at last", "last@heating.example")
		c.Add(last, 77, nil)
		page, err := c.Support.Browse(t.Context(), support.ConnectionFilter{Query: "heat"}, support.Cursor{})
		if err != nil || len(page.Connections) != 0 || page.After == (support.Cursor{}) {
			t.Errorf("%d connections, after %+v, %v", len(page.Connections), page.After, err)
		}
		if got := all(c, support.ConnectionFilter{Query: "heat"}, 50); !slices.Equal(got, []int64{77}) {
			t.Errorf("found %v", got)
		}
		// The rarer word leads.
		page, err = c.Support.Browse(t.Context(), support.ConnectionFilter{Query: "heat last"}, support.Cursor{})
		if err != nil || len(page.Connections) != 1 || page.After != (support.Cursor{}) {
			t.Errorf("%d connections, after %+v, %v", len(page.Connections), page.After, err)
		}
	})
}

// Totals stay correct as connections are added, changed, and deleted.
func TestTotalsAreKept(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		company := c.Company("Acme", "a@acme.example")
		var ids []uuid.UUID
		for i := range 30 {
			ids = append(ids, c.Add(company, int64(i+1), nil))
		}
		check := func() {
			t.Helper()
			kept, err := c.Support.Totals(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var counted support.Totals
			err = c.DB.Read(t.Context()).Raw(`SELECT environment, state, reason, way, count(*) AS n FROM connections
				GROUP BY environment, state, reason, way ORDER BY environment, state, reason, way`).Scan(&counted).Error
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(kept, counted) {
				t.Errorf("kept %v, counted %v", kept, counted)
			}
		}
		check()
		states := []models.State{models.Degraded, models.ReconnectNeeded, models.Connected, models.Disconnected}
		for i, id := range ids {
			c.Write(func(tx *gorm.DB) error {
				connection, err := models.GetConnection(tx, company, id)
				if err != nil {
					return err
				}
				connection.State, connection.UpdatedAt = states[i%len(states)], c.DB.Now()
				if i%3 == 0 {
					connection.Reason = models.ReasonUnavailable
				}
				return tx.Select("*").Updates(&connection).Error
			})
		}
		check()
		c.Write(func(tx *gorm.DB) error { return tx.Exec("DELETE FROM connections WHERE id = ?", ids[0]).Error })
		check()
	})
}

// StateSince changes only when the state does.
func TestStateSince(t *testing.T) {
	modeltest.OnLists(t, func(t *testing.T, c *modeltest.ListTest) {
		companyID := c.Company("Acme", "a@acme.example")
		id := c.Add(companyID, 1, nil)
		change := func(s models.State) time.Time {
			c.Clock.Add(time.Hour)
			c.Write(func(tx *gorm.DB) error {
				connection, err := models.GetConnection(tx, companyID, id)
				if err != nil {
					return err
				}
				connection.State, connection.UpdatedAt = s, c.DB.Now()
				return tx.Select("*").Updates(&connection).Error
			})
			connection, err := models.GetConnection(c.DB.Read(t.Context()), companyID, id)
			if err != nil {
				t.Fatal(err)
			}
			return connection.StateSince
		}
		began := change(models.Connected)
		failed := change(models.Degraded)
		if !failed.After(began) || !change(models.Degraded).Equal(failed) || !change(models.Connected).After(failed) {
			t.Errorf("since %s, %s", began, failed)
		}
	})
}

// ParseCursor accepts any text, and String returns what it read.
func FuzzParseCursor(f *testing.F) {
	f.Add(support.Cursor{Rank: 1, At: time.UnixMicro(1).UTC(), Key: "a.b", ID: uuid.Max}.String())
	f.Add(support.Cursor{Back: true, ID: uuid.Max}.String())
	f.Add("")
	f.Add("bi4xLi4u")
	f.Fuzz(func(t *testing.T, text string) {
		c := support.ParseCursor(text)
		if again := support.ParseCursor(c.String()); again != c {
			t.Errorf("%q is %+v, and read again %+v", text, c, again)
		}
	})
}

func TestNameKey(t *testing.T) {
	for name, want := range map[string]string{
		"Northgate Heating & Plumbing": "northgate heating plumbing",
		"  A/C   Pros, Inc.":           "a c pros inc",
		"Café Électrique":              "cafe electrique",
		"O’Brien's":                    "obriens",
		"Oʼbrien Oʻbrien O‘brien":      "obrien obrien obrien",
		"ＦＵＬＬ width":                   "full width",
		"东方 Plumbing":                  "东方 plumbing",
		"★★★":                          "★★★",
		"İstanbul":                     "istanbul",
	} {
		if got := accounts.NameKey(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
