package accounts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Limit is how many tries a key has within a time.
type Limit struct {
	Name  string
	Tries int
	Per   time.Duration
}

// key hides the account or address it counts for.
func (l Limit) key(of string) string {
	sum := sha256.Sum256([]byte(of))
	return l.Name + ":" + hex.EncodeToString(sum[:16])
}

// throttle is a count as the database has it.
type throttle struct {
	N       int
	ResetAt time.Time
}

// add counts a try and returns the count. One statement counts, so that it is
// exact under any number of instances.
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
		return row, fmt.Errorf("count tries: %w", err)
	}
	return row, nil
}

// Take counts a try and refuses it when there were too many.
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

// pause refuses a try while an earlier one's pause lasts, and else begins one.
// One statement does both, so that one try comes through each time.
func (l Limit) pause(tx *gorm.DB, of string, now time.Time, wait time.Duration) error {
	key := l.key(of)
	begun := tx.Exec(`INSERT INTO throttles (key, n, reset_at) VALUES (?, 1, ?)
		ON CONFLICT (key) DO UPDATE SET reset_at = excluded.reset_at WHERE throttles.reset_at <= ?`, key, now.Add(wait), now)
	if begun.Error != nil {
		return fmt.Errorf("pause tries: %w", begun.Error)
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

// giveBack takes a try off the count, since it was a good one.
func (l Limit) giveBack(tx *gorm.DB, of string) error {
	err := tx.Exec("UPDATE throttles SET n = n - 1 WHERE key = ? AND n > 0", l.key(of)).Error
	if err != nil {
		return fmt.Errorf("give back a try: %w", err)
	}
	return nil
}

// forget ends the count.
func (l Limit) forget(tx *gorm.DB, of string) error {
	if err := tx.Exec("DELETE FROM throttles WHERE key = ?", l.key(of)).Error; err != nil {
		return fmt.Errorf("forget tries: %w", err)
	}
	return nil
}
