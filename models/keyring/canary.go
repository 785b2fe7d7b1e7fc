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

// ErrNoMark says that nothing was sealed in the database yet.
var ErrNoMark = errors.New("the database has not been used with a keyset yet")

type keyCanary struct {
	ID     int `gorm:"primaryKey"`
	Sealed []byte
}

// TableName is singular: there is one.
func (keyCanary) TableName() string { return "key_canary" }

const canaryWord = "this keyset opens this database"

func canaryPlace() seal.Place {
	return seal.Place{Table: "key_canary", Row: "1", Column: "sealed"}
}

// Check opens the value that the first start sealed, and on that first
// start seals it. With a wrong keyset it writes nothing, and its error wraps
// seal.ErrWrongKeyset and names the key that is missing.
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

// Verify is CheckKeyset for those who only look: a database that was
// never started is ErrNoMark.
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

// markWith seals the canary, unless another instance has been quicker, and
// gives the one that stands.
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
