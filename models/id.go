package models

import (
	"crypto/sha256"

	"github.com/google/uuid"
)

// newID is a UUIDv7: random enough not to be guessed, and sorted by time.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func hashOf(s Secret) []byte {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return sum[:]
}
