package support

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Cursor is a place in a list of connections. It stands for the page after the place
// or, with Back, for the page before it. The zero Cursor is the beginning.
type Cursor struct {
	Back bool
	// Rank, At, Key, and ID are the columns by which the list is sorted, with their
	// values at the place. A column that the order does not use is zero.
	Rank int
	At   time.Time
	Key  string
	ID   uuid.UUID
}

// String returns the cursor for use in a URL. It is empty for the zero Cursor.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	back, at := "n", ""
	if c.Back {
		back = "p"
	}
	if !c.At.IsZero() {
		at = strconv.FormatInt(c.At.UnixMicro(), 10)
	}
	text := strings.Join([]string{back, strconv.Itoa(c.Rank), at, c.ID.String(), c.Key}, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// ParseCursor reads a cursor that String wrote. Any other text gives the zero
// Cursor.
func ParseCursor(text string) Cursor {
	raw, ok := database.DecodeExactly(text)
	parts := strings.SplitN(string(raw), ".", 5)
	if !ok || len(parts) != 5 || !database.Storable(parts[4]) {
		return Cursor{}
	}
	c := Cursor{Back: parts[0] == "p", Key: parts[4]}
	var err error
	if c.Rank, err = strconv.Atoi(parts[1]); err != nil || c.Rank < 0 || c.Rank > maxRank {
		return Cursor{}
	}
	if parts[2] != "" {
		micros, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil || micros <= 0 || micros > maxMicros {
			return Cursor{}
		}
		c.At = time.UnixMicro(micros).UTC()
	}
	if c.ID, err = uuid.Parse(parts[3]); err != nil || c.ID.String() != parts[3] {
		return Cursor{}
	}
	return c
}

// maxRank is the highest rank of a list.
var maxRank = max(len(ranks), len(itemKinds)-1)

// maxMicros is the end of the year 9999 in microseconds since 1970. The databases
// store no later time.
const maxMicros = 253402300799_000000
