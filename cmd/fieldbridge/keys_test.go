package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// An operator rotates, reseals, and drops keys, while an older instance continues and
// stays ready.
func TestKeysCommands(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "keyset.json")
	t.Setenv("FIELDBRIDGE_KEYSET_FILE", file)
	t.Setenv("FIELDBRIDGE_DATABASE_URL", filepath.Join(folder, "app.db"))
	c, err := loadConfig(serveDefaults(), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if err := (keysNew{}).Run(); err != nil {
		t.Fatal(err)
	}
	running, err := loadKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	first := running.Primary()
	a, err := newApp(t.Context(), c, running, nil, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.db.Close() }()
	for _, step := range []struct {
		name  string
		run   func() error
		fails string
		keys  int
		// primary says that the first key still seals new values.
		primary bool
	}{
		{"prepare", keysRotate{Prepare: true}.Run, "", 2, true},
		{"prepare again", keysRotate{Prepare: true}.Run, "prepared already", 2, true},
		{"rotate to what is prepared", keysRotate{}.Run, "", 2, false},
		{"drop without a word", func() error { return keysReseal{Drop: true}.Run(t.Context()) }, "add --yes", 2, false},
		{"reseal", func() error { return keysReseal{}.Run(t.Context()) }, "", 2, false},
		{"rotate once more", keysRotate{}.Run, "", 3, false},
		{"reseal and drop at once", func() error { return keysReseal{Drop: true, Yes: true}.Run(t.Context()) }, "a day after the rotation", 3, false},
		{"reseal and drop by force", func() error { return keysReseal{Drop: true, Yes: true, Force: true}.Run(t.Context()) }, "", 1, false},
		{"nothing to drop", func() error { return keysReseal{Drop: true, Yes: true}.Run(t.Context()) }, "", 1, false},
	} {
		if err := step.run(); (err == nil) != (step.fails == "") || (err != nil && !strings.Contains(err.Error(), step.fails)) {
			t.Errorf("%s: %v", step.name, err)
		}
		keys, err := seal.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file) // #nosec G304 -- of this test
		if n := bytes.Count(text, []byte(`"keyId"`)); n != step.keys || (keys.Primary() == first) != step.primary || err != nil {
			t.Errorf("%s: %d keys, primary %d, %v; the first was %d", step.name, n, keys.Primary(), err, first)
		}
		ready := httptest.NewRecorder()
		a.admin.ServeHTTP(ready, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:8081/readyz", nil))
		if ready.Code != http.StatusOK {
			t.Errorf("%s: the running instance says %d %s", step.name, ready.Code, ready.Body)
		}
	}
}

// A key stays in the file while a value opens with it, or while an unreadable value is
// still in use.
func TestDropKeepsKeysInUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keyset.json")
	keys, err := seal.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	db := openFilled(t, keys, 20)
	if _, _, err := seal.Rotate(file); err != nil {
		t.Fatal(err)
	}
	if keys, err = seal.Load(file); err != nil {
		t.Fatal(err)
	}
	var out, screen bytes.Buffer
	if err := dropUnused(t.Context(), db, keys, file, &out); err == nil || !strings.Contains(err.Error(), "still seals something") {
		t.Errorf("%v, said %q", err, out.String())
	}
	broken := filledID(3)
	change(t, db, "UPDATE credentials SET company_id = (SELECT max(id) FROM companies) WHERE connection_id = ?", broken)
	foreign := append([]byte{1, 0, 0, 0, 7}, make([]byte, 40)...)
	for _, step := range []struct {
		name, how            string
		args                 []any
		says, reseals, drops string
		old                  int
	}{
		{
			"not known yet", "UPDATE connections SET state = 'connected' WHERE id = ?",
			[]any{broken},
			"does not open: access_sealed and refresh_sealed of connection " + broken + " of Company 0, which is connected\n  do: let the company reconnect", "", "that is still needed", 1,
		},
		{
			"sealed elsewhere", "UPDATE credentials SET access_sealed = ?, refresh_sealed = NULL WHERE connection_id = ?",
			[]any{foreign, broken},
			"do: get the keyset file that has key 7,", "need a key that the file does not have", "that is still needed", 1,
		},
		{
			"given up", "UPDATE connections SET state = 'reconnect_needed', reason = 'seal_broken' WHERE id = ?",
			[]any{broken},
			"does not open: access_sealed of connection " + broken + " of Company 0, which needs reconnect\n  do: let the company reconnect", "", "", 0,
		},
	} {
		change(t, db, step.how, step.args...)
		out.Reset()
		err := reseal(t.Context(), db, keys, &out, &screen)
		if !says(err, step.reseals) || !strings.Contains(out.String(), step.says) {
			t.Errorf("%s: resealed with %v, said %q", step.name, err, out.String())
		}
		err = dropUnused(t.Context(), db, keys, file, &out)
		if !says(err, step.drops) {
			t.Errorf("%s: dropped with %v", step.name, err)
		}
		if again, err := seal.Load(file); err != nil || len(again.Old()) != step.old {
			t.Errorf("%s: %d old keys are left, %v", step.name, len(again.Old()), err)
		}
	}
	if got, want := screen.String(), "resealed 19 of 20 (95%)\nresealed 0 of 1 (0%)\nresealed 0 of 1 (0%)\n"; got != want {
		t.Errorf("progress %q, want %q", got, want)
	}
}

// says reports whether an error contains the words. Without words, there must be no
// error.
func says(err error, words string) bool {
	if err == nil || words == "" {
		return err == nil && words == ""
	}
	return strings.Contains(err.Error(), words)
}

// A demo's keys can be rotated like any other. One connection's access in it never
// opens.
func TestKeysOfADemo(t *testing.T) {
	dir := t.TempDir()
	t.Run("serves", func(t *testing.T) {
		d := newDeployment(t, dir, asDemo())
		running(t, serveCommand{}.Run, d.admin)
	})
	newDeployment(t, dir, nil)
	for _, r := range []keysReseal{{}, {Drop: true, Yes: true, Force: true}, {}, {Drop: true, Yes: true, Force: true}} {
		if err := errors.Join(keysRotate{}.Run(), r.Run(t.Context())); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// Old keys are removed no earlier than a day after the rotation, except with --force.
// The file says when the rotation was. Otherwise, its last change counts.
func TestDropWaitsADay(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "keyset.json")
	t.Setenv("FIELDBRIDGE_KEYSET_FILE", file)
	t.Setenv("FIELDBRIDGE_DATABASE_URL", filepath.Join(folder, "app.db"))
	keys, err := seal.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	inDatabase := func(do func(*database.DB) error) {
		t.Helper()
		if err := inDB(t.Context(), config{DatabaseURL: filepath.Join(folder, "app.db")}, database.Open, do); err != nil {
			t.Fatal(err)
		}
	}
	inDatabase(func(db *database.DB) error {
		_, err := accounts.Migrate(t.Context(), db, accounts.MigrationWatch{})
		return errors.Join(err, keyring.Check(t.Context(), db, keys))
	})
	now := time.Now()
	for _, tt := range []struct {
		name     string
		since    string // as in the file; empty if the file has none
		modified time.Time
		waits    bool
	}{
		{"at once", now.UTC().Format(time.RFC3339), now, true},
		{"almost a day later", now.Add(-23 * time.Hour).UTC().Format(time.RFC3339), now, true},
		{"of a file that was copied without its time", now.Add(-23 * time.Hour).UTC().Format(time.RFC3339), now.Add(-48 * time.Hour), true},
		{"a day later", now.Add(-25 * time.Hour).UTC().Format(time.RFC3339), now, false},
		{"of an older program's file", "", now.Add(-time.Hour), true},
		{"of an older program's file, a day later", "", now.Add(-25 * time.Hour), false},
	} {
		if _, _, err := seal.Rotate(file); err != nil {
			t.Fatal(err)
		}
		rewriteSince(t, file, tt.since)
		if err := os.Chtimes(file, tt.modified, tt.modified); err != nil {
			t.Fatal(err)
		}
		err := keysReseal{Drop: true, Yes: true}.Run(t.Context())
		left, loadErr := seal.Load(file)
		if loadErr != nil {
			t.Fatal(loadErr)
		}
		if waits := err != nil && strings.Contains(err.Error(), "a day after the rotation"); waits != tt.waits || (len(left.Old()) > 0) != tt.waits || (err != nil) != tt.waits {
			t.Errorf("%s: %d old keys are left, %v", tt.name, len(left.Old()), err)
		}
		if tt.waits && !strings.Contains(err.Error(), left.PrimarySince().Add(24*time.Hour).UTC().Format("2006-01-02 15:04")) {
			t.Errorf("%s: it is not said when: %v", tt.name, err)
		}
		if tt.waits && !errors.Is(keysReseal{Drop: true, Yes: true, Force: true}.Run(t.Context()), nil) {
			t.Errorf("%s: not by force either", tt.name)
		}
	}
	if err := (keysReseal{Drop: true, Yes: true}).Run(t.Context()); err != nil {
		t.Errorf("with no old key there is nothing to wait for: %v", err)
	}
}

// rewriteSince changes the time since when a keyset file says that its key is in use.
func rewriteSince(t *testing.T, file, since string) {
	t.Helper()
	text, err := os.ReadFile(file) // #nosec G304 -- of this test
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "primarySince")
	if since != "" {
		fields["primarySince"] = json.RawMessage(`"` + since + `"`)
	}
	if text, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
