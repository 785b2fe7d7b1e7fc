// Package seal encrypts secrets at rest with a Tink keyset. Every sealed value
// is bound to the place it belongs to, so that it opens nowhere else.
package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrCannotOpen is the one answer to every sealed value that does not open:
// altered, moved from its place, or sealed with a key we do not have.
var ErrCannotOpen = errors.New("sealed value cannot be opened")

// Place says where a sealed value lives. All of it is authenticated.
type Place struct {
	Table   string
	Company string
	Row     string
	Column  string
	// Generation counts the rewrites of the row, so that an old value cannot be
	// put back over a new one.
	Generation int64
}

// associatedData joins the parts with their lengths, so that no two places
// come out alike.
func (p Place) associatedData() []byte {
	var b strings.Builder
	b.WriteString("fieldbridge/1")
	for _, part := range []string{p.Table, p.Company, p.Row, p.Column} {
		fmt.Fprintf(&b, "|%d:%s", len(part), part)
	}
	fmt.Fprintf(&b, "|%d", p.Generation)
	return []byte(b.String())
}

// Keys seals and opens with one keyset. It is safe for concurrent use.
type Keys struct {
	primitive tink.AEAD
	primary   uint32
	ids       []uint32
}

func newKeys(h *keyset.Handle) (*Keys, error) {
	primitive, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("use keyset: %w", err)
	}
	k := &Keys{primitive: primitive}
	for i := range h.Len() {
		entry, err := h.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("read keyset entry: %w", err)
		}
		k.ids = append(k.ids, entry.KeyID())
		if entry.IsPrimary() {
			k.primary = entry.KeyID()
		}
	}
	return k, nil
}

// Seal encrypts a value for its place.
func (k *Keys) Seal(value string, p Place) ([]byte, error) {
	sealed, err := k.primitive.Encrypt([]byte(value), p.associatedData())
	if err != nil {
		return nil, fmt.Errorf("seal %s.%s: %w", p.Table, p.Column, err)
	}
	return sealed, nil
}

// Open decrypts a value from its place. Whatever is wrong with it, the error
// is ErrCannotOpen.
func (k *Keys) Open(sealed []byte, p Place) (string, error) {
	value, err := k.primitive.Decrypt(sealed, p.associatedData())
	if err != nil {
		return "", fmt.Errorf("open %s.%s: %w", p.Table, p.Column, ErrCannotOpen)
	}
	return string(value), nil
}

// Primary is the ID of the key that seals new values.
func (k *Keys) Primary() uint32 { return k.primary }

// Has says whether the keyset holds the key.
func (k *Keys) Has(id uint32) bool {
	for _, have := range k.ids {
		if have == id {
			return true
		}
	}
	return false
}

// KeyID reads from a sealed value which key it was sealed with: Tink's output
// prefix is the byte 1 and four bytes of key ID.
func KeyID(sealed []byte) (uint32, bool) {
	if len(sealed) < 5 || sealed[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:5]), true
}
