package models

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// all walks a list to its end, page by page, then back to its beginning, and
// returns what it saw: the same both ways.
func all(c *console, f ConnectionFilter, limit int) []int64 {
	c.Helper()
	var forth, back []int64
	at, last := Cursor{}, Cursor{}
	var before Cursor
	for range 1000 {
		page, err := c.desk.browse(c.Context(), f, ParseCursor(at.String()), limit)
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
		if page.After == (Cursor{}) {
			break
		}
		at = page.After
	}
	if f.Query != "" || last == (Cursor{}) {
		return forth
	}
	page, err := c.desk.browse(c.Context(), f, ParseCursor(last.String()), limit)
	if err != nil {
		c.Fatal(err)
	}
	take := func(list []ListedConnection) {
		for _, l := range slices.Backward(list) {
			back = append(back, l.TenantID)
		}
	}
	take(page.Connections)
	for before != (Cursor{}) {
		if page, err = c.desk.browse(c.Context(), f, ParseCursor(before.String()), limit); err != nil {
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

// Every order and filter has the connections that it should, each once, however
// they are cut into pages.
func TestBrowse(t *testing.T) {
	onConsoles(t, func(t *testing.T, c *console) {
		zebra, acme := c.company("Zebra Air", "z@zebra.example"), c.company("Acme Plumbing", "a@acme.example")
		state := func(s State, r Reason) func(*Connection) {
			return func(o *Connection) { o.State, o.Reason = s, r }
		}
		c.add(zebra, 1, nil)
		c.add(acme, 2, state(ReconnectNeeded, ReasonGrantRefused))
		c.add(zebra, 3, state(Degraded, ReasonUnavailable))
		c.add(acme, 4, func(o *Connection) { o.Environment = servicetitan.Production })
		c.add(acme, 5, state(Disconnected, ReasonNone))
		c.add(zebra, 6, func(o *Connection) { o.State, o.Way = Pending, GuidedWay })
		c.add(zebra, 7, func(o *Connection) {
			o.State, o.Reason, o.Way, o.Environment = ReconnectNeeded, ReasonClientRefused, OwnCredentialsWay, servicetitan.Production
		})
		c.clock.Add(2 * time.Hour)
		c.add(acme, 8, state(ReconnectNeeded, ReasonGrantRefused))
		tests := []struct {
			f    ConnectionFilter
			want []int64
		}{
			{ConnectionFilter{}, []int64{2, 7, 8, 3, 6, 1, 4, 5}},
			{ConnectionFilter{Order: LongestFirst}, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
			{ConnectionFilter{Order: LatestFirst}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
			{ConnectionFilter{Order: NewestFirst}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
			{ConnectionFilter{Order: ByCompany}, []int64{2, 4, 5, 8, 1, 3, 6, 7}},
			{ConnectionFilter{Status: NeedsAttention}, []int64{2, 7, 8, 3}},
			{ConnectionFilter{Status: NeedsAttention, Order: ByCompany}, []int64{2, 8, 3, 7}},
			{ConnectionFilter{Status: Status(Disconnected)}, []int64{5}},
			{ConnectionFilter{Environment: servicetitan.Production}, []int64{7, 4}},
			{ConnectionFilter{Way: GuidedWay}, []int64{6}},
			{ConnectionFilter{Reason: ReasonGrantRefused}, []int64{2, 8}},
			{ConnectionFilter{Reason: ReasonGrantRefused, Environment: servicetitan.Production}, nil},
			{ConnectionFilter{Age: AnHour}, []int64{2, 7, 3, 6, 1, 4, 5}},
			{ConnectionFilter{Age: AnHour, Order: ByCompany}, []int64{1, 2, 3, 4, 5, 6, 7}},
			{ConnectionFilter{Age: ADay}, nil},
			{ConnectionFilter{Status: Overdue}, nil},
		}
		for _, tt := range tests {
			for _, limit := range []int{1, 3, 50} {
				if got := all(c, tt.f, limit); !slices.Equal(got, tt.want) {
					t.Errorf("%+v, %d a page: %v, want %v", tt.f, limit, got, tt.want)
				}
			}
			page, err := c.desk.Browse(t.Context(), tt.f, Cursor{})
			if err != nil {
				t.Fatal(err)
			}
			if n := page.Totals.Sum(tt.f); tt.f.Age == noAge && tt.f.Status != Overdue && n != int64(len(tt.want)) {
				t.Errorf("%+v: total %d, want %d", tt.f, n, len(tt.want))
			}
		}
	})
}

// Late renewals are listed by how late they are.
func TestBrowseOverdue(t *testing.T) {
	onConsoles(t, func(t *testing.T, c *console) {
		if err := NameCompanies(t.Context(), c.db, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		now := c.clock.Now()
		var late []int64 // the longest first
		for i, id := range c.seed(5, now, now.Add(-time.Minute)) {
			if i < 3 {
				late = slices.Insert(late, 0, c.connection(id).TenantID)
				c.write(func(tx *gorm.DB) error {
					return tx.Exec("UPDATE credentials SET due_at = ? WHERE connection_id = ?", c.db.Now().Add(-time.Duration(i+4)*15*time.Minute), id).Error
				})
			}
		}
		if got := all(c, ConnectionFilter{Status: Overdue}, 2); !slices.Equal(got, late) {
			t.Errorf("late are %v, want %v", got, late)
		}
		o, err := c.desk.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if o.Late != 3 || o.Lag < 90*time.Minute || o.Lag > 91*time.Minute || o.Totals.Sum(ConnectionFilter{}) != 5 {
			t.Errorf("%d late, lag %s, %d in all", o.Late, o.Lag, o.Totals.Sum(ConnectionFilter{}))
		}
	})
}

// What people type finds what they mean.
func TestSearch(t *testing.T) {
	onConsoles(t, func(t *testing.T, c *console) {
		northgate := c.company("Northgate Heating & Plumbing", "dana@northgatehvac.example")
		north := c.company("North Shore Électric", "ruth@shore.example")
		obrien := c.company("O’Brien’s 24 Hour Drain", "obrien@drain.example")
		c.company("Northern Lights HVAC", "amy@lights.example")
		first := c.add(northgate, 842193311, nil)
		c.add(northgate, 842, func(o *Connection) { o.State, o.Reason = ReconnectNeeded, ReasonGrantRefused })
		c.add(north, 8421, nil)
		c.add(obrien, 24, nil)
		c.write(func(tx *gorm.DB) error {
			return record(tx, Event{CompanyID: northgate, ConnectionID: &first, Kind: EventTestFailed, SupportCode: "FB-2H6P-K3DA", At: c.db.Now()})
		})
		tests := []struct {
			query     string
			f         ConnectionFilter
			want      []int64
			companies string
		}{
			{"north", ConnectionFilter{}, []int64{8421, 842193311, 842}, "North Shore Électric|Northern Lights HVAC|Northgate Heating & Plumbing"},
			{"NORTHG", ConnectionFilter{}, []int64{842193311, 842}, "Northgate Heating & Plumbing"},
			{"plumb north", ConnectionFilter{}, []int64{842193311, 842}, "Northgate Heating & Plumbing"},
			{"northgate plumbing", ConnectionFilter{Status: NeedsAttention}, []int64{842}, "Northgate Heating & Plumbing"},
			{"electric", ConnectionFilter{}, []int64{8421}, "North Shore Électric"},
			{"ÉLECTRIC", ConnectionFilter{}, []int64{8421}, "North Shore Électric"},
			{"o'brien", ConnectionFilter{}, []int64{24}, "O’Brien’s 24 Hour Drain"},
			{"obriens", ConnectionFilter{}, []int64{24}, "O’Brien’s 24 Hour Drain"},
			{"gate", ConnectionFilter{}, nil, ""},
			{"brien", ConnectionFilter{}, []int64{24}, "O’Brien’s 24 Hour Drain"},
			{"rien", ConnectionFilter{}, nil, ""},
			{"dana", ConnectionFilter{}, nil, ""},
			{"FB-2H6P", ConnectionFilter{}, nil, ""},
			{first.String()[:8], ConnectionFilter{}, nil, ""},
			{"842", ConnectionFilter{}, []int64{842, 8421, 842193311}, ""},
			{"842-193-311", ConnectionFilter{}, []int64{842193311}, ""},
			{"8421", ConnectionFilter{}, []int64{8421, 842193311}, ""},
			{"24", ConnectionFilter{}, []int64{24}, "O’Brien’s 24 Hour Drain"},
			{"dana@", ConnectionFilter{}, []int64{842193311, 842}, "Northgate Heating & Plumbing"},
			{"Dana@NorthgateHVAC.example", ConnectionFilter{}, []int64{842193311, 842}, "Northgate Heating & Plumbing"},
			{"amy@lights.example", ConnectionFilter{}, nil, "Northern Lights HVAC"},
			{"nobody@", ConnectionFilter{}, nil, ""},
			{"fb-2h6p-k3da", ConnectionFilter{}, []int64{842193311}, ""},
			{"FB2H6PK3DA", ConnectionFilter{}, []int64{842193311}, ""},
			{"FB-2H6P-AAAA", ConnectionFilter{}, nil, ""},
			{first.String(), ConnectionFilter{}, []int64{842193311}, ""},
			{first.String()[:13], ConnectionFilter{Environment: servicetitan.Production}, nil, ""},
			{northgate.String(), ConnectionFilter{}, []int64{842193311, 842}, ""},
			{"%", ConnectionFilter{}, nil, ""},
			{"_____", ConnectionFilter{}, nil, ""},
			{"'; DROP TABLE companies; --", ConnectionFilter{}, nil, ""},
			{"\x00", ConnectionFilter{}, nil, ""},
			{"\xff", ConnectionFilter{}, nil, ""},
			{strings.Repeat("n", 101), ConnectionFilter{}, nil, ""},
			{"99999999999999999999999999", ConnectionFilter{}, nil, ""},
			{"0", ConnectionFilter{}, nil, ""},
		}
		for _, tt := range tests {
			tt.f.Query = tt.query
			for _, limit := range []int{1, 50} {
				if got := all(c, tt.f, limit); !slices.Equal(got, tt.want) {
					t.Errorf("%q, %d a page: %v, want %v", tt.query, limit, got, tt.want)
				}
			}
			page, err := c.desk.Browse(t.Context(), tt.f, Cursor{})
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

// A search for a common word goes on, page by page, although each looks at a
// bounded number of companies only.
func TestSearchGoesOn(t *testing.T) {
	onConsoles(t, func(t *testing.T, c *console) {
		c.write(func(tx *gorm.DB) error {
			for i := range candidatesRead + 50 {
				company := Company{ID: newID(), Name: fmt.Sprintf("Heating %d", i), CreatedAt: c.db.Now()}
				if err := createCompany(tx, &company); err != nil {
					return err
				}
			}
			return nil
		})
		last := c.company("Heating at last", "last@heating.example")
		c.add(last, 77, nil)
		page, err := c.desk.Browse(t.Context(), ConnectionFilter{Query: "heat"}, Cursor{})
		if err != nil || len(page.Connections) != 0 || page.After == (Cursor{}) {
			t.Errorf("%d connections, after %+v, %v", len(page.Connections), page.After, err)
		}
		if got := all(c, ConnectionFilter{Query: "heat"}, 50); !slices.Equal(got, []int64{77}) {
			t.Errorf("found %v", got)
		}
		// The rarer word leads.
		page, err = c.desk.Browse(t.Context(), ConnectionFilter{Query: "heat last"}, Cursor{})
		if err != nil || len(page.Connections) != 1 || page.After != (Cursor{}) {
			t.Errorf("%d connections, after %+v, %v", len(page.Connections), page.After, err)
		}
	})
}

// Totals are kept as connections come, change and go.
func TestTotalsAreKept(t *testing.T) {
	onConsoles(t, func(t *testing.T, c *console) {
		company := c.company("Acme", "a@acme.example")
		var ids []uuid.UUID
		for i := range 30 {
			ids = append(ids, c.add(company, int64(i+1), nil))
		}
		check := func() {
			t.Helper()
			kept, err := c.desk.Totals(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var counted Totals
			err = c.db.Read(t.Context()).Raw(`SELECT environment, state, reason, way, count(*) AS n FROM connections
				GROUP BY environment, state, reason, way ORDER BY environment, state, reason, way`).Scan(&counted).Error
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(kept, counted) {
				t.Errorf("kept %v, counted %v", kept, counted)
			}
		}
		check()
		states := []State{Degraded, ReconnectNeeded, Connected, Disconnected}
		for i, id := range ids {
			c.write(func(tx *gorm.DB) error {
				connection, err := getConnection(tx, company, id)
				if err != nil {
					return err
				}
				connection.State, connection.UpdatedAt = states[i%len(states)], c.db.Now()
				if i%3 == 0 {
					connection.Reason = ReasonUnavailable
				}
				return tx.Select("*").Updates(&connection).Error
			})
		}
		check()
		c.write(func(tx *gorm.DB) error { return tx.Exec("DELETE FROM connections WHERE id = ?", ids[0]).Error })
		check()
	})
}

// Since when a connection is in its state changes with the state alone.
func TestStateSince(t *testing.T) {
	onConsoles(t, func(t *testing.T, c *console) {
		companyID := c.company("Acme", "a@acme.example")
		id := c.add(companyID, 1, nil)
		change := func(s State) time.Time {
			c.clock.Add(time.Hour)
			c.write(func(tx *gorm.DB) error {
				connection, err := getConnection(tx, companyID, id)
				if err != nil {
					return err
				}
				connection.State, connection.UpdatedAt = s, c.db.Now()
				return tx.Select("*").Updates(&connection).Error
			})
			connection, err := getConnection(c.db.Read(t.Context()), companyID, id)
			if err != nil {
				t.Fatal(err)
			}
			return connection.StateSince
		}
		began := change(Connected)
		failed := change(Degraded)
		if !failed.After(began) || !change(Degraded).Equal(failed) || !change(Connected).After(failed) {
			t.Errorf("since %s, %s", began, failed)
		}
	})
}

// A cursor in an address may be anything.
func FuzzParseCursor(f *testing.F) {
	f.Add(Cursor{Rank: 1, At: time.UnixMicro(1).UTC(), Key: "a.b", ID: uuid.Max}.String())
	f.Add(Cursor{Back: true, ID: uuid.Max}.String())
	f.Add("")
	f.Add("bi4xLi4u")
	f.Fuzz(func(t *testing.T, text string) {
		c := ParseCursor(text)
		if again := ParseCursor(c.String()); again != c {
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
		if got := nameKey(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
