package accounts

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// StaffAuthorizationLife is how long an authorization at the staff's own issuer may
// take.
const StaffAuthorizationLife = 10 * time.Minute

var (
	// staffAuthorizationsPerAddress limits the authorizations that an address
	// begins, because each creates a session before anybody has signed in.
	staffAuthorizationsPerAddress = Limit{"staff-trip-address", 60, 15 * time.Minute}
	// staffAuthorizationOnce lets an authorization end only once, on any instance.
	// A session cannot ensure that, because two requests may read it at the same
	// time.
	staffAuthorizationOnce = Limit{"staff-trip", 1, StaffAuthorizationLife}
)

// BeginStaffAuthorization counts an authorization that a browser's address begins.
// It returns a ThrottledError if there were too many.
func (a *Accounts) BeginStaffAuthorization(ctx context.Context, address string) error {
	return a.db.Write(ctx, func(tx *gorm.DB) error { return staffAuthorizationsPerAddress.Take(tx, address, a.db.Now()) })
}

// EndStaffAuthorization ends the authorization of a state. It returns
// ErrUnknownState if the authorization has already ended.
func (a *Accounts) EndStaffAuthorization(ctx context.Context, state secret.Value) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error { return staffAuthorizationOnce.Take(tx, state.Reveal(), a.db.Now()) })
	if _, ended := errors.AsType[*ThrottledError](err); ended {
		return ErrUnknownState
	}
	return err
}

// staffAuthorizationPlace binds encrypted values of an authorization to its state.
func staffAuthorizationPlace(state secret.Value) seal.Place {
	return seal.Place{Table: "sessions", Row: hex.EncodeToString(database.HashOf(state)), Column: "staff_trip"}
}

// SealStaffAuthorization encrypts an authorization's nonce and verifier, for the
// session to keep.
func (a *Accounts) SealStaffAuthorization(state secret.Value, nonce, verifier string) (string, error) {
	sealed, err := a.keys.Seal(nonce+" "+verifier, staffAuthorizationPlace(state))
	if err != nil {
		return "", fmt.Errorf("begin staff sign-in: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// OpenStaffAuthorization decrypts what SealStaffAuthorization encrypted for the
// same state. It returns false if kept was not made for that state.
func (a *Accounts) OpenStaffAuthorization(state secret.Value, kept string) (nonce, verifier string, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil {
		return "", "", false
	}
	opened, err := a.keys.Open(sealed, staffAuthorizationPlace(state))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(opened, " ")
}
