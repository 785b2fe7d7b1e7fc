package handlers_test

import (
	"encoding/csv"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/support"
)

// A spreadsheet whose locale separates fields by semicolons sees other fields than
// we wrote. None of those may be a formula either, whatever the program makes of
// quotation marks in the middle of a line.
func TestCSVHoldsNoFormula(t *testing.T) {
	names := []string{
		"=1+1", "Acme;=1+1", "Acme; =1+1;x", `Acme;"=1+1"`, `Acme";=1+1;"`, "Acme;+1", "Acme;-1", "Acme;@SUM(1)", "Acme;％1", "Acme;＝1+1",
		"Acme;\t=1+1", "\t=1+1", "Acme\r\n=1+1", "Acme\n;=1+1", "\u200b=1+1", "\u202e=1+1", "Acme;\u200b=1+1", "Acme;'=1", ";;=1", "|x", "%x",
	}
	list := make([]support.ListedConnection, len(names))
	for i, name := range names {
		// Other people fill both columns, and one of them is at the beginning of
		// the line.
		list[i] = support.ListedConnection{CompanyName: name, Connection: models.Connection{ID: uuid.Max, TenantID: int64(i + 1), TenantName: name}}
	}
	var b strings.Builder
	if err := handlers.NewConnectionsCSV(&b).Write(list); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\r\n"), "\r\n")
	if len(lines) != len(names)+1 {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(names)+1, b.String())
	}
	for _, separator := range ",;\t" {
		reader := csv.NewReader(strings.NewReader(b.String()))
		reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = separator, true, -1
		rows, err := reader.ReadAll()
		if err != nil || separator == ',' && len(rows) != len(names)+1 {
			t.Fatalf("separator %q: %d rows, %v", separator, len(rows), err)
		}
		for _, row := range rows {
			for _, field := range row {
				if formula(field) {
					t.Errorf("separator %q: %q is a formula, in %q", separator, field, row)
				}
			}
		}
		if separator == ',' {
			continue
		}
		for _, line := range lines { // as a program that does not know quotation marks reads it
			for field := range strings.SplitSeq(line, string(separator)) {
				if formula(field) {
					t.Errorf("separator %q: %q is a formula, in %s", separator, field, line)
				}
			}
		}
	}
	for i, line := range lines {
		if !quotedLine.MatchString(line) {
			t.Errorf("line %d has a field without quotation marks: %s", i, line)
		}
	}
}

// quotedLine matches a line of 14 fields, each in quotation marks.
var quotedLine = regexp.MustCompile(`^"([^"]|"")*"(,"([^"]|"")*"){13}$`)

// formula reports whether a spreadsheet may take a field for a formula.
func formula(field string) bool {
	field = strings.TrimLeft(field, " \"\t\u200b\u202e")
	return field != "" && strings.ContainsAny(strings.SplitAfterN(field, "", 2)[0], "=+-@|%\t\r\n＝＋－＠％")
}
