package keyring

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// unusedKeysKept is how long a key stays noted that no value is encrypted with. An
// instance may have noted it just before it encrypts its first value.
const unusedKeysKept = time.Hour

// NoteKey notes that this process encrypts new values with the primary key of its keyset
// file. It reads the file again if the file has changed. The write is small, and there is
// one row for each key.
func NoteKey(ctx context.Context, db *database.DB, keys *seal.Keys) error {
	keys.Refresh()
	err := db.Write(ctx, func(tx *gorm.DB) error { return noteKeys(tx, []uint32{keys.Primary()}, db.Now()) })
	if err != nil {
		return fmt.Errorf("note key in use: %w", err)
	}
	return nil
}

func noteKeys(tx *gorm.DB, ids []uint32, now time.Time) error {
	for _, id := range ids {
		_, err := database.Exec(tx, "INSERT INTO keys_in_use (key_id, used_at) VALUES ($1, $2) ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at", int64(id), now)
		if err != nil {
			return err
		}
	}
	return nil
}

// MissingKeys returns the keys in use that the keyset file lacks.
func MissingKeys(ctx context.Context, db *database.DB, keys *seal.Keys) ([]uint32, error) {
	var used []uint32
	if err := db.Read(ctx).Raw("SELECT key_id FROM keys_in_use ORDER BY key_id").Scan(&used).Error; err != nil {
		return nil, fmt.Errorf("read keys in use: %w", err)
	}
	keys.Refresh()
	return slices.DeleteFunc(used, keys.Has), nil
}

// CountKeys brings the notes about keys in use up to date. It notes every key that a
// stored value is encrypted with, and forgets those that none is. It reads all encrypted
// values, so it is for now and then.
func CountKeys(ctx context.Context, db *database.DB) error {
	began := db.Now()
	with, err := SealedWith(ctx, db)
	if err != nil {
		return err
	}
	var ids []uint32
	for id := range with {
		ids = append(ids, id)
	}
	slices.Sort(ids) // instances that do this at the same moment do not wait for each other in a circle
	err = db.Write(ctx, func(tx *gorm.DB) error {
		if err := noteKeys(tx, ids, began); err != nil {
			return err
		}
		return tx.Exec("DELETE FROM keys_in_use WHERE used_at < ?", began.Add(-unusedKeysKept)).Error
	})
	if err != nil {
		return fmt.Errorf("note keys in use: %w", err)
	}
	return nil
}

// ForgetKeys forgets keys that were removed from the keyset file, because no value is
// encrypted with them.
func ForgetKeys(ctx context.Context, db *database.DB, ids []uint32) error {
	err := db.Write(ctx, func(tx *gorm.DB) error { return tx.Exec("DELETE FROM keys_in_use WHERE key_id IN ?", ids).Error })
	if err != nil {
		return fmt.Errorf("forget keys: %w", err)
	}
	return nil
}
