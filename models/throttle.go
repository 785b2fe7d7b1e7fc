package models

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// limit is how many tries a key has within a time.
type limit struct {
	name  string
	tries int
	per   time.Duration
}

// key hides the account or address it counts for.
func (l limit) key(of string) string {
	sum := sha256.Sum256([]byte(of))
	return l.name + ":" + hex.EncodeToString(sum[:16])
}

// take counts a try and refuses it when there were too many. One statement,
// so that the count is exact under any number of instances.
func (l limit) take(tx *gorm.DB, of string, now time.Time) error {
	var row struct {
		N       int
		ResetAt time.Time
	}
	key, reset := l.key(of), now.Add(l.per)
	err := tx.Exec(`INSERT INTO throttles (key, n, reset_at) VALUES (?, 1, ?)
		ON CONFLICT (key) DO UPDATE SET
			n = CASE WHEN throttles.reset_at <= ? THEN 1 ELSE throttles.n + 1 END,
			reset_at = CASE WHEN throttles.reset_at <= ? THEN excluded.reset_at ELSE throttles.reset_at END`,
		key, reset, now, now).Error
	if err == nil {
		err = tx.Table("throttles").Select("n", "reset_at").Where("key = ?", key).Take(&row).Error
	}
	if err != nil {
		return fmt.Errorf("count tries: %w", err)
	}
	if row.N > l.tries {
		return &ThrottledError{Until: row.ResetAt.UTC()}
	}
	return nil
}

// giveBack takes a try off the count, since it was a good one.
func (l limit) giveBack(tx *gorm.DB, of string) error {
	err := tx.Exec("UPDATE throttles SET n = n - 1 WHERE key = ? AND n > 0", l.key(of)).Error
	if err != nil {
		return fmt.Errorf("give back a try: %w", err)
	}
	return nil
}

// forget ends the count.
func (l limit) forget(tx *gorm.DB, of string) error {
	if err := tx.Exec("DELETE FROM throttles WHERE key = ?", l.key(of)).Error; err != nil {
		return fmt.Errorf("forget tries: %w", err)
	}
	return nil
}
