package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

// An operator rotates, seals again and drops, while an instance from before goes
// on and stays ready.
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
		{"reseal and drop", func() error { return keysReseal{Drop: true, Yes: true}.Run(t.Context()) }, "", 1, false},
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

// What opens with an old key keeps it in the file, and so does what does not open
// and is still counted on.
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
			"does not open: access_sealed and refresh_sealed of connection " + broken + " of Company 0, which is connected\n  do: let the company reconnect", "", "still counted on", 1,
		},
		{
			"sealed elsewhere", "UPDATE credentials SET access_sealed = ?, refresh_sealed = NULL WHERE connection_id = ?",
			[]any{foreign, broken},
			"do: bring the keyset file that has key 7,", "needs a key that the file does not have", "still counted on", 1,
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
	if got, want := screen.String(), "resealed 19 of 20 (95 %)\nresealed 0 of 1 (0 %)\nresealed 0 of 1 (0 %)\n"; got != want {
		t.Errorf("progress %q, want %q", got, want)
	}
}

// says tells whether an error has the words, or is none where there are none.
func says(err error, words string) bool {
	if err == nil || words == "" {
		return err == nil && words == ""
	}
	return strings.Contains(err.Error(), words)
}

// A demo's keys are rotated like any: of what it shows, one connection's access
// never opens.
func TestKeysOfADemo(t *testing.T) {
	dir := t.TempDir()
	t.Run("serves", func(t *testing.T) {
		d := newDeployment(t, dir, asDemo())
		running(t, serveCommand{}.Run, d.admin)
	})
	newDeployment(t, dir, nil)
	for _, r := range []keysReseal{{}, {Drop: true, Yes: true}, {}, {Drop: true, Yes: true}} {
		if err := errors.Join(keysRotate{}.Run(), r.Run(t.Context())); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
