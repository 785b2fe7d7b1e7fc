package handlers_test

import (
	"encoding/csv"
	"errors"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// fill adds companies with connections in every state directly to the database. It
// returns the ID of the first connection.
func (a *app) fill() string {
	a.Helper()
	now := a.clock.Now().UTC().Truncate(time.Second)
	var first string
	kinds := []struct {
		company, name string
		environment   servicetitan.EnvironmentName
		state         models.State
		reason        models.Reason
		way           models.Way
	}{
		{"Northgate Heating & Plumbing", "northgate heating plumbing", "production", models.ReconnectNeeded, models.ReasonGrantRefused, models.SignInWay},
		{"Bluebird Comfort Co.", "bluebird comfort co", "production", models.ReconnectNeeded, models.ReasonClientRefused, models.OwnCredentialsWay},
		{"Tidewater Mechanical", "tidewater mechanical", "production", models.Degraded, models.ReasonUnavailable, models.SignInWay},
		{"Prairie Sun Heating", "prairie sun heating", "integration", models.Degraded, models.ReasonRateLimited, models.GuidedWay},
		{"Hartwell & Daughters Electric", "hartwell daughters electric", "production", models.Connected, "", models.GuidedWay},
		{"Copper Creek Plumbing", "copper creek plumbing", "production", models.Connected, "", models.SignInWay},
		{"Juniper Home Services", "juniper home services", "sandbox", models.Pending, "", models.GuidedWay},
		{"=HYPERLINK(\"http://evil\")", "hyperlink http evil", "production", models.Disconnected, "", models.SignInWay},
	}
	err := a.db.Write(a.Context(), func(tx *gorm.DB) error {
		for i, kind := range kinds {
			companyID, id := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
			if err := tx.Exec("INSERT INTO companies (id, name, name_key, created_at) VALUES (?, ?, ?, ?)", companyID, kind.company, kind.name, now).Error; err != nil {
				return err
			}
			for _, word := range strings.Fields(kind.name) {
				if err := tx.Exec("INSERT INTO company_words VALUES (?, ?)", word, companyID).Error; err != nil {
					return err
				}
			}
			at := now.Add(-time.Duration(i*i) * time.Hour)
			connection := models.Connection{
				ID: id, CompanyID: companyID, Environment: kind.environment, TenantID: int64(842193311 + i), Way: kind.way,
				State: kind.state, Reason: kind.reason, ConnectedByName: "Dana", ConnectedAt: at, ExpiresAt: at, CreatedAt: at, UpdatedAt: at,
			}
			if kind.state != models.Pending {
				connection.RenewedAt = at
			}
			if err := tx.Create(&connection).Error; err != nil {
				return err
			}
			if i == 0 {
				first = id.String()
			}
			if err := credentialFor(tx, connection); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		a.Fatal(err)
	}
	return first
}

// credentialFor stores a credential for a connection that works. Nothing decrypts
// it.
func credentialFor(tx *gorm.DB, c models.Connection) error {
	if c.State != models.Connected && c.State != models.Degraded {
		return nil
	}
	return tx.Exec(`INSERT INTO credentials (connection_id, company_id, access_sealed, expires_at, generation, environment, own_client, due_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, c.ID, c.CompanyID, []byte{1, 0xff}, c.ExpiresAt, c.Generation, c.Environment, c.Way != models.SignInWay, time.Now().UTC().Add(time.Hour)).Error
}

// The address of the list contains the whole filter.
func TestStaffList(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", accounts.Support)
		sam.says("/staff/connections", "No connections yet")
		sam.says("/staff", "No company has connected ServiceTitan yet", "Nothing was renewed")
		first := a.fill()
		page := sam.says("/staff/connections", "8 connections shown of 8", "Needs attention 4", "Needs reconnect 2", "Retrying 2", "Being set up 1", "Disconnected 1")
		if strings.Index(page, "Bluebird") > strings.Index(page, "Tidewater") || strings.Index(page, "Tidewater") > strings.Index(page, "Hartwell") {
			t.Error("attention does not come first")
		}
		for query, has := range map[string][]string{
			"?status=attention&env=integration": {"1 connection shown of 1", "Prairie Sun"},
			"?reason=client_refused":            {"1 connection shown of 1", "Bluebird", "client_refused"},
			"?way=guided&sort=company":          {"3 connections shown of 3", "Hartwell"},
			"?age=1d&status=connected":          {"1 connection shown", "Copper Creek"},
			"?q=north+plumb":                    {"1 connection shown", "Northgate"},
			"?q=84219331":                       {"8 connections shown"},
			"?q=" + first:                       {"1 connection shown", "Northgate"},
			"?q=nothing+like+it":                {"No connection matches"},
			"?q=north&status=connected":         {"Search in every status"},
			"?status=disconnected&env=sandbox":  {"No connection matches these filters"},
			"?status=&env=&q=":                  {"8 connections shown of 8"},
			"?q=%00":                            {"No connection matches"},
			"?q=%ff%fe":                         {"No connection matches"},
		} {
			sam.says("/staff/connections"+query, has...)
		}
		// People share addresses, so an unknown part of one must not show
		// everything.
		for query, says := range map[string]string{
			"?status=bogus":                     "status=bogus",
			"?status=no_such&sort=%27%3B--":     "sort=';--",
			"?at=nonsense":                      "at=nonsense",
			"?env=x&status=connected":           "Show the list without it",
			"?stauts=connected":                 "stauts=connected",
			"?status=connected&status=degraded": "status=degraded",
		} {
			page := sam.get("/staff/connections"+query).want(a, 400, says, "Show all connections")
			if strings.Contains(page.body, "Bluebird") {
				t.Errorf("%s shows connections", query)
			}
			sam.get("/staff/connections.csv"+query).want(a, 400, says)
		}
		// Every number of the overview leads to a list with that many rows.
		overview := sam.get("/staff").want(a, 200)
		if !strings.Contains(text(overview.body), "Needs reconnect 2") {
			t.Errorf("overview: %s", text(overview.body))
		}
		for _, link := range []string{
			"/staff/connections?status=reconnect_needed", "/staff/connections?env=production&amp;status=reconnect_needed", "/staff/connections?env=integration&amp;status=degraded",
		} {
			if !strings.Contains(overview.body, `href="`+link+`"`) {
				t.Errorf("the overview does not lead to %s", link)
			}
		}
	})
}

// The list continues page by page, and back.
func TestStaffListPages(t *testing.T) {
	a := newApp(t)
	sam := a.staff("Sam", accounts.Support)
	a.fill()
	company := a.lookup("SELECT id FROM companies WHERE name = 'Copper Creek Plumbing'")
	now := a.clock.Now().UTC().Truncate(time.Microsecond) // in the precision that the app uses
	err := a.db.Write(t.Context(), func(tx *gorm.DB) error {
		for i := range 120 {
			c := models.Connection{
				ID: uuid.Must(uuid.NewV7()), CompanyID: uuid.MustParse(company), Environment: servicetitan.Production, TenantID: int64(1000 + i),
				Way: models.SignInWay, State: models.Connected, ConnectedAt: now, RenewedAt: now, ExpiresAt: now, CreatedAt: now,
				UpdatedAt: now.Add(time.Duration(i) * time.Second),
			}
			if err := errors.Join(tx.Create(&c).Error, credentialFor(tx, c)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	path, pages := "/staff/connections?status=connected", 0
	var last string
	for ; path != ""; pages++ {
		page := sam.get(path).want(a, 200)
		for _, match := range tenants.FindAllStringSubmatch(page.body, -1) {
			seen[match[1]]++
		}
		last, path = path, follow(page.body, "next")
	}
	if len(seen) != 122 || pages != 3 {
		t.Errorf("%d connections on %d pages", len(seen), pages)
	}
	for tenant, n := range seen {
		if n != 1 {
			t.Errorf("tenant %s is shown %d times", tenant, n)
		}
	}
	back := follow(sam.get(last).body, "prev")
	if page := sam.get(back).want(a, 200, "50 connections shown of 122"); follow(page.body, "next") == "" || follow(page.body, "prev") == "" {
		t.Error("the middle page does not lead both ways")
	}
}

var tenants = regexp.MustCompile(`<td[^>]*><code class="id">(\d+)</code></td>`)

// follow returns the address of a page's link of a kind, if it has one.
func follow(body, rel string) string {
	link := regexp.MustCompile(`<a[^>]*href="([^"]*)"[^>]*rel="` + rel + `"`).FindStringSubmatch(body)
	if link == nil {
		return ""
	}
	return html.UnescapeString(link[1])
}

// The CSV contains what the filter shows, and no spreadsheet runs any of it.
func TestStaffCSV(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", accounts.Support)
		a.fill()
		got := sam.get("/staff/connections.csv").want(a, 200)
		for name, want := range map[string]string{
			"Content-Type": "text/csv; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %q", name, got.header.Get(name))
			}
		}
		if !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment;") {
			t.Error("it is shown and not saved")
		}
		rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
		if err != nil || len(rows) != 9 || len(rows[0]) != 14 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if strings.Count(got.body, "\r\n") != 9 {
			t.Error("lines do not end as RFC 4180 has them")
		}
		for _, row := range rows[1:] {
			if strings.ContainsAny(row[0][:1], "=+-@\t\r") {
				t.Errorf("a spreadsheet takes %q for a formula", row[0])
			}
		}
		if !strings.Contains(got.body, "'=HYPERLINK") {
			t.Error("the formula is not there as text")
		}
		filtered, err := csv.NewReader(strings.NewReader(sam.get("/staff/connections.csv?status=attention&sort=company").body)).ReadAll()
		if err != nil || len(filtered) != 5 || filtered[1][0] != "Bluebird Comfort Co." {
			t.Errorf("filtered: %v, %v", filtered, err)
		}
		if empty := sam.get("/staff/connections.csv?q=nothing").body; strings.Count(empty, "\n") != 1 {
			t.Errorf("an empty list has more than its columns: %q", empty)
		}
		for path, rows := range map[string]string{"/staff/connections": ">8 rows<", "/staff/connections?status=attention": ">4 rows<", "/staff/connections?q=nothing": ""} {
			body := sam.get(path).body
			if said := regexp.MustCompile(`>[0-9,]+ rows?<`).FindString(body); said != rows {
				t.Errorf("%s says %q before the CSV is fetched, want %q", path, said, rows)
			}
		}
		if !strings.Contains(a.log.String(), "connections exported") {
			t.Error("who exports is not in the log")
		}
	})
}

// Whatever is typed is searched for, and does nothing else.
func TestStaffSearchIsHarmless(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", accounts.Support)
		a.fill()
		for _, payload := range []string{
			"'", "\"", "1=1;--", "' OR '1'='1", ") UNION SELECT * FROM users --", "$$", "?", ":name", "\\", "%", "%%%%%%%%", "_", "$1", "@p1", "';DROP TABLE connections;--",
			"FB-2222-2222' OR 1=1", "01999999-0000' OR 1=1", "8421' OR 1=1", "a@b' OR 1=1", strings.Repeat("%", 10_000), "\u202e", "{{.}}",
		} {
			for _, name := range []string{"q", "status", "env", "way", "reason", "age", "sort", "at"} {
				got := sam.get("/staff/connections?" + url.Values{name: {payload}}.Encode())
				want := 400
				if name == "q" {
					want = 200
				}
				if got.status != want || (name == "q" && strings.Contains(got.body, ">842193311</code>")) {
					t.Errorf("%s=%q: %d", name, payload, got.status)
				}
			}
		}
		if n := a.count("SELECT count(*) FROM connections"); n != 8 {
			t.Errorf("%d connections", n)
		}
	})
}

// untidy finds cells that are not below those of the first row, by the edge that
// aligns their column. It also finds cells that reach out of their card.
const untidy = `[...document.querySelectorAll(".dense tbody")].flatMap(body => {
	const card = body.closest(".card").getBoundingClientRect(), edges = {};
	return [...body.querySelectorAll("td:is(:nth-child(2), :nth-child(4), :nth-child(6))")].filter(cell => cell.innerText).filter(cell => {
		const box = cell.getBoundingClientRect(), column = edges[cell.cellIndex] ??= box;
		return box.right > card.right || Math.abs(box.left - column.left) > 1 && Math.abs(box.right - column.right) > 1;
	});
}).map(cell => cell.innerText).join(", ")`

// askew finds the titles of lists that do not begin where their lines do.
const askew = `[...document.querySelectorAll(".card:has(tbody)")].filter(card => {
	const title = card.querySelector("header h2"), line = card.querySelector("tbody th a");
	return title && line && Math.abs(title.getBoundingClientRect().left - line.getBoundingClientRect().left) > 1;
}).map(card => card.querySelector("h2").innerText).join(", ")`

// tidy requires that the lines of lists are alike, begin below their title, and are
// whole, in windows of every width.
func (c *contractor) tidy() {
	c.Helper()
	for _, width := range []int64{320, 390, 600, 768, 900, 1040, 1140, 1280, 1440, 1600} {
		c.Look(width, 900, "light")
		if cells := c.Value(untidy); cells != "" {
			c.Errorf("at %d pixels these are out of line: %s", width, cells)
		}
		if titles := c.Value(askew); titles != "" {
			c.Errorf("at %d pixels these titles are not above their lines: %s", width, titles)
		}
	}
	c.Look(1280, 900, "light")
}

// The list works in a real browser, both while typing and with the button.
func TestBrowserStaffList(t *testing.T) {
	a := newApp(t)
	sam := a.staffAt(t, "Sam Okafor", accounts.Support)
	a.fill()
	hour := a.clock.Now().UTC()
	for i := range 24 {
		a.exec("INSERT INTO renewal_hours VALUES (?, 'production', ?, ?)", hour.Add(-time.Duration(i)*time.Hour).Format("2006-01-02T15"), 1600+i*7%90, map[int]int{5: 40, 6: 400}[i])
	}
	sam.Goto(a.url + "/staff")
	sam.See("Needs attention now")
	sam.inspect("staff-overview")
	sam.tidy()
	sam.Click("Connections", "8 connections shown of 8")
	sam.inspect("staff-connections")
	sam.tidy()

	// The list follows what is typed. No button is needed, and the address is that
	// of what is shown.
	sam.Type("q", "blueb")
	sam.See("1 connection shown")
	if at := sam.Address(); !strings.HasSuffix(at, "/staff/connections?q=blueb") {
		t.Errorf("the address is %s", at)
	}
	sam.inspect("staff-connections-found")
	sam.Reload()
	sam.See("1 connection shown")
	sam.Type("q", "no such company")
	sam.See("No connection matches")
	sam.inspect("staff-connections-none")
	if inset := sam.Value(`(() => {
		const words = document.querySelector("#list-results h2");
		return String(words.getBoundingClientRect().left - words.closest(".card").getBoundingClientRect().left);
	})()`); len(inset) < 2 {
		t.Errorf("the words of an empty list are %s pixels from its edge", inset)
	}
	sam.Click("Clear", "8 connections shown of 8")
	sam.Click("Retrying 2", "2 connections shown of 2")
	sam.inspect("staff-connections-retrying")
	sam.Click("Tidewater Mechanical", "Tenant")
	sam.Back()
	sam.See("2 connections shown of 2")
}
