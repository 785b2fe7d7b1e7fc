package seal

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// DropWait is how long the old keys stay in the keyset file after a rotation. A host
// that does not have the new file yet may still seal values with an old key.
const DropWait = 24 * time.Hour

// ErrTooEarly says that old keys may not be dropped yet.
var ErrTooEarly = errors.New("it is too early to remove old keys")

// sinceField is the field of a keyset file that says when the primary key began to seal
// new values. Tink does not know this field.
const sinceField = "primarySince"

// PrimarySince returns when the primary key began to seal new values. A file from an
// older program does not say so. Then PrimarySince returns when the file last changed,
// because the key cannot have become the primary one later.
func (k *Keys) PrimarySince() time.Time { return k.ring.Load().since }

// CheckDrop returns ErrTooEarly if there are old keys and the rotation was less than
// DropWait ago.
func (k *Keys) CheckDrop(now time.Time) error {
	if from := k.PrimarySince().Add(DropWait); len(k.Old()) > 0 && now.Before(from) {
		return fmt.Errorf("%w; they can be removed after %s UTC", ErrTooEarly, from.UTC().Format("2006-01-02 15:04:05"))
	}
	return nil
}

// withSince adds the time to what Tink writes.
func withSince(text []byte, since time.Time) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	at, err := json.Marshal(since.UTC().Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	fields[sinceField] = at
	return json.Marshal(fields)
}

// takeSince splits a keyset file into the part that Tink reads and the time. The time
// is zero if the file has none.
func takeSince(text []byte) (rest []byte, since time.Time, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, time.Time{}, err
	}
	at, ok := fields[sinceField]
	if !ok {
		return text, time.Time{}, nil
	}
	if err := json.Unmarshal(at, &since); err != nil {
		return nil, time.Time{}, err
	}
	delete(fields, sinceField)
	rest, err = json.Marshal(fields)
	return rest, since, err
}
