package accounts

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

const (
	// factorStep is how long a code lasts; one before and one after are taken too
	// (RFC 6238, section 5.2).
	factorStep = 30 * time.Second
	factorSkew = 1
)

// factorPerAccount limits how often codes are tried.
var factorPerAccount = Limit{"factor-account", 5, 15 * time.Minute}

// secondFactor is a staff member's, sealed. It never leaves this package.
type secondFactor struct {
	UserID       uuid.UUID `gorm:"primaryKey"`
	SecretSealed []byte
	LastStep     int64
	ConfirmedAt  *time.Time
	CreatedAt    time.Time
}

// Passed is how somebody came past the second factor.
type Passed struct {
	// Recovery says that it was with a recovery code, and Left how many of them
	// there still are.
	Recovery bool
	Left     int64
}

func (f *secondFactor) place() seal.Place {
	return seal.Place{Table: "second_factors", Row: f.UserID.String(), Column: "secret_sealed"}
}

// HasFactor says whether a staff member has enrolled a second factor.
func (a *Accounts) HasFactor(ctx context.Context, userID uuid.UUID) (bool, error) {
	f, err := a.factor(a.db.Read(ctx), userID)
	return f.ConfirmedAt != nil, err
}

// factor is the row, or a zero one if there is none.
func (a *Accounts) factor(db *gorm.DB, userID uuid.UUID) (secondFactor, error) {
	var f secondFactor
	err := db.Where("user_id = ?", userID).Take(&f).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return secondFactor{}, nil
	}
	if err != nil {
		return f, fmt.Errorf("load second factor: %w", err)
	}
	return f, nil
}

// PassFactor checks a code of the second factor, or a recovery code, which is
// spent by it. Its errors are ErrWrongCode and ThrottledError.
func (a *Accounts) PassFactor(ctx context.Context, userID uuid.UUID, code string) (Passed, error) {
	var passed Passed
	err := a.attemptCode(ctx, userID, func(tx *gorm.DB, f secondFactor, now time.Time) (err error) {
		passed, err = a.pass(tx, f, code, now)
		return err
	})
	if err != nil {
		return Passed{}, fmt.Errorf("pass second factor: %w", err)
	}
	return passed, nil
}

func (a *Accounts) pass(tx *gorm.DB, f secondFactor, code string, now time.Time) (Passed, error) {
	var passed Passed
	if f.ConfirmedAt == nil {
		return passed, ErrWrongCode
	}
	var err error
	if passed.Recovery, err = spendRecoveryCode(tx, f.UserID, code); err != nil {
		return passed, err
	}
	if !passed.Recovery {
		if err := a.acceptCode(tx, f, code, now); err != nil {
			return passed, err
		}
	}
	return passed, tx.Model(&recoveryCode{}).Where("user_id = ?", f.UserID).Count(&passed.Left).Error
}

// ResetFactor forgets a staff member's second factor and recovery codes, and
// ends all sessions. They enrol anew when they sign in.
func (a *Accounts) ResetFactor(ctx context.Context, by Actor, email string) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		var user User
		if err := database.ForUpdate(tx).Where("email = ? AND staff_role <> ''", email).Take(&user).Error; err != nil {
			return database.Found(err, "find staff")
		}
		if err := endSessions(tx, user.ID); err != nil {
			return err
		}
		return errors.Join(forgetFactor(tx, user.ID), by.audit(tx, AuditFactorReset, user.ID, "", a.db.Now()))
	})
	if err != nil {
		return fmt.Errorf("reset second factor: %w", err)
	}
	return nil
}

func forgetFactor(tx *gorm.DB, userID uuid.UUID) error {
	return errors.Join(
		tx.Where("user_id = ?", userID).Delete(&secondFactor{}).Error,
		tx.Where("user_id = ?", userID).Delete(&recoveryCode{}).Error,
	)
}

// attemptCode counts a try before anything is looked at, and forgets the count if
// it was a good one. The try counts in a transaction of its own, so that a wrong
// code does not take it back.
func (a *Accounts) attemptCode(ctx context.Context, userID uuid.UUID, check func(*gorm.DB, secondFactor, time.Time) error) error {
	now := a.db.Now()
	if err := a.db.Write(ctx, func(tx *gorm.DB) error { return factorPerAccount.Take(tx, userID.String(), now) }); err != nil {
		return err
	}
	return a.db.Write(ctx, func(tx *gorm.DB) error {
		// Somebody may be removed, or have the factor reset, at this moment. Those
		// lock the user first too.
		staff, err := holdStaff(tx, userID)
		if err != nil {
			return err
		}
		if _, there := staff[userID]; !there {
			return ErrSignedOut
		}
		f, err := a.factor(database.ForUpdate(tx), userID)
		if err != nil {
			return err
		}
		if err := check(tx, f, now); err != nil {
			return err
		}
		return factorPerAccount.forget(tx, userID.String())
	})
}

// acceptCode takes a right code whose time step is newer than any that was
// accepted before.
func (a *Accounts) acceptCode(tx *gorm.DB, f secondFactor, code string, now time.Time) error {
	raw, err := a.keys.Open(f.SecretSealed, f.place())
	if err != nil {
		return fmt.Errorf("open second factor: %w", err)
	}
	step, ok := stepOf(raw, code, now)
	if !ok {
		return ErrWrongCode
	}
	result := tx.Model(&secondFactor{}).Where("user_id = ? AND last_step < ?", f.UserID, step).Update("last_step", step)
	if result.Error == nil && result.RowsAffected == 0 {
		return ErrUsedCode
	}
	return result.Error
}

// stepOf is the time step whose code it is, among those that are taken now.
func stepOf(raw, code string, now time.Time) (int64, bool) {
	key := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(raw))
	step := now.Unix() / int64(factorStep/time.Second)
	for at := step - factorSkew; at <= step+factorSkew; at++ {
		right, err := hotp.ValidateCustom(plainCode(code), uint64(at), key, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) // #nosec G115 -- time is after 1970
		// A code of another length is an error there.
		if err == nil && right {
			return at, true
		}
	}
	return 0, false
}

// plainCode is a code without what people type between its parts.
func plainCode(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(code)))
}

// SealedTables returns what people's accounts keep encrypted.
func SealedTables() []database.SealedTable {
	return []database.SealedTable{{Name: "second_factors", Key: "user_id", Columns: []string{"secret_sealed"}, Rows: database.SealedRowsOf(func(f secondFactor) database.SealedRow {
		return database.SealedRow{Key: f.UserID, Values: []database.SealedValue{{Column: "secret_sealed", Sealed: f.SecretSealed, Place: f.place()}}}
	})}}
}
