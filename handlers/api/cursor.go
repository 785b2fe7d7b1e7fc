package api

import (
	"encoding/base64"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/connect"
)

// encodeCursor returns the next of a page. It means nothing to back ends.
func encodeCursor(c connect.Cursor) string {
	var text []byte
	if !c.ChangedAt.IsZero() {
		text, _ = c.ChangedAt.UTC().MarshalBinary() // fails only in odd zones
	}
	return base64.RawURLEncoding.EncodeToString(append(text, c.ID[:]...))
}

// cursor returns the position that a parameter has. byChange says that the list is in
// the order of changes.
func (q *query) cursor(name string, byChange bool) connect.Cursor {
	value, sent := q.value(name)
	if !sent {
		return connect.Cursor{}
	}
	const timeLength, idLength = 15, len(uuid.UUID{})
	want := idLength
	if byChange {
		want += timeLength
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(text) != want {
		q.refuse(name, "is not the next of a page with the same parameters")
		return connect.Cursor{}
	}
	var c connect.Cursor
	if byChange && c.ChangedAt.UnmarshalBinary(text[:timeLength]) != nil {
		q.refuse(name, "is not the next of a page with the same parameters")
	}
	copy(c.ID[:], text[len(text)-idLength:])
	return c
}
