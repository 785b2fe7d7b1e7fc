package database

import (
	"crypto/sha256"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// NewID returns a new UUIDv7 (RFC 9562, section 5.7), which sorts by time.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// HashOf returns the SHA-256 hash of a secret. It suits only secrets that are random
// and long, because it is fast.
func HashOf(s secret.Value) []byte {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return sum[:]
}
