package accounts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"gorm.io/gorm"
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

// throttle is a count as the database has it.
type throttle struct {
	N       int
	ResetAt time.Time
}

// add counts an attempt and returns the count. It counts in one statement, so that
// the count is exact with any number of instances.
func (l Limit) add(tx *gorm.DB, of string, now time.Time) (throttle, error) {
	var row throttle
	key, reset := l.key(of), now.Add(l.Per)
	err := tx.Exec(`INSERT INTO throttles (key, n, reset_at) VALUES (?, 1, ?)
		ON CONFLICT (key) DO UPDATE SET
			n = CASE WHEN throttles.reset_at <= ? THEN 1 ELSE throttles.n + 1 END,
			reset_at = CASE WHEN throttles.reset_at <= ? THEN excluded.reset_at ELSE throttles.reset_at END`,
		key, reset, now, now).Error
	if err == nil {
		err = tx.Table("throttles").Select("n", "reset_at").Where("key = ?", key).Take(&row).Error
	}
	if err != nil {
		return row, fmt.Errorf("count attempts: %w", err)
	}
	return row, nil
}

// Take counts an attempt, and returns a ThrottledError if there were too many.
func (l Limit) Take(tx *gorm.DB, of string, now time.Time) error {
	row, err := l.add(tx, of, now)
	if err != nil {
		return err
	}
	if row.N > l.Tries {
		return &ThrottledError{Until: row.ResetAt.UTC(), key: l.key(of)}
	}
	return nil
}

// pause returns a ThrottledError during the pause of an earlier attempt, and
// otherwise begins a pause. It does both in one statement, so that only one attempt
// passes each time.
func (l Limit) pause(tx *gorm.DB, of string, now time.Time, wait time.Duration) error {
	key := l.key(of)
	begun := tx.Exec(`INSERT INTO throttles (key, n, reset_at) VALUES (?, 1, ?)
		ON CONFLICT (key) DO UPDATE SET reset_at = excluded.reset_at WHERE throttles.reset_at <= ?`, key, now.Add(wait), now)
	if begun.Error != nil {
		return fmt.Errorf("pause attempts: %w", begun.Error)
	}
	if begun.RowsAffected > 0 {
		return nil
	}
	var row throttle
	if err := tx.Table("throttles").Select("n", "reset_at").Where("key = ?", key).Take(&row).Error; err != nil {
		return fmt.Errorf("read pause: %w", err)
	}
	return &ThrottledError{Until: row.ResetAt.UTC(), key: key}
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
