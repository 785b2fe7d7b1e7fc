package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrCannotOpen is the only error for a sealed value that does not open, whether it was
// altered, moved, or sealed with a key that is not there.
var ErrCannotOpen = errors.New("sealed value cannot be opened")

// ErrWrongKeyset says that a database was encrypted with another keyset.
var ErrWrongKeyset = errors.New("the keyset is not the one this database was sealed with")

// ErrKeyMissing accompanies ErrCannotOpen when the keyset file lacks the value's key.
// Another host may have a newer file.
var ErrKeyMissing = errors.New("its key is not in the keyset file")

// Place says where a sealed value is stored. Every field of it is authenticated.
type Place struct {
	Table   string
	Company string
	Row     string
	Column  string
	// Generation counts the rewrites of the row, so that an old value cannot replace a
	// newer one.
	Generation int64
}

// associatedData joins the parts with their lengths, so that two places never give the
// same data.
func (p Place) associatedData() []byte {
	var b strings.Builder
	b.WriteString("fieldbridge/1")
	for _, part := range []string{p.Table, p.Company, p.Row, p.Column} {
		fmt.Fprintf(&b, "|%d:%s", len(part), part)
	}
	fmt.Fprintf(&b, "|%d", p.Generation)
	return []byte(b.String())
}

// Keys seals and opens values with the keyset of a file. When the file is replaced,
// Keys reads it again before it seals the next value, and when it meets a value whose
// key it does not have. It is safe for concurrent use.
type Keys struct {
	path string
	ring atomic.Pointer[ring]

	// mu guards seen and problem, and is held while the file is read.
	mu sync.Mutex
	// seen describes the file as it was last read. problem is what was wrong with it
	// then.
	seen    fs.FileInfo
	problem error
}

// ring holds the keys of a keyset in order: old keys, the primary key, and prepared
// keys.
type ring struct {
	handle    *keyset.Handle
	primitive tink.AEAD
	primary   uint32
	ids       []uint32
	// since is when the primary key became the primary one.
	since time.Time
}

func newKeys(path string, r *ring, info fs.FileInfo) *Keys {
	k := &Keys{path: path, seen: info}
	k.ring.Store(r)
	return k
}

func newRing(h *keyset.Handle, since time.Time) (*ring, error) {
	primitive, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("use keyset: %w", err)
	}
	r := &ring{handle: h, primitive: primitive, since: since}
	for i := range h.Len() {
		entry, err := h.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("read keyset entry: %w", err)
		}
		r.ids = append(r.ids, entry.KeyID())
		if entry.IsPrimary() {
			r.primary = entry.KeyID()
		}
	}
	return r, nil
}

func (r *ring) old() []uint32      { return r.ids[:slices.Index(r.ids, r.primary)] }
func (r *ring) prepared() []uint32 { return r.ids[slices.Index(r.ids, r.primary)+1:] }

// reload reads the file if it has changed since it was last read. A file that cannot be
// used changes nothing.
func (k *Keys) reload() *ring {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.path)
	if err != nil || (os.SameFile(info, k.seen) && info.ModTime().Equal(k.seen.ModTime()) && info.Size() == k.seen.Size() && info.Mode() == k.seen.Mode()) {
		return k.ring.Load()
	}
	r, _, err := readKeyset(k.path)
	k.seen, k.problem = info, err
	if err == nil {
		k.ring.Store(r)
	}
	return k.ring.Load()
}

// Refresh reads the file again if it has changed. Seal and Open do so themselves.
func (k *Keys) Refresh() { k.reload() }

// Problem returns what was wrong with a replaced file when it was last read, or nil.
// The previous keys stay in use then.
func (k *Keys) Problem() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.problem
}

// Seal encrypts a value for its place.
func (k *Keys) Seal(value string, p Place) ([]byte, error) {
	// Reloaded first, because a key that is no longer the primary one may be dropped
	// soon.
	sealed, err := k.reload().primitive.Encrypt([]byte(value), p.associatedData())
	if err != nil {
		return nil, fmt.Errorf("seal %s.%s: %w", p.Table, p.Column, err)
	}
	return sealed, nil
}

// Open decrypts a value from its place. For anything wrong with the value it returns
// ErrCannotOpen, with ErrKeyMissing if that is the cause.
func (k *Keys) Open(sealed []byte, p Place) (string, error) {
	r := k.ring.Load()
	if id, ok := KeyID(sealed); ok && !slices.Contains(r.ids, id) {
		if r = k.reload(); !slices.Contains(r.ids, id) {
			return "", fmt.Errorf("open %s.%s: %w: key %d: %w", p.Table, p.Column, ErrCannotOpen, id, ErrKeyMissing)
		}
	}
	value, err := r.primitive.Decrypt(sealed, p.associatedData())
	if err != nil {
		return "", fmt.Errorf("open %s.%s: %w", p.Table, p.Column, ErrCannotOpen)
	}
	return string(value), nil
}

// Primary returns the ID of the key that seals new values.
func (k *Keys) Primary() uint32 { return k.ring.Load().primary }

// Old returns the IDs of the keys that were the primary one before.
func (k *Keys) Old() []uint32 { return slices.Clone(k.ring.Load().old()) }

// Has reports whether the keyset holds the key.
func (k *Keys) Has(id uint32) bool { return slices.Contains(k.ring.Load().ids, id) }

// KeyID reads from a sealed value the ID of the key that sealed it. Tink's output
// prefix is the byte 1 and the four bytes of the ID.
func KeyID(sealed []byte) (uint32, bool) {
	if len(sealed) < 5 || sealed[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:5]), true
}
