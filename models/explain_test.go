package models

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// large are the tables that grow with the business: none may be read whole.
var large = []string{
	"companies", "users", "memberships", "connections", "credentials", "events", "company_words", "renewal_days", "setups", "staff_tasks",
	"notes", "mails", "account_mails", "sessions", "authorizations", "revocations", "token_reads", "sign_ins", "audit_records",
}

// explains hands every statement that a reading makes to the database's own
// explanation, and holds that none reads a large table whole.
func explains(t *testing.T, db *DB, name string, read func()) {
	t.Helper()
	type statement struct {
		sql  string
		args []any
	}
	var seen []statement
	watch := func(tx *gorm.DB) { seen = append(seen, statement{tx.Statement.SQL.String(), tx.Statement.Vars}) }
	callbacks := db.reader.Callback()
	for _, err := range []error{
		callbacks.Query().After("gorm:query").Register("explains", watch),
		callbacks.Row().After("gorm:row").Register("explains", watch),
		callbacks.Raw().After("gorm:raw").Register("explains", watch),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	read()
	for _, err := range []error{callbacks.Query().Remove("explains"), callbacks.Row().Remove("explains"), callbacks.Raw().Remove("explains")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) == 0 {
		t.Errorf("%s: no statement was seen", name)
	}
	for _, s := range seen {
		for _, table := range wholeReads(t, db, s.sql, s.args) {
			t.Errorf("%s reads %s whole:\n%s", name, table, s.sql)
		}
	}
}

// wholeReads are the large tables that a statement reads without an index, or
// sorts without one.
func wholeReads(t *testing.T, db *DB, sql string, args []any) []string {
	t.Helper()
	var whole []string
	if db.dialect == sqliteDialect {
		var steps []struct{ Detail string }
		if err := db.Read(t.Context()).Raw("EXPLAIN QUERY PLAN "+sql, args...).Scan(&steps).Error; err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
		for _, step := range steps {
			if table, ok := strings.CutPrefix(step.Detail, "SCAN "); ok && !strings.Contains(table, "USING") && isLarge(sql, table) {
				whole = append(whole, step.Detail)
			}
		}
		return whole
	}
	var plans []string
	err := db.Read(t.Context()).Transaction(func(tx *gorm.DB) error {
		// Of small tables the planner reads all, index or not.
		if err := tx.Exec("SET LOCAL enable_seqscan = off").Error; err != nil {
			return err
		}
		return tx.Raw("EXPLAIN (FORMAT JSON) "+sql, args...).Scan(&plans).Error
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	var plan any
	if err := json.Unmarshal([]byte(strings.Join(plans, "")), &plan); err != nil {
		t.Fatal(err)
	}
	walk(plan, func(node map[string]any) {
		if table := fmt.Sprint(node["Relation Name"]); node["Node Type"] == "Seq Scan" && isLarge(sql, table) {
			whole = append(whole, table)
		}
	})
	return whole
}

// walk visits every node of a plan.
func walk(plan any, visit func(map[string]any)) {
	switch p := plan.(type) {
	case []any:
		for _, child := range p {
			walk(child, visit)
		}
	case map[string]any:
		visit(p)
		for _, child := range p {
			walk(child, visit)
		}
	}
}

// isLarge says whether a name in a statement, or what it stands for there, is a
// large table's.
func isLarge(sql, name string) bool {
	name, _, _ = strings.Cut(name, " ")
	for _, table := range large {
		if name == table || regexp.MustCompile(`\b`+table+`\s+(AS\s+)?`+regexp.QuoteMeta(name)+`\b`).MatchString(sql) {
			return true
		}
	}
	return false
}

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
