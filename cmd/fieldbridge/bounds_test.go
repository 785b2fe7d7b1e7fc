package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// Every table of the schema has a line in the README that says what limits its size.
func TestEveryTableHasABound(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(readme), "\n## What grows and what bounds it\n")
	if !ok {
		t.Fatal("README.md has no part with the heading: What grows and what bounds it")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	listed := map[string]bool{}
	for _, line := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|[^|]+\\S[^|]*\\|[^|]+\\S[^|]*\\|$").FindAllStringSubmatch(section, -1) {
		listed[line[1]] = true
	}
	for name, schema := range map[string]struct{ address, query string }{
		"sqlite":   {testdb.SQLite(t), "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"},
		"postgres": {testdb.Postgres(t), "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"},
	} {
		db, err := database.Open(t.Context(), schema.address, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		var tables []string
		if err := db.Read(t.Context()).Raw(schema.query).Scan(&tables).Error; err != nil || len(tables) < 20 {
			t.Errorf("%s: %d tables, %v", name, len(tables), err)
		}
		there := map[string]bool{}
		for _, table := range tables {
			there[table] = true
			if !listed[table] {
				t.Errorf("%s: nothing says what bounds the table %s. Decide on a limit or a retention period, hold it in models "+
					"(models/keyring/sweep.go deletes what is old), and add a line to the table “What grows and what bounds it” in cmd/fieldbridge/README.md.", name, table)
			}
		}
		for table := range listed {
			if !there[table] {
				t.Errorf("%s: README.md says what bounds the table %s, which is not there: take its line out", name, table)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
