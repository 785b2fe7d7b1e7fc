package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// ErrNoKeyset says that there is no keyset file.
var ErrNoKeyset = errors.New("no keyset file")

// ErrKeysetReadable says that users other than the owner may use the keyset file.
var ErrKeysetReadable = errors.New("keyset file may be used by others; its mode must be 0600")

// Load reads the keyset from a file that only its owner may use.
func Load(path string) (*Keys, error) {
	r, info, err := readKeyset(path)
	if err != nil {
		return nil, err
	}
	return newKeys(path, r, info), nil
}

// readKeyset reads a file, and returns the file's info from just before the read.
func readKeyset(path string) (*ring, fs.FileInfo, error) {
	// If the file is replaced in between, the content is newer than this info, and
	// reload notices that.
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("load keyset %s: %w", path, ErrNoKeyset)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("load keyset: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, nil, fmt.Errorf("load keyset %s (mode %04o): %w", path, info.Mode().Perm(), ErrKeysetReadable)
	}
	text, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, nil, fmt.Errorf("load keyset: %w", err)
	}
	text, since, err := takeSince(text)
	var h *keyset.Handle
	if err == nil {
		h, err = insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	}
	if err != nil {
		// The library's error may quote the file.
		return nil, nil, fmt.Errorf("load keyset %s: the file is not a keyset", path)
	}
	if since.IsZero() {
		since = info.ModTime()
	}
	r, err := newRing(h, since)
	return r, info, err
}

// Create makes a keyset with one AES-256-GCM key and writes it to a new file. It never
// overwrites a file.
func Create(path string) (*Keys, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("create keyset: %w", err)
	}
	text, err := written(h, time.Now())
	if err != nil {
		return nil, fmt.Errorf("create keyset: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create keyset: %w", err)
	}
	if err := writeNew(path, text); err != nil {
		return nil, fmt.Errorf("create keyset: %w", err)
	}
	return Load(path)
}

// written returns the content of a keyset file: the keyset, and the time since when its
// primary key is in use.
func written(h *keyset.Handle, since time.Time) ([]byte, error) {
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&text)); err != nil {
		return nil, err
	}
	return withSince(text.Bytes(), since)
}

// writeNew writes and syncs a file that must not exist yet. It syncs because a keyset
// that is lost in a power failure would take everything that it sealed with it.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the operator names the file
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
