package readiness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keyring"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// Cause says why a process is not ready.
type Cause string

// The causes, in the order in which they are looked for.
const (
	// None means that the process is ready.
	None        Cause = ""
	NoAnswer    Cause = "no_answer"
	OtherSchema Cause = "schema"
	OtherKeyset Cause = "keyset"
	KeyMissing  Cause = "key_missing"
	DiskFull    Cause = "disk_full"
	ReadOnly    Cause = "read_only"
	WritesFail  Cause = "writes_fail"
	WritesWait  Cause = "writes_wait"
)

// Causes lists all causes.
var Causes = []Cause{NoAnswer, OtherSchema, OtherKeyset, KeyMissing, DiskFull, ReadOnly, WritesFail, WritesWait}

// fullRecently is how long a write that failed for want of room counts.
const fullRecently = 30 * time.Second

// errWasFull says that a write of this process failed a moment ago because the disk was
// full, although a small write works.
var errWasFull = errors.New("a write failed a moment ago because the disk was full")

// Examine looks for the first reason why a process with these keys cannot work with the
// database. write is a small write.
func Examine(ctx context.Context, db *database.DB, keys *seal.Keys, write func(context.Context) error) (Cause, error) {
	if err := db.Ping(ctx); err != nil {
		return NoAnswer, err
	}
	if _, err := db.CheckSchema(ctx); err != nil {
		return ofRead(err), err
	}
	if err := keyring.Verify(ctx, db, keys); err != nil && !errors.Is(err, keyring.ErrNoMark) {
		return ofRead(err), err
	}
	if err := write(ctx); err != nil {
		return ofWrite(err), err
	}
	if at := db.LastFull(); !at.IsZero() && db.Now().Sub(at) < fullRecently {
		return DiskFull, errWasFull
	}
	missing, err := keyring.MissingKeys(ctx, db, keys)
	if err != nil {
		return ofRead(err), err
	}
	if len(missing) > 0 {
		err := fmt.Errorf("the keyset file lacks %s, with which values are sealed: %w", named(missing), seal.ErrKeyMissing)
		if problem := keys.Problem(); problem != nil {
			err = fmt.Errorf("%w; the file was replaced: %w", err, problem)
		}
		return KeyMissing, err
	}
	return None, nil
}

// ofRead returns the cause that an error of a read or of the checks stands for.
func ofRead(err error) Cause {
	switch {
	case errors.Is(err, database.ErrNoSchema), errors.Is(err, database.ErrSchemaBehind), errors.Is(err, database.ErrSchemaAhead):
		return OtherSchema
	case errors.Is(err, seal.ErrWrongKeyset):
		return OtherKeyset
	}
	return NoAnswer
}

// ofWrite returns the cause that the error of a write stands for.
func ofWrite(err error) Cause {
	switch {
	case database.OutOfSpace(err):
		return DiskFull
	case database.ReadOnly(err):
		return ReadOnly
	case database.Busy(err):
		return WritesWait
	}
	return WritesFail
}

// named lists keys by their IDs.
func named(ids []uint32) string {
	text := strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ", "), "[]")
	if len(ids) == 1 {
		return "key " + text
	}
	return "the keys " + text
}
