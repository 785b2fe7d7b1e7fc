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

// Enrollment is a second factor that is being set up. Key is the secret in the
// letters that people type, and URL is the address in the QR code.
type Enrollment struct {
	Key, URL secret.Value
	// Kept is the encrypted secret, for the session to keep. It is stored nowhere
	// else until a code shows that the person has it. Somebody else who knows the
	// password sees a different secret, or none.
	Kept string
	// Replaces says that the person already has a second factor. It works until the
	// new one is confirmed.
	Replaces bool
}

// enrollmentPlace separates a first second factor from one that replaces another.
// Only a person who has passed the old one can replace it.
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

// Enroll continues the enrollment that the session keeps, or begins a person's
// first one. It returns nil for a person who has a second factor and is
// not replacing it. That person has to enter a code.
func (a *Accounts) Enroll(ctx context.Context, who Person, kept string) (*Enrollment, error) {
	has, err := a.HasFactor(ctx, who.UserID)
	if err != nil {
		return nil, err
	}
	if raw, ok := a.openEnrollment(kept, who.UserID, has); ok {
		return enrollment(who, raw, kept, has)
	}
	if has {
		return nil, nil
	}
	return a.beginEnrollment(who, false)
}

// ReplaceFactor begins to enroll another second factor if the code is right. It
// returns the errors of PassFactor.
func (a *Accounts) ReplaceFactor(ctx context.Context, who Person, code string) (*Enrollment, error) {
	if _, err := a.PassFactor(ctx, who.UserID, code); err != nil {
		return nil, err
	}
	return a.beginEnrollment(who, true)
}

func (a *Accounts) beginEnrollment(who Person, replaces bool) (*Enrollment, error) {
	raw := make([]byte, 20) // the length of a SHA-1 hash (RFC 4226, section 4)
	if _, err := rand.Read(raw); err != nil {
		return nil, fmt.Errorf("begin second factor: %w", err)
	}
	sealed, err := a.keys.Seal(string(raw), enrollmentPlace(who.UserID, replaces))
	if err != nil {
		return nil, fmt.Errorf("begin second factor: %w", err)
	}
	return enrollment(who, string(raw), base64.RawURLEncoding.EncodeToString(sealed), replaces)
}

func enrollment(who Person, raw, kept string, replaces bool) (*Enrollment, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Fieldbridge", AccountName: who.Email, Secret: []byte(raw)})
	if err != nil {
		return nil, fmt.Errorf("begin second factor: %w", err)
	}
	return &Enrollment{Key: secret.New(key.Secret()), URL: secret.New(key.URL()), Kept: kept, Replaces: replaces}, nil
}

// factorsPerAccount limits how often a person sets up a second factor. Each time,
// they get a mail.
var factorsPerAccount = Limit{"factors-account", 20, 24 * time.Hour}

// Enrolled is the result of confirming a second factor.
type Enrolled struct {
	// Codes are the recovery codes. Only their hashes are stored, so they cannot be
	// read again.
	Codes []secret.Value
	// Epoch is the person's new session epoch. All other sessions have ended.
	Epoch int
}

// ConfirmFactor completes an enrollment if the code is right. It returns
// ErrWrongCode, also if kept does not belong to this enrollment, or a
// ThrottledError. It returns ErrSignedOut if the session has ended since, for
// example because the factor was reset.
func (a *Accounts) ConfirmFactor(ctx context.Context, who Person, kept, code string) (Enrolled, error) {
	var done Enrolled
	userID := who.UserID
	err := a.attemptCode(ctx, userID, func(tx *gorm.DB, user User, f secondFactor, now time.Time) error {
		if user.SessionEpoch != who.Epoch {
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
		// Whoever takes this count has the user's row.
		if err := factorsPerAccount.Take(tx, userID.String(), now); err != nil {
			return err
		}
		if err := a.saveFactor(tx, userID, raw, step, now, replaces); err != nil {
			return err
		}
		var err error
		if done.Epoch, err = securityChanged(tx, user, SecondStepOn, now); err != nil {
			return err
		}
		done.Codes, err = replaceRecoveryCodes(tx, userID)
		return err
	})
	if err != nil {
		return Enrolled{}, fmt.Errorf("confirm second factor: %w", err)
	}
	return done, nil
}

// saveFactor stores the factor. If two requests confirm a first factor at the same
// time, only one succeeds.
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
