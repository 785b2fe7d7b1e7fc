package main

import (
	"database/sql"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// consoleSizes are the numbers of connections that the console is measured with. Each
// company has five.
var consoleSizes = []int{1000, 100_000, 1_000_000}

// countTo begins a statement over the numbers from 1 to its argument.
var countTo = map[string]string{
	"sqlite3": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) ",
	"pgx":     "WITH n (i) AS (SELECT generate_series(1, $1::bigint)) ",
}

// idOf returns the ID that belongs to a number, as each database writes it.
func idOf(driver, number string) string {
	if driver == "pgx" {
		return "(lpad(to_hex(" + number + "), 8, '0') || '-0000-7000-8000-000000000000')::uuid"
	}
	return "printf('%08x-0000-7000-8000-000000000000', " + number + ")"
}

// pick returns an SQL expression that chooses one of the values by a number. Each value
// is chosen as often as it is listed.
func pick(number string, values ...string) string {
	text := "CASE (" + number + ") % " + fmt.Sprint(len(values))
	for i, v := range values {
		text += fmt.Sprintf(" WHEN %d THEN '%s'", i, v)
	}
	return text + " END"
}

// populate makes companies with names, owners, and connections of every kind. They are
// so mixed that even the smallest size fills a page of most lists.
func populate(b *testing.B, driver, address string, connections int) {
	b.Helper()
	if driver == "sqlite3" {
		address = "file:" + address + "?_journal_mode=WAL&_synchronous=OFF&_cache_size=-200000"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if driver == "pgx" {
		// A transaction that counts in the same rows a million times becomes slower and
		// slower. The values that the triggers keep are written below.
		if _, err := db.ExecContext(b.Context(), "SET session_replication_role = replica"); err != nil {
			b.Fatal(err)
		}
	}
	const mixed = "(i * 7919 % 1000003)" // spreads neighbors apart
	first := pick(mixed, "northgate", "bluebird", "tidewater", "prairie", "hartwell", "copper", "juniper", "lakeshore", "ironwood", "fairbanks", "redwood")
	trade := pick(mixed+" / 11", "heating", "plumbing", "electric", "cooling", "drain", "comfort", "air")
	count, companies := countTo[driver], connections/5
	now := time.Now().UTC().Truncate(time.Microsecond)
	var at string
	if driver == "pgx" {
		at = "$2::timestamptz - (i % 4000) * interval '1 minute'"
	} else {
		at = "strftime('%Y-%m-%d %H:%M:%S+00:00', $2, '-' || (i % 4000) || ' minutes')"
	}
	many := func(value string, n int) []string { return slices.Repeat([]string{value}, n) }
	for _, step := range []struct {
		statement string
		args      []any
	}{
		{count + "INSERT INTO companies (id, name, name_key, created_at) SELECT " + idOf(driver, "i") + ", " + first + " || ' ' || " + trade + " || ' ' || i, " +
			first + " || ' ' || " + trade + " || ' ' || i, $2 FROM n", []any{companies, now}},
		{count + "INSERT INTO company_words (word, company_id) SELECT " + first + ", " + idOf(driver, "i") + " FROM n", []any{companies}},
		{count + "INSERT INTO company_words (word, company_id) SELECT " + trade + ", " + idOf(driver, "i") + " FROM n", []any{companies}},
		{count + "INSERT INTO company_words (word, company_id) SELECT 'x' || i || 'x', " + idOf(driver, "i") + " FROM n", []any{companies}},
		{count + "INSERT INTO users (id, email, name, password_hash, created_at) SELECT " + idOf(driver, "i") + ", 'owner' || i || '@trades.example', 'Owner', '', $2 FROM n", []any{companies, now}},
		{count + "INSERT INTO memberships (company_id, user_id, role, created_at) SELECT " + idOf(driver, "i") + ", " + idOf(driver, "i") + ", 'owner', $2 FROM n", []any{companies, now}},
		{count + `INSERT INTO connections (id, company_id, environment, tenant_id, tenant_name, business_units, way, state, reason, scopes, generation,
			connected_by_name, connected_at, renewed_at, expires_at, created_at, updated_at) SELECT ` + idOf(driver, "i") + ", " + idOf(driver, "(i - 1) / 5 + 1") + ", " +
			pick(mixed, append(many("production", 16), "integration", "integration", "integration", "sandbox")...) + ", 100000000 + i, 'Tenant', 3, " +
			pick(mixed+" / 20", "sign_in", "sign_in", "guided", "own_credentials") + ", " +
			pick(mixed+" / 100", append(many("connected", 12), "reconnect_needed", "reconnect_needed", "reconnect_needed", "degraded", "degraded", "pending", "disconnected", "disconnected")...) +
			", CASE WHEN " + mixed + " / 100 % 20 IN (12, 13, 14, 15, 16) THEN " + pick(mixed+" / 7", "grant_refused", "client_refused", "unavailable", "rate_limited") + " ELSE '' END" +
			", '', 1, 'Dana', $2, $2, $2, $2, " + at + " FROM n", []any{connections, now}},
		{count + "INSERT INTO credentials (connection_id, company_id, access_sealed, expires_at, generation, environment, own_client, due_at) SELECT " +
			idOf(driver, "i * 50") + ", " + idOf(driver, "(i * 50 - 1) / 5 + 1") + ", " + map[string]string{"sqlite3": "x'01ff'", "pgx": `'\x01ff'::bytea`}[driver] +
			", $2, 1, 'sandbox', false, " + at + " FROM n", []any{connections / 50, now}},
		{count + "INSERT INTO events (id, company_id, connection_id, kind, support_code, at) SELECT " + idOf(driver, "i") + ", " + idOf(driver, "(i - 1) / 5 + 1") + ", " + idOf(driver, "i") +
			", 'test_failed', 'FB-' || " + map[string]string{"sqlite3": "printf('%08d', i)", "pgx": "lpad(i::text, 8, '0')"}[driver] + ", $2 FROM n", []any{connections, now}},
	} {
		if _, err := db.ExecContext(b.Context(), step.statement, step.args...); err != nil {
			b.Fatalf("%v\n%s", err, step.statement)
		}
	}
	if driver == "pgx" {
		for _, statement := range []string{
			"UPDATE connections o SET state_since = updated_at, company_key = c.name_key FROM companies c WHERE c.id = o.company_id",
			"INSERT INTO connection_totals SELECT environment, state, reason, way, 0, count(*) FROM connections GROUP BY environment, state, reason, way",
			"VACUUM ANALYZE", // as PostgreSQL's own maintenance does after a while
		} {
			if _, err := db.ExecContext(b.Context(), statement); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

// consoleViews are the pages that support looks at, by name. Each is a page of the
// list, except the overview.
var consoleViews = map[string]string{
	"overview":            "/staff",
	"first page":          "/staff/connections",
	"by company":          "/staff/connections?sort=company",
	"newest":              "/staff/connections?sort=newest",
	"longest":             "/staff/connections?sort=longest",
	"needs attention":     "/staff/connections?status=attention",
	"overdue":             "/staff/connections?status=overdue",
	"environment":         "/staff/connections?env=integration",
	"way":                 "/staff/connections?way=guided",
	"reason":              "/staff/connections?reason=client_refused",
	"age":                 "/staff/connections?age=1d",
	"all filters":         "/staff/connections?status=reconnect_needed&env=production&reason=grant_refused&age=1h",
	"search common name":  "/staff/connections?q=heating",
	"search two words":    "/staff/connections?q=heating+north",
	"search one company":  "/staff/connections?q=heating+x77x",
	"search no company":   "/staff/connections?q=zzz",
	"search and status":   "/staff/connections?q=heating&status=connected",
	"search tenant":       "/staff/connections?q=100000777",
	"search tenant begin": "/staff/connections?q=1000",
	"search email":        "/staff/connections?q=owner77%40",
	"search connection":   "/staff/connections?q=00000309-0000-7000-8000-000000000000",
	"search code":         "/staff/connections?q=FB-2222-2222",
}

// deepPage is the page of the list that is measured far from its beginning. If there
// are not so many pages, it is the one in the middle.
const deepPage = 1000

// BenchmarkConsole measures the pages of the staff console with 1,000, 100,000, and
// 1,000,000 connections, on SQLite and PostgreSQL, for one person at a time: session,
// queries, and page. The growth is that of the medians, from the smallest size to the
// largest.
func BenchmarkConsole(b *testing.B) {
	for _, driver := range []string{"sqlite3", "pgx"} {
		b.Run(map[string]string{"sqlite3": "sqlite", "pgx": "postgres"}[driver], func(b *testing.B) {
			took := map[string][]round{}
			for b.Loop() {
				for _, size := range consoleSizes {
					c := consoleClient(b, driver, size)
					views := map[string]string{fmt.Sprintf("page %d", deepPage): c.page(b, "/staff/connections", min(deepPage, size/support.ConnectionsShown/2))}
					for name, path := range consoleViews {
						views[name] = path
					}
					for name, path := range views {
						took[name] = append(took[name], c.times(b, path))
					}
				}
			}
			worst := 0.0
			for _, name := range slices.Sorted(maps.Keys(took)) {
				rounds := took[name]
				growth := float64(rounds[len(rounds)-1].p50) / float64(rounds[0].p50)
				worst = max(worst, growth)
				line := fmt.Sprintf("%-20s", name)
				for i, r := range rounds {
					line += fmt.Sprintf("  %7d: p50 %6.2f p99 %6.2f ms", consoleSizes[i], milliseconds(r.p50), milliseconds(r.p99))
				}
				fmt.Printf("%s  growth %.2f\n", line, growth) // a benchmark's own log is truncated
			}
			b.ReportMetric(worst, "worst-growth")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// consoleClient returns a client of a staff member who is signed in to an app with a
// number of connections.
func consoleClient(b *testing.B, driver string, size int) *client {
	b.Helper()
	address := filepath.Join(b.TempDir(), "console.db")
	if driver == "pgx" {
		address = testdb.Postgres(b)
	}
	l, base := listen(b)
	account := handlers.DemoAccount{Who: "support", Email: "sam@fieldbridge.example", Password: "a short sentence works"}
	a, err := newApp(b.Context(), benchConfig(b, base, "http://127.0.0.1:1", address), newKeyset(b), &handlers.Demo{Accounts: []handlers.DemoAccount{account}}, quiet())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.db.Close() })
	link, err := a.accounts.AddStaff(b.Context(), accounts.CommandLine("root"), account.Email, accounts.Support)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := a.accounts.SetPassword(b.Context(), link, "Sam Okafor", secret.New(account.Password)); err != nil {
		b.Fatal(err)
	}
	populate(b, driver, address, size)
	serve(b, l, newServer(a.public, quiet()))
	c := newClient(base)
	b.Cleanup(c.transport.CloseIdleConnections)
	signedIn, err := c.post("/signin", url.Values{"email": {account.Email}, "password": {account.Password}})
	if err != nil {
		b.Fatal(err)
	}
	c.keep(signedIn)
	return c
}

var nextPage = regexp.MustCompile(`href="([^"]*)" rel="next"`)

// page returns the address of a page of a list.
func (c *client) page(b *testing.B, path string, number int) string {
	b.Helper()
	for range number - 1 {
		shown, err := c.get(path, http.StatusOK)
		if err != nil {
			b.Fatal(err)
		}
		next := nextPage.FindSubmatch(shown.body)
		if next == nil {
			b.Fatalf("%s has no page after it", path)
		}
		path = html.UnescapeString(string(next[1]))
	}
	return path
}

// times loads a page again and again, and returns how long it took.
func (c *client) times(b *testing.B, path string) round {
	b.Helper()
	const times, warm = 100, 10
	took := make([]time.Duration, 0, times)
	for i := range times + warm {
		began := time.Now()
		shown, err := c.get(path, http.StatusOK)
		if err != nil {
			b.Fatal(err)
		}
		if !strings.Contains(string(shown.body), "support console") {
			b.Fatalf("%s is another page", path)
		}
		if i >= warm {
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	return round{p50: took[len(took)/2], p99: took[len(took)*99/100]}
}
