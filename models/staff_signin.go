package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// StaffTripLife is how long a trip to the staff's own issuer may take.
const StaffTripLife = 10 * time.Minute

var (
	// staffTripsPerAddress limits the trips that an address begins: each leaves a
	// session behind, of nobody yet.
	staffTripsPerAddress = limit{"staff-trip-address", 60, 15 * time.Minute}
	// staffTripOnce lets a trip end once, on any instance. A session cannot: two
	// requests of it may both have read it.
	staffTripOnce = limit{"staff-trip", 1, StaffTripLife}
)

// BeginStaffTrip counts a trip from a browser's address, or returns a
// ThrottledError.
func (a *Accounts) BeginStaffTrip(ctx context.Context, address string) error {
	return a.db.Write(ctx, func(tx *gorm.DB) error { return staffTripsPerAddress.take(tx, address, a.db.Now()) })
}

// EndStaffTrip ends the trip of a state. One that was ended before is
// ErrUnknownState.
func (a *Accounts) EndStaffTrip(ctx context.Context, state Secret) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error { return staffTripOnce.take(tx, state.Reveal(), a.db.Now()) })
	if _, ended := errors.AsType[*ThrottledError](err); ended {
		return ErrUnknownState
	}
	return err
}

// StaffArrived is the staff account with an email for which their issuer
// vouches, or ErrNotFound. Who has no name yet gets the one that the issuer
// knows, if it does.
func (a *Accounts) StaffArrived(ctx context.Context, email, name string) (User, error) {
	var user User
	err := a.db.Read(ctx).Where("email = ? AND staff_role <> '' AND disabled_at IS NULL", email).Take(&user).Error
	if err != nil {
		return User{}, found(err, "find staff")
	}
	if name == "" || user.Name != user.Email {
		return user, nil
	}
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&User{}).Where("id = ? AND name = email", user.ID).Update("name", name).Error
	})
	if err != nil {
		return User{}, fmt.Errorf("name staff: %w", err)
	}
	user.Name = name
	return user, nil
}
