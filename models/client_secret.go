package models

import (
	"strings"

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
