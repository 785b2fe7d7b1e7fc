package accounts

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// recoveryCodes is how many recovery codes a person gets. Each has twelve
// characters, which is 60 bits.
const recoveryCodes = 10

// FewRecoveryCodes is the number of remaining codes at which pages warn the person.
const FewRecoveryCodes = 3

// recoveryCode lets a person in once without their second factor.
type recoveryCode struct {
	UserID   uuid.UUID `gorm:"primaryKey"`
	CodeHash []byte    `gorm:"primaryKey"`
}

// RecoveryCodesLeft returns how many unused recovery codes a person has.
func (a *Accounts) RecoveryCodesLeft(ctx context.Context, userID uuid.UUID) (int64, error) {
	var left int64
	if err := a.db.Read(ctx).Model(&recoveryCode{}).Where("user_id = ?", userID).Count(&left).Error; err != nil {
		return 0, fmt.Errorf("count recovery codes: %w", err)
	}
	return left, nil
}

// NewRecoveryCodes replaces a person's recovery codes if the code is right.
// It returns the errors of PassFactor.
func (a *Accounts) NewRecoveryCodes(ctx context.Context, userID uuid.UUID, code string) ([]secret.Value, error) {
	var codes []secret.Value
	err := a.attemptCode(ctx, userID, func(tx *gorm.DB, _ User, f secondFactor, now time.Time) error {
		if _, err := a.pass(tx, f, code, now); err != nil {
			return err
		}
		var err error
		codes, err = replaceRecoveryCodes(tx, userID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make recovery codes: %w", err)
	}
	return codes, nil
}

// spendRecoveryCode reports whether the code is one of the user's recovery codes,
// and deletes it.
func spendRecoveryCode(tx *gorm.DB, userID uuid.UUID, code string) (bool, error) {
	result := tx.Where("user_id = ? AND code_hash = ?", userID, database.HashOf(secret.New(plainCode(code)))).Delete(&recoveryCode{})
	return result.RowsAffected > 0, result.Error
}

// replaceRecoveryCodes makes new recovery codes and deletes the old ones.
func replaceRecoveryCodes(tx *gorm.DB, userID uuid.UUID) ([]secret.Value, error) {
	if err := tx.Where("user_id = ?", userID).Delete(&recoveryCode{}).Error; err != nil {
		return nil, err
	}
	codes, rows := make([]secret.Value, recoveryCodes), make([]recoveryCode, recoveryCodes)
	for i := range codes {
		plain := rand.Text()[:12]
		codes[i] = secret.New(plain[:4] + "-" + plain[4:8] + "-" + plain[8:])
		rows[i] = recoveryCode{UserID: userID, CodeHash: database.HashOf(secret.New(plain))}
	}
	return codes, tx.Create(&rows).Error
}
