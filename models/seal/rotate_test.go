package seal_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

func keysetFile(t *testing.T) (string, *seal.Keys) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyset.json")
	keys, err := seal.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, keys
}

func rotate(t *testing.T, path string) uint32 {
	t.Helper()
	id, _, err := seal.Rotate(path)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func load(t *testing.T, path string) *seal.Keys {
	t.Helper()
	keys, err := seal.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func sealedWith(t *testing.T, keys *seal.Keys) uint32 {
	t.Helper()
	id, _ := seal.KeyID(sealed(t, keys))
	return id
}

// Values sealed before a rotation open after it. Values sealed after it open in a
// process that started before it.
func TestRotate(t *testing.T) {
	path, running := keysetFile(t)
	first := running.Primary()
	before := sealed(t, running)
	second := rotate(t, path)
	rotated := load(t, path)
	if rotated.Primary() != second || second == first || !slices.Equal(rotated.Old(), []uint32{first}) {
		t.Errorf("primary %d, old %d; was %d", rotated.Primary(), rotated.Old(), first)
	}
	if _, err := rotated.Open(before, place()); err != nil {
		t.Error("from before:", err)
	}
	if got, err := running.Open(sealed(t, rotated), place()); err != nil || got != "stc_secret" {
		t.Errorf("in a process from before: %q, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// A process seals with the new key at once, even if it has not yet met a value sealed
// with it.
func TestSealsWithTheNewKey(t *testing.T) {
	path, running := keysetFile(t)
	if id := rotate(t, path); sealedWith(t, running) != id {
		t.Errorf("sealed with another key than %d", id)
	}
}

func TestPrepare(t *testing.T) {
	path, running := keysetFile(t)
	first := running.Primary()
	next, err := seal.Prepare(path)
	if err != nil {
		t.Fatal(err)
	}
	keys := load(t, path)
	if keys.Primary() != first || !keys.Has(next) || len(keys.Old()) != 0 || sealedWith(t, keys) != first {
		t.Errorf("primary %d of %d, old %d, prepared %d", keys.Primary(), first, keys.Old(), next)
	}
	if _, err := seal.Prepare(path); !errors.Is(err, seal.ErrPrepared) {
		t.Errorf("a second one: %v", err)
	}
	if err := seal.Drop(path, []uint32{next}); !errors.Is(err, seal.ErrKept) {
		t.Errorf("dropped: %v", err)
	}
	if id, prepared, err := seal.Rotate(path); id != next || !prepared || err != nil {
		t.Errorf("rotated to %d, prepared %t, %v", id, prepared, err)
	}
	if sealedWith(t, running) != next {
		t.Error("a running process seals with the old key")
	}
}

func TestDrop(t *testing.T) {
	path, keys := keysetFile(t)
	first, before := keys.Primary(), sealed(t, keys)
	second := rotate(t, path)
	if err := seal.Drop(path, []uint32{second}); !errors.Is(err, seal.ErrKept) {
		t.Errorf("the primary key: %v", err)
	}
	if err := seal.Drop(path, []uint32{first}); err != nil {
		t.Fatal(err)
	}
	if keys = load(t, path); keys.Has(first) || keys.Primary() != second {
		t.Errorf("%d is there, or %d is not", first, second)
	}
	if _, err := keys.Open(before, place()); !errors.Is(err, seal.ErrCannotOpen) {
		t.Errorf("opened without its key: %v", err)
	}
}

// A damaged file leaves a running process as it was, and Problem reports the damage.
func TestDamagedFileKeepsTheKeys(t *testing.T) {
	path, running := keysetFile(t)
	whole, err := os.ReadFile(path) // #nosec G304 -- of this test
	if err != nil {
		t.Fatal(err)
	}
	value := sealed(t, running)
	foreign := sealed(t, newKeys(t))
	for name, content := range map[string]string{"empty": "", "cut off": string(whole[:40]), "no keyset": "{}"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := running.Open(foreign, place()); !errors.Is(err, seal.ErrCannotOpen) {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := running.Open(value, place()); err != nil || got != "stc_secret" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if id := sealedWith(t, running); id != running.Primary() {
			t.Errorf("%s: sealed with %d", name, id)
		}
		if err := running.Problem(); err == nil || strings.Contains(err.Error(), string(whole[20:40])) {
			t.Errorf("%s: problem %v", name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := running.Open(value, place()); err != nil || sealedWith(t, running) != running.Primary() {
		t.Errorf("without a file: %v", err)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if sealed(t, running); running.Problem() != nil {
		t.Errorf("whole again: %v", running.Problem())
	}
}

// A file that stays the same is read only once, however many values fail to open. The
// test replaces the file's content without changing its info.
func TestFailingOpensReadTheFileOnce(t *testing.T) {
	path, running := keysetFile(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	foreign := sealed(t, newKeys(t))
	if err := os.WriteFile(path, []byte(strings.Repeat("x", int(info.Size()))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if _, err := running.Open(foreign, place()); !errors.Is(err, seal.ErrCannotOpen) {
			t.Fatal(err)
		}
	}
	if err := running.Problem(); err != nil {
		t.Errorf("the file was read again: %v", err)
	}
}

// While many rotate, seal, and open at once, every value opens everywhere.
func TestRotateWhileInUse(t *testing.T) {
	path, running := keysetFile(t)
	values := make(chan []byte)
	var using, opening sync.WaitGroup
	for range 4 {
		using.Go(func() {
			for range 200 {
				b, err := running.Seal("stc_secret", place())
				if err != nil {
					t.Error(err)
				}
				values <- b
			}
		})
	}
	for range 2 {
		using.Go(func() {
			for range 5 {
				if _, _, err := seal.Rotate(path); err != nil {
					t.Error(err)
				}
			}
		})
	}
	another := load(t, path)
	for range 4 {
		opening.Go(func() {
			for b := range values {
				if got, err := another.Open(b, place()); err != nil || got != "stc_secret" {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	using.Wait()
	close(values)
	opening.Wait()
	if last := load(t, path); len(last.Old()) != 10 || sealedWith(t, running) != last.Primary() {
		t.Errorf("%d old keys", len(last.Old()))
	}
}

// The file may be a symbolic link, and stays one.
func TestRotateBehindALink(t *testing.T) {
	path, _ := keysetFile(t)
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	id := rotate(t, link)
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("%v, %v", info, err)
	}
	if got := load(t, path).Primary(); got != id {
		t.Errorf("primary %d, want %d", got, id)
	}
	if _, _, err := seal.Rotate(filepath.Join(t.TempDir(), "none", "keyset.json")); !errors.Is(err, seal.ErrNoKeyset) {
		t.Errorf("no file: %v", err)
	}
}
