package seal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

func newKeys(t *testing.T) *seal.Keys {
	t.Helper()
	keys, err := seal.Create(filepath.Join(t.TempDir(), "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func place() seal.Place {
	return seal.Place{Table: "credentials", Company: "c1", Row: "r1", Column: "access_sealed", Generation: 7}
}

func sealed(t *testing.T, keys *seal.Keys) []byte {
	t.Helper()
	b, err := keys.Seal("stc_secret", place())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpensInItsPlace(t *testing.T) {
	keys := newKeys(t)
	got, err := keys.Open(sealed(t, keys), place())
	if err != nil || got != "stc_secret" {
		t.Fatalf("got %q, %v", got, err)
	}
}

// A value opens only in its own place.
func TestCiphertextSwap(t *testing.T) {
	keys := newKeys(t)
	value := sealed(t, keys)
	moves := map[string]func(*seal.Place){
		"table":      func(p *seal.Place) { p.Table = "authorizations" },
		"company":    func(p *seal.Place) { p.Company = "c2" },
		"row":        func(p *seal.Place) { p.Row = "r2" },
		"column":     func(p *seal.Place) { p.Column = "refresh_sealed" },
		"generation": func(p *seal.Place) { p.Generation = 6 },
		"same letters, other parts": func(p *seal.Place) {
			p.Company, p.Row = "c1|2:r", "1"
		},
	}
	for name, move := range moves {
		p := place()
		move(&p)
		if _, err := keys.Open(value, p); !errors.Is(err, seal.ErrCannotOpen) {
			t.Errorf("moved to another %s: got %v", name, err)
		}
	}
	if _, err := newKeys(t).Open(value, place()); !errors.Is(err, seal.ErrCannotOpen) {
		t.Errorf("opened with another keyset: %v", err)
	}
}

// Every bit and every byte of a sealed value counts.
func TestEveryBitCounts(t *testing.T) {
	keys := newKeys(t)
	value := sealed(t, keys)
	refused := func(b []byte, what string) {
		t.Helper()
		if _, err := keys.Open(b, place()); !errors.Is(err, seal.ErrCannotOpen) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	for i := range len(value) * 8 {
		flipped := append([]byte(nil), value...)
		flipped[i/8] ^= 1 << (i % 8)
		refused(flipped, "flipped a bit")
	}
	for n := range len(value) {
		refused(value[:n], "truncated")
	}
	refused(append(append([]byte(nil), value...), 0), "appended")
}

// Sealing the same value twice gives two different results.
func TestNonces(t *testing.T) {
	keys := newKeys(t)
	seen := map[string]bool{}
	for range 100_000 {
		b, err := keys.Seal("x", place())
		if err != nil {
			t.Fatal(err)
		}
		nonce := string(b[5:17]) // after the prefix: 96 random bits
		if seen[nonce] {
			t.Fatal("a nonce came twice")
		}
		seen[nonce] = true
	}
}

func TestKeyIDIsReadable(t *testing.T) {
	keys := newKeys(t)
	id, ok := seal.KeyID(sealed(t, keys))
	if !ok || id != keys.Primary() || !keys.Has(id) || keys.Has(id+1) {
		t.Errorf("key ID %d (%t), primary %d", id, ok, keys.Primary())
	}
}

func TestKeysetFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "keyset.json")
	if _, err := seal.Load(path); !errors.Is(err, seal.ErrNoKeyset) {
		t.Errorf("no file: got %v", err)
	}
	keys, err := seal.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	value := sealed(t, keys)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := seal.Create(path); err == nil {
		t.Error("an existing keyset was overwritten")
	}
	again, err := seal.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(value, place()); err != nil || got != "stc_secret" {
		t.Errorf("after loading: %q, %v", got, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Load(path); !errors.Is(err, seal.ErrKeysetReadable) {
		t.Errorf("readable by the group: got %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"key":"canary"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Load(path); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("broken file: got %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	keys, err := seal.Create(filepath.Join(f.TempDir(), "keyset.json"))
	if err != nil {
		f.Fatal(err)
	}
	b, err := keys.Seal("x", place())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if string(sealed) == string(b) {
			return
		}
		if _, err := keys.Open(sealed, place()); !errors.Is(err, seal.ErrCannotOpen) {
			t.Errorf("got %v", err)
		}
	})
}
