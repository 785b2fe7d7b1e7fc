package accounts

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Enrollment is a second factor that is being set up: the secret in the letters
// that people type, and the address that a QR code holds.
type Enrollment struct {
	Key, URL secret.Value
	// Kept is the secret, sealed, for the session to keep. It is in no other
	// place until a code has shown that it arrived: whoever else knows the
	// password sees another secret, or none.
	Kept string
	// Replaces says that there is a second factor, which works until the new one
	// is confirmed.
	Replaces bool
}

// enrollmentPlace tells a first second factor from one that replaces another, so
// that only who has passed the old one can.
func enrollmentPlace(userID uuid.UUID, replaces bool) seal.Place {
	column := "enrolment"
	if replaces {
		column = "replacement"
	}
	return seal.Place{Table: "sessions", Row: userID.String(), Column: column}
}

func (a *Accounts) openEnrollment(kept string, userID uuid.UUID, replaces bool) (string, bool) {
	sealed, ok := database.DecodeExactly(kept)
	if !ok {
		return "", false
	}
	raw, err := a.keys.Open(sealed, enrollmentPlace(userID, replaces))
	return raw, err == nil
}

// Enrol continues the enrolment that the session has kept, or begins the first
// one of a staff member. Who has a second factor and replaces none gets nil: they
// are asked for a code.
func (a *Accounts) Enroll(ctx context.Context, staff Staff, kept string) (*Enrollment, error) {
	has, err := a.HasFactor(ctx, staff.UserID)
	if err != nil {
		return nil, err
	}
	if raw, ok := a.openEnrollment(kept, staff.UserID, has); ok {
		return enrollment(staff, raw, kept, has)
	}
	if has {
		return nil, nil
	}
	return a.beginEnrollment(staff, false)
}

// ReplaceFactor begins with another second factor, after a right code. Its
// errors are those of PassFactor.
func (a *Accounts) ReplaceFactor(ctx context.Context, staff Staff, code string) (*Enrollment, error) {
	if _, err := a.PassFactor(ctx, staff.UserID, code); err != nil {
		return nil, err
	}
	return a.beginEnrollment(staff, true)
}

func (a *Accounts) beginEnrollment(staff Staff, replaces bool) (*Enrollment, error) {
	secret := make([]byte, 20) // as long as SHA-1's output (RFC 4226, section 4)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("begin second factor: %w", err)
	}
	sealed, err := a.keys.Seal(string(secret), enrollmentPlace(staff.UserID, replaces))
	if err != nil {
		return nil, fmt.Errorf("begin second factor: %w", err)
	}
	return enrollment(staff, string(secret), base64.RawURLEncoding.EncodeToString(sealed), replaces)
}

func enrollment(staff Staff, raw, kept string, replaces bool) (*Enrollment, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Fieldbridge", AccountName: staff.Email, Secret: []byte(raw)})
	if err != nil {
		return nil, fmt.Errorf("begin second factor: %w", err)
	}
	return &Enrollment{Key: secret.New(key.Secret()), URL: secret.New(key.URL()), Kept: kept, Replaces: replaces}, nil
}

// Enrolled is what a confirmed second factor comes with.
type Enrolled struct {
	// Codes are the recovery codes, which cannot be read again.
	Codes []secret.Value
	// Epoch is that of the sessions that go on. Where a second factor was
	// replaced, the others end.
	Epoch int
}

// ConfirmFactor ends an enrolment with a right code. It returns ErrWrongCode,
// also for what was not kept for this, or a ThrottledError. It returns
// ErrSignedOut if the session has ended meanwhile, as by a reset of the factor.
func (a *Accounts) ConfirmFactor(ctx context.Context, staff Staff, kept, code string) (Enrolled, error) {
	var done Enrolled
	userID := staff.UserID
	err := a.attemptCode(ctx, userID, func(tx *gorm.DB, f secondFactor, now time.Time) error {
		var epoch int
		if err := tx.Raw("SELECT session_epoch FROM users WHERE id = ?", userID).Scan(&epoch).Error; err != nil {
			return err
		}
		if epoch != staff.Epoch {
			return ErrSignedOut
		}
		replaces := f.ConfirmedAt != nil
		raw, ok := a.openEnrollment(kept, userID, replaces)
		if !ok {
			return ErrWrongCode
		}
		step, ok := stepOf(raw, code, now)
		if !ok {
			return ErrWrongCode
		}
		if err := a.saveFactor(tx, userID, raw, step, now, replaces); err != nil {
			return err
		}
		if replaces {
			if err := endSessions(tx, userID); err != nil {
				return err
			}
		}
		if err := tx.Raw("SELECT session_epoch FROM users WHERE id = ?", userID).Scan(&done.Epoch).Error; err != nil {
			return err
		}
		var err error
		done.Codes, err = replaceRecoveryCodes(tx, userID)
		return err
	})
	if err != nil {
		return Enrolled{}, fmt.Errorf("confirm second factor: %w", err)
	}
	return done, nil
}

// saveFactor writes the factor down. Of two first ones at once, one counts.
func (a *Accounts) saveFactor(tx *gorm.DB, userID uuid.UUID, raw string, step int64, now time.Time, replaces bool) error {
	f := secondFactor{UserID: userID, LastStep: step, ConfirmedAt: &now, CreatedAt: now}
	var err error
	if f.SecretSealed, err = a.keys.Seal(raw, f.place()); err != nil {
		return err
	}
	onConflict := clause.OnConflict{Columns: []clause.Column{{Name: "user_id"}}, UpdateAll: true}
	if !replaces {
		onConflict.Where = clause.Where{Exprs: []clause.Expression{gorm.Expr("second_factors.confirmed_at IS NULL")}}
	}
	result := tx.Clauses(onConflict).Create(&f)
	if result.Error == nil && result.RowsAffected == 0 {
		return ErrWrongCode
	}
	return result.Error
}
