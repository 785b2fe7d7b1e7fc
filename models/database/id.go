package database

import (
	"crypto/sha256"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// NewID is a UUIDv7: random enough not to be guessed, and sorted by time.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func HashOf(s secret.Value) []byte {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return sum[:]
}
