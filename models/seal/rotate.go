package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// ErrPrepared says that a key was prepared already, and is not in use yet.
var ErrPrepared = errors.New("a key is prepared already")

// ErrKept says that a key may not be dropped: it seals new values, or will.
var ErrKept = errors.New("the key is not an old one")

// Prepare adds a key to a keyset file, which opens values and seals none until
// Rotate. It returns its ID.
func Prepare(path string) (added uint32, err error) {
	err = change(path, func(m *keyset.Manager, k *ring) error {
		if prepared := k.prepared(); len(prepared) > 0 {
			return fmt.Errorf("%w: %d", ErrPrepared, prepared[0])
		}
		added, err = m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("prepare key: %w", err)
	}
	return added, nil
}

// Rotate makes a prepared key of a keyset file the one that seals new values, or
// adds one if there is none. All that were there before stay, and open what was
// sealed with them.
func Rotate(path string) (primary uint32, prepared bool, err error) {
	err = change(path, func(m *keyset.Manager, k *ring) error {
		if ready := k.prepared(); len(ready) > 0 {
			primary, prepared = ready[len(ready)-1], true
		} else if primary, err = m.Add(aead.AES256GCMKeyTemplate()); err != nil {
			return err
		}
		return m.SetPrimary(primary)
	})
	if err != nil {
		return 0, false, fmt.Errorf("rotate keys: %w", err)
	}
	return primary, prepared, nil
}

// Drop takes old keys out of a keyset file. What is sealed with them never opens
// again. A key that seals new values, or is prepared to, is ErrKept.
func Drop(path string, ids []uint32) error {
	err := change(path, func(m *keyset.Manager, k *ring) error {
		for _, id := range ids {
			if !slices.Contains(k.old(), id) {
				return fmt.Errorf("%w: %d", ErrKept, id)
			}
			if err := m.Delete(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("drop keys: %w", err)
	}
	return nil
}

// change rewrites a keyset file. Whoever else wants to waits meanwhile, and who
// reads it finds the old one or the new one, whole.
func change(path string, how func(*keyset.Manager, *ring) error) error {
	// A link stays one.
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	folder, err := os.Open(filepath.Dir(path)) // #nosec G304 -- the operator names the file
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, ErrNoKeyset)
	}
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()                                    // which gives the lock back
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil { // #nosec G115 -- a file descriptor fits
		return fmt.Errorf("lock folder: %w", err)
	}
	before, info, err := readKeyset(path)
	if err != nil {
		return err
	}
	m := keyset.NewManagerFromHandle(before.handle)
	if err := how(m, before); err != nil {
		return err
	}
	h, err := m.Handle()
	if err != nil {
		return err
	}
	after, err := newRing(h, before.since)
	if err != nil {
		return err
	}
	if after.primary != before.primary {
		after.since = time.Now()
	}
	text, err := written(h, after.since)
	if err != nil {
		return err
	}
	if err := replace(path, text, info); err != nil {
		return err
	}
	return folder.Sync()
}

// replace puts content in the place of a file, whose owner keeps it: who rotates
// may be another than who serves.
func replace(path string, content []byte, old fs.FileInfo) error {
	f, err := renameio.TempFile(filepath.Dir(path), path) // its mode is 0600
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // does nothing once the file is in its place
	if owner, ok := old.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
