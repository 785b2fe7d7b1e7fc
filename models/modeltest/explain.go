package modeltest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// large are the tables that grow with the business. No statement may read all of one.
var large = []string{
	"companies", "users", "memberships", "connections", "credentials", "checks", "events", "company_words", "renewal_days", "setups", "staff_tasks",
	"notes", "queue_marks", "mails", "account_mails", "links", "invitations", "passkeys", "sessions", "asks", "connect_sessions", "authorizations", "revocations", "token_reads", "idempotency_keys", "call_hours", "sign_ins", "audit_records",
	"failures", "webhook_endpoints", "webhook_messages", "webhook_deliveries", "webhook_attempts",
}

// Explains runs EXPLAIN for every statement that read makes, and fails the test if one
// of them reads a whole large table.
func Explains(t *testing.T, db *database.DB, name string, read func()) {
	t.Helper()
	type statement struct {
		sql  string
		args []any
	}
	var seen []statement
	stop := db.Watch(func(sql string, args []any) { seen = append(seen, statement{sql, args}) })
	read()
	stop()
	if len(seen) == 0 {
		t.Errorf("%s: no statement was seen", name)
	}
	for _, s := range seen {
		for _, table := range WholeReads(t, db, s.sql, s.args) {
			t.Errorf("%s reads %s whole:\n%s", name, table, s.sql)
		}
	}
}

// WholeReads returns the large tables that a statement reads or sorts without an index.
func WholeReads(t *testing.T, db *database.DB, sql string, args []any) []string {
	t.Helper()
	var whole []string
	if !db.OnPostgres() {
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
