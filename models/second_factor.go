package models

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// ErrWrongCode: the code of the second factor is not right, or was used before.
var ErrWrongCode = errors.New("wrong code")

const (
	// factorStep is how long a code lasts; one before and one after are taken too
	// (RFC 6238, section 5.2).
	factorStep = 30 * time.Second
	factorSkew = 1
	// recoveryCodes is how many there are, each of twelve characters.
	recoveryCodes = 10
)

// factorPerAccount limits how often codes are tried.
var factorPerAccount = limit{"factor-account", 5, 15 * time.Minute}

// secondFactor is a staff member's, sealed. It never leaves this package.
type secondFactor struct {
	UserID       uuid.UUID `gorm:"primaryKey"`
	SecretSealed []byte
	LastStep     int64
	ConfirmedAt  *time.Time
	CreatedAt    time.Time
}

// recoveryCode lets somebody in who has lost the second factor, once.
type recoveryCode struct {
	UserID   uuid.UUID `gorm:"primaryKey"`
	CodeHash []byte    `gorm:"primaryKey"`
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

// Enrolment is a second factor that is being set up: the secret in the letters
// that people type, and the address that a QR code holds.
type Enrolment struct{ Key, URL Secret }

// BeginFactor gives a staff member the secret of a second factor to be; the same
// one until it is confirmed.
func (a *Accounts) BeginFactor(ctx context.Context, staff Staff) (Enrolment, error) {
	var raw string
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		f, err := a.factor(forUpdate(tx), staff.UserID)
		if err != nil {
			return err
		}
		if f.ConfirmedAt != nil {
			return ErrForbidden
		}
		if f.SecretSealed != nil {
			if raw, err = a.keys.Open(f.SecretSealed, f.place()); err == nil {
				return nil
			}
		}
		secret := make([]byte, 20) // as long as SHA-1's output (RFC 4226, section 4)
		if _, err := rand.Read(secret); err != nil {
			return err
		}
		raw = string(secret)
		f = secondFactor{UserID: staff.UserID, CreatedAt: a.db.Now()}
		if f.SecretSealed, err = a.keys.Seal(raw, f.place()); err != nil {
			return err
		}
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&f).Error
	})
	if err != nil {
		return Enrolment{}, fmt.Errorf("begin second factor: %w", err)
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Fieldbridge", AccountName: staff.Email, Secret: []byte(raw)})
	if err != nil {
		return Enrolment{}, fmt.Errorf("begin second factor: %w", err)
	}
	return Enrolment{Key: servicetitan.NewSecret(key.Secret()), URL: servicetitan.NewSecret(key.URL())}, nil
}

// ConfirmFactor ends the set-up with a right code, and returns recovery codes,
// which cannot be read again. It returns ErrWrongCode or a ThrottledError.
func (a *Accounts) ConfirmFactor(ctx context.Context, userID uuid.UUID, code string) ([]Secret, error) {
	var codes []Secret
	err := a.tryCode(ctx, userID, func(tx *gorm.DB, f secondFactor, now time.Time) error {
		if f.ConfirmedAt != nil {
			return ErrForbidden
		}
		if err := a.acceptCode(tx, f, code, now); err != nil {
			return err
		}
		if err := tx.Model(&secondFactor{}).Where("user_id = ?", userID).Update("confirmed_at", now).Error; err != nil {
			return err
		}
		var err error
		codes, err = replaceRecoveryCodes(tx, userID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("confirm second factor: %w", err)
	}
	return codes, nil
}

// PassFactor checks a code of the second factor, or a recovery code, which is
// spent by it. It returns how many recovery codes are left. Its errors are
// ErrWrongCode and ThrottledError.
func (a *Accounts) PassFactor(ctx context.Context, userID uuid.UUID, code string) (left int64, err error) {
	err = a.tryCode(ctx, userID, func(tx *gorm.DB, f secondFactor, now time.Time) error {
		if f.ConfirmedAt == nil {
			return ErrWrongCode
		}
		spent := tx.Where("user_id = ? AND code_hash = ?", userID, hashOf(servicetitan.NewSecret(plainCode(code)))).Delete(&recoveryCode{})
		if spent.Error != nil {
			return spent.Error
		}
		if spent.RowsAffected == 0 {
			if err := a.acceptCode(tx, f, code, now); err != nil {
				return err
			}
		}
		return tx.Model(&recoveryCode{}).Where("user_id = ?", userID).Count(&left).Error
	})
	if err != nil {
		return 0, fmt.Errorf("pass second factor: %w", err)
	}
	return left, nil
}

// NewRecoveryCodes replaces the recovery codes, after a right code.
func (a *Accounts) NewRecoveryCodes(ctx context.Context, userID uuid.UUID, code string) ([]Secret, error) {
	var codes []Secret
	if _, err := a.PassFactor(ctx, userID, code); err != nil {
		return nil, err
	}
	err := a.db.Write(ctx, func(tx *gorm.DB) (err error) {
		codes, err = replaceRecoveryCodes(tx, userID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make recovery codes: %w", err)
	}
	return codes, nil
}

// ResetFactor forgets a staff member's second factor and recovery codes, and
// ends all sessions. They enrol anew when they sign in.
func (a *Accounts) ResetFactor(ctx context.Context, email string) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		var user User
		if err := forUpdate(tx).Where("email = ? AND staff_role <> ''", email).Take(&user).Error; err != nil {
			return found(err, "find staff")
		}
		if err := tx.Exec("UPDATE users SET session_epoch = session_epoch + 1 WHERE id = ?", user.ID).Error; err != nil {
			return err
		}
		return forgetFactor(tx, user.ID)
	})
	if err != nil {
		return fmt.Errorf("reset second factor: %w", err)
	}
	return nil
}

// ForgetFactor lets a staff member begin with another second factor.
func (a *Accounts) ForgetFactor(ctx context.Context, userID uuid.UUID) error {
	if err := a.db.Write(ctx, func(tx *gorm.DB) error { return forgetFactor(tx, userID) }); err != nil {
		return fmt.Errorf("forget second factor: %w", err)
	}
	return nil
}

func forgetFactor(tx *gorm.DB, userID uuid.UUID) error {
	return errors.Join(
		tx.Where("user_id = ?", userID).Delete(&secondFactor{}).Error,
		tx.Where("user_id = ?", userID).Delete(&recoveryCode{}).Error,
	)
}

// tryCode counts a try before anything is looked at, and forgets the count if
// it was a good one. The try counts in a transaction of its own, so that a wrong
// code does not take it back.
func (a *Accounts) tryCode(ctx context.Context, userID uuid.UUID, check func(*gorm.DB, secondFactor, time.Time) error) error {
	now := a.db.Now()
	if err := a.db.Write(ctx, func(tx *gorm.DB) error { return factorPerAccount.take(tx, userID.String(), now) }); err != nil {
		return err
	}
	return a.db.Write(ctx, func(tx *gorm.DB) error {
		f, err := a.factor(forUpdate(tx), userID)
		if err != nil {
			return err
		}
		if f.SecretSealed == nil {
			return ErrWrongCode
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
	key := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(raw))
	step := now.Unix() / int64(factorStep/time.Second)
	for at := step - factorSkew; at <= step+factorSkew; at++ {
		right, err := hotp.ValidateCustom(plainCode(code), uint64(at), key, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) // #nosec G115 -- time is after 1970
		if err != nil || !right {
			continue // one of another length is an error there
		}
		result := tx.Model(&secondFactor{}).Where("user_id = ? AND last_step < ?", f.UserID, at).Update("last_step", at)
		if result.Error == nil && result.RowsAffected == 0 {
			return ErrWrongCode // used before
		}
		return result.Error
	}
	return ErrWrongCode
}

// replaceRecoveryCodes makes new ones; the old ones are good no more.
func replaceRecoveryCodes(tx *gorm.DB, userID uuid.UUID) ([]Secret, error) {
	if err := tx.Where("user_id = ?", userID).Delete(&recoveryCode{}).Error; err != nil {
		return nil, err
	}
	codes, rows := make([]Secret, recoveryCodes), make([]recoveryCode, recoveryCodes)
	for i := range codes {
		plain := rand.Text()[:12]
		codes[i] = servicetitan.NewSecret(plain[:4] + "-" + plain[4:8] + "-" + plain[8:])
		rows[i] = recoveryCode{UserID: userID, CodeHash: hashOf(servicetitan.NewSecret(plain))}
	}
	return codes, tx.Create(&rows).Error
}

// plainCode is a code without what people type between its parts.
func plainCode(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(code)))
}
