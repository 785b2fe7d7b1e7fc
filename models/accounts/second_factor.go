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
	// factorStep is the time step of a code. The codes of the steps before and
	// after are accepted too (RFC 6238, section 5.2).
	factorStep = 30 * time.Second
	factorSkew = 1
)

// factorPerAccount limits attempts to enter a code. Only people who have entered
// the password can attempt, so strangers cannot lock the account's owner out.
var factorPerAccount = Limit{"factor-account", 5, 15 * time.Minute}

// secondFactor is a person's second factor, encrypted. It never leaves this
// package.
type secondFactor struct {
	UserID       uuid.UUID `gorm:"primaryKey"`
	SecretSealed []byte
	LastStep     int64
	ConfirmedAt  *time.Time
	CreatedAt    time.Time
}

// Passed says how a person passed the second factor.
type Passed struct {
	// Recovery says that the person used a recovery code. Left is how many recovery
	// codes remain.
	Recovery bool
	Left     int64
}

// place binds the encrypted secret to its row.
func (f *secondFactor) place() seal.Place {
	return seal.Place{Table: "second_factors", Row: f.UserID.String(), Column: "secret_sealed"}
}

// HasFactor reports whether a person has a confirmed second factor.
func (a *Accounts) HasFactor(ctx context.Context, userID uuid.UUID) (bool, error) {
	f, err := a.factor(a.db.Read(ctx), userID)
	return f.ConfirmedAt != nil, err
}

// factor returns a user's second factor, or a zero value if there is none.
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

// PassFactor checks a code of the second factor or a recovery code, and spends a
// recovery code. It returns ErrWrongCode, ErrUsedCode, ErrSignedOut, or a
// ThrottledError.
func (a *Accounts) PassFactor(ctx context.Context, userID uuid.UUID, code string) (Passed, error) {
	var passed Passed
	err := a.attemptCode(ctx, userID, func(tx *gorm.DB, _ User, f secondFactor, now time.Time) (err error) {
		passed, err = a.pass(tx, f, code, now)
		return err
	})
	if err != nil {
		return Passed{}, fmt.Errorf("pass second factor: %w", err)
	}
	return passed, nil
}

// pass checks a code within an attempt that was counted.
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

// ResetFactor deletes a person's second factor, recovery codes, and passkeys, which
// count as a second factor. It ends all their sessions. Staff enroll again at the
// next sign-in. A member of a company is told by mail. It returns ErrNotFound if
// nobody has the email.
func (a *Accounts) ResetFactor(ctx context.Context, by Actor, email string) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		var user User
		if err := database.ForUpdate(tx).Where("email = ?", email).Take(&user).Error; err != nil {
			return database.Found(err, "find person")
		}
		if err := endSessions(tx, user.ID); err != nil {
			return err
		}
		if user.StaffRole == "" {
			if err := mailUser(tx, user, AccountMail{Kind: MailSecurityChanged, Detail: SecondStepOff}, a.db.Now()); err != nil {
				return err
			}
		}
		return errors.Join(forgetFactor(tx, user.ID), forgetPasskeys(tx, user.ID), by.audit(tx, AuditFactorReset, user.ID, "", a.db.Now()))
	})
	if err != nil {
		return fmt.Errorf("reset second factor: %w", err)
	}
	return nil
}

// TurnOffFactor deletes a person's second factor and recovery codes if the code is
// right. It ends the person's sessions and returns the epoch under which the one
// that asked goes on. It returns the errors of PassFactor.
func (a *Accounts) TurnOffFactor(ctx context.Context, who Person, code string) (epoch int, err error) {
	err = a.attemptCode(ctx, who.UserID, func(tx *gorm.DB, user User, f secondFactor, now time.Time) error {
		if user.SessionEpoch != who.Epoch {
			return ErrSignedOut
		}
		if _, err := a.pass(tx, f, code, now); err != nil {
			return err
		}
		if err := forgetFactor(tx, user.ID); err != nil {
			return err
		}
		epoch, err = securityChanged(tx, user, SecondStepOff, now)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("turn off second factor: %w", err)
	}
	return epoch, nil
}

// forgetFactor deletes a user's second factor and recovery codes.
func forgetFactor(tx *gorm.DB, userID uuid.UUID) error {
	return errors.Join(
		tx.Where("user_id = ?", userID).Delete(&secondFactor{}).Error,
		tx.Where("user_id = ?", userID).Delete(&recoveryCode{}).Error,
	)
}

// attemptCode counts an attempt before it checks anything, and resets the count if
// the check succeeds. It counts in a separate transaction, so that a failed check
// does not undo the count.
func (a *Accounts) attemptCode(ctx context.Context, userID uuid.UUID, check func(*gorm.DB, User, secondFactor, time.Time) error) error {
	now := a.db.Now()
	if err := a.db.Write(ctx, func(tx *gorm.DB) error { return factorPerAccount.Take(tx, userID.String(), now) }); err != nil {
		return err
	}
	return a.db.Write(ctx, func(tx *gorm.DB) error {
		// The person may be removed, or have the factor reset, at this moment.
		// Those transactions also lock the user first.
		user, err := holdUser(tx, userID)
		if err != nil {
			return err
		}
		f, err := a.factor(database.ForUpdate(tx), userID)
		if err != nil {
			return err
		}
		if err := check(tx, user, f, now); err != nil {
			return err
		}
		return factorPerAccount.forget(tx, userID.String())
	})
}

// acceptCode accepts a right code if its time step is newer than that of every code
// accepted before.
func (a *Accounts) acceptCode(tx *gorm.DB, f secondFactor, code string, now time.Time) error {
	raw, err := a.keys.Open(f.SecretSealed, f.place())
	if err != nil {
		return fmt.Errorf("decrypt second factor: %w", err)
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

// stepOf returns the time step that a code belongs to, if that step is accepted
// now.
func stepOf(raw, code string, now time.Time) (int64, bool) {
	key := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(raw))
	step := now.Unix() / int64(factorStep/time.Second)
	for at := step - factorSkew; at <= step+factorSkew; at++ {
		right, err := hotp.ValidateCustom(plainCode(code), uint64(at), key, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) // #nosec G115 -- time is after 1970
		// ValidateCustom returns an error for a code of another length.
		if err == nil && right {
			return at, true
		}
	}
	return 0, false
}

// plainCode removes the spaces and hyphens that people type in a code.
func plainCode(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(code)))
}

// SealedTables returns the encrypted columns that this package owns.
func SealedTables() []database.SealedTable {
	return []database.SealedTable{
		{Name: "second_factors", Key: "user_id", Columns: []string{"secret_sealed"}, Rows: database.SealedRowsOf(func(f secondFactor) database.SealedRow {
			return database.SealedRow{Key: f.UserID, Values: []database.SealedValue{{Column: "secret_sealed", Sealed: f.SecretSealed, Place: f.place()}}}
		})},
		{Name: "idempotency_keys", Key: "id", Columns: []string{"answer_sealed"}, Rows: database.SealedRowsOf(func(k keptAnswer) database.SealedRow {
			return database.SealedRow{Key: k.ID, Values: []database.SealedValue{{Column: "answer_sealed", Sealed: k.AnswerSealed, Place: k.place()}}}
		})},
	}
}
