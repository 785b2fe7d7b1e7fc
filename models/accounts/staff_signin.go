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

// StaffTripLife is how long a trip to the staff's own issuer may take.
const StaffTripLife = 10 * time.Minute

var (
	// staffTripsPerAddress limits the trips that an address begins: each leaves a
	// session behind, of nobody yet.
	staffTripsPerAddress = Limit{"staff-trip-address", 60, 15 * time.Minute}
	// staffTripOnce lets a trip end once, on any instance. A session cannot: two
	// requests of it may both have read it.
	staffTripOnce = Limit{"staff-trip", 1, StaffTripLife}
)

// BeginStaffTrip counts a trip from a browser's address, or returns a
// ThrottledError.
func (a *Accounts) BeginStaffTrip(ctx context.Context, address string) error {
	return a.db.Write(ctx, func(tx *gorm.DB) error { return staffTripsPerAddress.Take(tx, address, a.db.Now()) })
}

// EndStaffTrip ends the trip of a state. One that was ended before is
// ErrUnknownState.
func (a *Accounts) EndStaffTrip(ctx context.Context, state secret.Value) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error { return staffTripOnce.Take(tx, state.Reveal(), a.db.Now()) })
	if _, ended := errors.AsType[*ThrottledError](err); ended {
		return ErrUnknownState
	}
	return err
}

// staffTripPlace binds what is sealed of a trip to its state.
func staffTripPlace(state secret.Value) seal.Place {
	return seal.Place{Table: "sessions", Row: hex.EncodeToString(database.HashOf(state)), Column: "staff_trip"}
}

// SealStaffTrip seals a trip's nonce and verifier for the session to keep.
func (a *Accounts) SealStaffTrip(state secret.Value, nonce, verifier string) (string, error) {
	sealed, err := a.keys.Seal(nonce+" "+verifier, staffTripPlace(state))
	if err != nil {
		return "", fmt.Errorf("begin staff sign-in: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// OpenStaffTrip opens what SealStaffTrip sealed for the same state.
func (a *Accounts) OpenStaffTrip(state secret.Value, kept string) (nonce, verifier string, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil {
		return "", "", false
	}
	opened, err := a.keys.Open(sealed, staffTripPlace(state))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(opened, " ")
}
