package main

import (
	"bytes"
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
		a.admin.ServeHTTP(ready, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		if ready.Code != http.StatusOK {
			t.Errorf("%s: the running instance says %d %s", step.name, ready.Code, ready.Body)
		}
	}
}

// What does not open keeps every old key in the file.
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
	var out bytes.Buffer
	if err := dropUnused(t.Context(), db, keys, file, &out); err == nil || !strings.Contains(err.Error(), "still seals something") {
		t.Errorf("%v, said %q", err, out.String())
	}
	change(t, db, "UPDATE credentials SET company_id = (SELECT max(id) FROM companies) WHERE connection_id = ?", filledID(3))
	var screen bytes.Buffer
	err = reseal(t.Context(), db, keys, &out, &screen)
	if err == nil || !strings.Contains(err.Error(), "1 values do not open") || !strings.Contains(out.String(), "does not open: access_sealed of credentials "+filledID(3)) {
		t.Errorf("%v, said %q", err, out.String())
	}
	if got, want := screen.String(), "resealed 19 of 20 (95 %)\n"; got != want {
		t.Errorf("progress %q, want %q", got, want)
	}
	if err := dropUnused(t.Context(), db, keys, file, &out); err == nil {
		t.Error("a key in use was dropped")
	}
	if again, err := seal.Load(file); err != nil || len(again.Old()) != 1 {
		t.Errorf("%v", err)
	}
}
