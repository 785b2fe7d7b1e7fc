package accounts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Limit is how many attempts are allowed within a time, for each key. Name tells
// limits apart in the database.
type Limit struct {
	Name  string
	Tries int
	Per   time.Duration
}

// key returns the key of an account or address, without showing it.
func (l Limit) key(of string) string {
	sum := sha256.Sum256([]byte(of))
	return l.Name + ":" + hex.EncodeToString(sum[:16])
}

// add counts an attempt and returns the count. It counts in one statement, so that
// the count is exact with any number of instances.
func (l Limit) add(tx *gorm.DB, of string, now time.Time) (n int, err error) {
	err = database.QueryRow(tx, `INSERT INTO throttles (key, n, reset_at) VALUES ($1, 1, $2)
		ON CONFLICT (key) DO UPDATE SET
			n = CASE WHEN throttles.reset_at <= $3 THEN 1 ELSE throttles.n + 1 END,
			reset_at = CASE WHEN throttles.reset_at <= $3 THEN excluded.reset_at ELSE throttles.reset_at END
		RETURNING n`, []any{l.key(of), now.Add(l.Per), now}, &n)
	if err != nil {
		return 0, fmt.Errorf("count attempts: %w", err)
	}
	return n, nil
}

// Take counts an attempt, and returns a ThrottledError if there were too many.
func (l Limit) Take(tx *gorm.DB, of string, now time.Time) error {
	n, err := l.add(tx, of, now)
	if err != nil || n <= l.Tries {
		return err
	}
	return l.throttled(tx, of)
}

// throttled returns a ThrottledError until the count of an account or address is reset.
func (l Limit) throttled(tx *gorm.DB, of string) error {
	var until time.Time
	key := l.key(of)
	if err := database.QueryRow(tx, "SELECT reset_at FROM throttles WHERE key = $1", []any{key}, &until); err != nil {
		return fmt.Errorf("read limit: %w", err)
	}
	return &ThrottledError{Until: until.UTC(), key: key}
}

// pause returns a ThrottledError during the pause of an earlier attempt, and
// otherwise begins a pause. It does both in one statement, so that only one attempt
// passes each time.
func (l Limit) pause(tx *gorm.DB, of string, now time.Time, wait time.Duration) error {
	begun := tx.Exec(`INSERT INTO throttles (key, n, reset_at) VALUES (?, 1, ?)
		ON CONFLICT (key) DO UPDATE SET reset_at = excluded.reset_at WHERE throttles.reset_at <= ?`, l.key(of), now.Add(wait), now)
	if begun.Error != nil {
		return fmt.Errorf("pause attempts: %w", begun.Error)
	}
	if begun.RowsAffected > 0 {
		return nil
	}
	return l.throttled(tx, of)
}

// giveBack takes an attempt off the count, because it was right.
func (l Limit) giveBack(tx *gorm.DB, of string) error {
	err := tx.Exec("UPDATE throttles SET n = n - 1 WHERE key = ? AND n > 0", l.key(of)).Error
	if err != nil {
		return fmt.Errorf("give back an attempt: %w", err)
	}
	return nil
}

// forget deletes the count.
func (l Limit) forget(tx *gorm.DB, of string) error {
	if err := tx.Exec("DELETE FROM throttles WHERE key = ?", l.key(of)).Error; err != nil {
		return fmt.Errorf("forget attempts: %w", err)
	}
	return nil
}
