package models

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// SecretSlot names one of the two secrets that a client can have in ServiceTitan. While
// one is replaced, the other one works.
type SecretSlot string

// The slots. ServiceTitan does not document the prefixes that tell them apart, so a
// secret may be in neither.
const (
	NoSecret     SecretSlot = ""
	FirstSecret  SecretSlot = "cs1"
	SecondSecret SecretSlot = "cs2"
	OtherSecret  SecretSlot = "other"
)

// SlotOf returns the slot of a client secret.
func SlotOf(s secret.Value) SecretSlot {
	switch prefix, _, _ := strings.Cut(s.Reveal(), "."); {
	case s.IsZero():
		return NoSecret
	case prefix == string(FirstSecret):
		return FirstSecret
	case prefix == string(SecondSecret):
		return SecondSecret
	}
	return OtherSecret
}

// ForgetOldSecret records that the old secret of a connection no longer has to be
// deleted.
func ForgetOldSecret(tx *gorm.DB, connectionID uuid.UUID) error {
	err := tx.Model(&Connection{}).Where("id = ?", connectionID).Update("old_secret", NoSecret).Error
	if err != nil {
		return fmt.Errorf("forget old secret: %w", err)
	}
	return nil
}
