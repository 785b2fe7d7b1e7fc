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

// ErrPrepared says that the keyset already has a prepared key.
var ErrPrepared = errors.New("a key is prepared already")

// ErrKept says that a key must stay, because it seals new values or is prepared to.
var ErrKept = errors.New("the key is not an old one")

// Prepare adds a key to a keyset file and returns the key's ID. The key opens values,
// but seals none until Rotate.
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

// Rotate makes the prepared key of a keyset file the one that seals new values. Without
// a prepared key, it adds one. The older keys stay, and open what they sealed.
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

// Drop removes old keys from a keyset file. Values that they sealed never open again.
// It returns ErrKept for a key that seals new values or is prepared to.
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

// change rewrites a keyset file. Other processes that want to change the file wait
// meanwhile. A reader finds either the old file or the new one, never a part.
func change(path string, how func(*keyset.Manager, *ring) error) error {
	// If the path is a symbolic link, the file that it leads to is replaced and the link
	// stays.
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
	defer func() { _ = folder.Close() }()                                    // which releases the lock
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

// replace replaces a file's content and keeps the file's owner, because the user who
// rotates keys may not be the one that serves.
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
