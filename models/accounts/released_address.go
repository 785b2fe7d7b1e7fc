package accounts

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// AuditAddressReleased says that an account lost its address, because somebody else
// proved it or our staff have it.
const AuditAddressReleased AuditAction = "address_released"

// releasedDomain is the domain of addresses that accounts have after they lost
// theirs. No mail can be sent to it (RFC 2606, section 2).
const releasedDomain = "released.invalid"

// unproven reports whether anybody may have typed the account's address. Whoever
// adds staff vouches for theirs.
func (u User) unproven() bool { return u.ProvenAt == nil && u.StaffRole == "" }

// holderOf locks and returns the account that has an address, if there is one.
func holderOf(tx *gorm.DB, email string) (user User, there bool, err error) {
	err = database.ForUpdate(tx).Where("email = ?", email).Take(&user).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return User{}, false, nil
	}
	if err != nil {
		return User{}, false, fmt.Errorf("find account of address: %w", err)
	}
	return user, true, nil
}

// releaseAddress takes the address from an account that has not proved it, so that
// its owner can use it. The account's sessions and links end. Its company stays as
// it is. The company's activity says what happened, but not who the owner is.
func releaseAddress(tx *gorm.DB, user User, now time.Time) error {
	err := errors.Join(
		tx.Model(&User{}).Where("id = ?", user.ID).Update("email", user.ID.String()+"@"+releasedDomain).Error,
		endPasswordLinks(tx, user.ID), endNewEmail(tx, user.ID), EndLinks(tx, LinkVerify, "user_id", user.ID), endSessions(tx, user.ID),
	)
	if err != nil {
		return fmt.Errorf("release address: %w", err)
	}
	by := Actor{Name: "Fieldbridge"}
	// An account without a proven address has joined no other company.
	var companies []uuid.UUID
	if err := tx.Model(&Membership{}).Where("user_id = ?", user.ID).Order("created_at").Limit(1).Pluck("company_id", &companies).Error; err != nil {
		return fmt.Errorf("find company of address: %w", err)
	}
	if len(companies) == 0 {
		return by.audit(tx, AuditAddressReleased, user.ID, "", now)
	}
	return by.AuditIn(tx, companies[0], AuditAddressReleased, user.ID, "", now)
}
