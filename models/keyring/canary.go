package keyring

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// ErrNoMark says that no value in the database shows which keyset it belongs to.
var ErrNoMark = errors.New("the database has not been used with a keyset yet")

type keyCanary struct {
	ID     int `gorm:"primaryKey"`
	Sealed []byte
}

// TableName returns a singular name, because the table has one row.
func (keyCanary) TableName() string { return "key_canary" }

const canaryWord = "this keyset opens this database"

func canaryPlace() seal.Place {
	return seal.Place{Table: "key_canary", Row: "1", Column: "sealed"}
}

// Check decrypts the canary, a known value that shows whether the keyset is the
// database's own. On the first start, it encrypts and stores the canary. If the keyset
// is wrong, Check writes nothing and returns an error that wraps seal.ErrWrongKeyset
// and names the missing key.
func Check(ctx context.Context, db *database.DB, keys *seal.Keys) error {
	err := Verify(ctx, db, keys)
	if !errors.Is(err, ErrNoMark) {
		return err
	}
	canary, err := markWith(ctx, db, keys)
	if err != nil {
		return fmt.Errorf("check keyset: %w", err)
	}
	return canary.opens(keys)
}

// Verify is like Check, but it writes nothing. If there is no canary yet, it returns
// ErrNoMark.
func Verify(ctx context.Context, db *database.DB, keys *seal.Keys) error {
	var canary keyCanary
	err := db.Read(ctx).Where("id = 1").Take(&canary).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = ErrNoMark
	}
	if err != nil {
		return fmt.Errorf("check keyset: %w", err)
	}
	return canary.opens(keys)
}

// RewriteMark writes the canary again as it is. That changes nothing, and shows whether
// the database takes writes.
func RewriteMark(ctx context.Context, db *database.DB) error {
	err := db.Write(ctx, func(tx *gorm.DB) error { return tx.Exec("UPDATE key_canary SET sealed = sealed WHERE id = 1").Error })
	if err != nil {
		return fmt.Errorf("write the mark again: %w", err)
	}
	return nil
}

func (canary keyCanary) opens(keys *seal.Keys) error {
	word, err := keys.Open(canary.Sealed, canaryPlace())
	if err == nil && word == canaryWord {
		return nil
	}
	if id, ok := seal.KeyID(canary.Sealed); ok && !keys.Has(id) {
		err := fmt.Errorf("%w: key %d is missing from it", seal.ErrWrongKeyset, id)
		if problem := keys.Problem(); problem != nil {
			err = fmt.Errorf("%w; the file was replaced: %w", err, problem)
		}
		return err
	}
	return fmt.Errorf("%w: key IDs agree, but the value does not open", seal.ErrWrongKeyset)
}

// markWith stores a canary unless another instance has stored one first, and returns
// the one that is stored.
func markWith(ctx context.Context, db *database.DB, keys *seal.Keys) (keyCanary, error) {
	sealed, err := keys.Seal(canaryWord, canaryPlace())
	if err != nil {
		return keyCanary{}, fmt.Errorf("seal canary: %w", err)
	}
	var stands keyCanary
	err = db.Write(ctx, func(tx *gorm.DB) error {
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&keyCanary{ID: 1, Sealed: sealed}).Error; err != nil {
			return err
		}
		return tx.Where("id = 1").Take(&stands).Error
	})
	if err != nil {
		return keyCanary{}, fmt.Errorf("mark database: %w", err)
	}
	return stands, nil
}
