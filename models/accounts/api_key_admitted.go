package accounts

import (
	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// KeyLimit is the most requests that an instance accepts from a key at once. After
// KeyLimitSeconds without a request, all of them are there again.
const (
	KeyLimit        = keyBurst
	KeyLimitSeconds = keyBurst / keyPerSecond
)

// Left returns how many requests this instance accepts from a key at once.
func (a *APIKeys) Left(id uuid.UUID) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	limit := a.limits[id]
	if limit == nil {
		return KeyLimit
	}
	return max(0, int(limit.TokensAt(a.db.Now())))
}

// Actor returns the back end with the key as the one who does something.
func (k APIKey) Actor(supportCode string) Actor {
	return Actor{Name: "API key " + k.Name, SupportCode: supportCode}
}

// StillKey returns ErrNotFound if a key was revoked since it was admitted.
func StillKey(tx *gorm.DB, id uuid.UUID) error {
	var there int
	err := database.QueryRow(tx, "SELECT 1 FROM api_keys WHERE id = $1 AND revoked_at IS NULL", []any{id}, &there)
	return database.Found(err, "find API key")
}
