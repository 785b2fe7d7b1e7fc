package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/support"
)

func TestExport(t *testing.T) {
	tookTime := regexp.MustCompile(` in [0-9hms]+`)
	db := openFilled(t, newKeyset(t), 1005)
	change(t, db, "UPDATE connections SET state = 'degraded', reason = 'unavailable' WHERE tenant_id IN (3, 1003)")
	c, err := loadConfig(serveDefaults(), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		command exportCommand
		rows    int
		says    string
	}{
		"all":             {exportCommand{}, 1005, "wrote 1,005 of 1,005 (100%)\n"},
		"one state":       {exportCommand{State: "degraded"}, 2, "wrote 2 of 2 (100%)\n"},
		"what needs us":   {exportCommand{State: "attention", Way: "sign_in", Sort: "newest"}, 2, "wrote 2 of 2 (100%)\n"},
		"one environment": {exportCommand{Environment: "integration"}, 0, "wrote 0\n"},
		"what is typed":   {exportCommand{Q: "1003"}, 1, "wrote 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			filter, err := tt.command.filter()
			if err != nil {
				t.Fatal(err)
			}
			var out, screen bytes.Buffer
			if err := exportTo(t.Context(), deskOf(c, db), filter, &out, &screen); err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(&out).ReadAll()
			if err != nil || len(rows) != tt.rows+1 || rows[0][0] != "company" {
				t.Errorf("%d lines, want %d; %v", len(rows), tt.rows+1, err)
			}
			// A busy machine takes a second, which the line then says.
			if said := tookTime.ReplaceAllString(screen.String(), ""); said != tt.says {
				t.Errorf("says %q, want %q", said, tt.says)
			}
		})
	}
}

// What the help says about changes during an export is true. Sorted by company or
// newest, each connection appears once. In the other orders, one may appear twice or
// not at all.
func TestExportWhileConnectionsChange(t *testing.T) {
	for sort, want := range map[string]struct{ written, waiting int }{
		"company": {1, 1}, "newest": {1, 1},
		"": {2, 0}, "longest": {2, 1}, "latest": {1, 0},
	} {
		t.Run(sort, func(t *testing.T) {
			db := openFilled(t, newKeyset(t), 1005)
			c, err := loadConfig(serveDefaults(), lookupIn(nil))
			if err != nil {
				t.Fatal(err)
			}
			filter, err := exportCommand{Sort: sort}.filter()
			if err != nil {
				t.Fatal(err)
			}
			var written, waiting string
			times := map[string]int{}
			err = deskOf(c, db).Each(t.Context(), filter, func(list []support.ListedConnection) error {
				for _, connection := range list {
					times[connection.ID.String()]++
				}
				if written != "" {
					return nil
				}
				written = list[0].ID.String()
				for i := range 1005 {
					if times[filledID(i)] == 0 {
						waiting = filledID(i)
					}
				}
				const moves = "UPDATE connections SET state = ?, reason = ?, updated_at = ? WHERE id = ?"
				change(t, db, moves, "disconnected", "", time.Now(), written)
				change(t, db, moves, "degraded", "unavailable", time.Now(), waiting)
				return nil
			})
			if err != nil || len(times) < 1004 || times[written] != want.written || times[waiting] != want.waiting {
				t.Errorf("of %d, one that was written is in it %d times and one that was not %d times, want %+v; %v", len(times), times[written], times[waiting], want, err)
			}
		})
	}
}

// A flag that selects nothing must not select everything.
func TestExportRefusesUnknownValues(t *testing.T) {
	for name, c := range map[string]exportCommand{
		"--state": {State: "broken"}, "--environment": {Environment: "moon"}, "--way": {Way: "by hand"},
		"--reason": {Reason: "none"}, "--age": {Age: "2h"}, "--sort": {Sort: "random"},
	} {
		if f, err := c.filter(); err == nil || !strings.HasPrefix(err.Error(), name+" ") {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// The file appears once it is complete. Until then, the old file stays.
func TestExportToAFile(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "connections.csv")
	t.Setenv("FIELDBRIDGE_DATABASE_URL", filepath.Join(folder, "app.db"))
	t.Chdir(folder)
	db, err := database.Open(t.Context(), "app.db", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, db, newKeyset(t), 20)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (exportCommand{To: file}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file) // #nosec G304 -- of this test
	if err != nil || bytes.Count(whole, []byte("\r\n")) != 21 {
		t.Errorf("%d bytes, %v", len(whole), err)
	}
	gone, cancel := context.WithCancel(t.Context())
	err = writeOutput(t.Context(), file, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 1<<20)) // more than the buffer holds
		cancel()
		return errors.Join(err, context.Cause(gone))
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, whole) { // #nosec G304 -- of this test
		t.Errorf("the file was changed: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(folder, ".connections*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
