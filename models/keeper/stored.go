package keeper

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

// Stored says what is kept of a connection's secrets, and nothing of them.
type Stored struct {
	Access, Refresh, ClientSecret bool
	ExpiresAt                     time.Time
	// KeyID names the key that they are sealed with.
	KeyID uint32
}

// StoredOf returns what is stored for a connection. It opens nothing: the beginning
// of an encrypted value names its key.
func StoredOf(db *gorm.DB, id uuid.UUID) (Stored, error) {
	var row struct {
		Head                  []byte
		Refresh, ClientSecret bool
		ExpiresAt             time.Time
	}
	err := db.Raw(`SELECT substr(access_sealed, 1, 5) AS head, refresh_sealed IS NOT NULL AS refresh,
		secret_sealed IS NOT NULL AS client_secret, expires_at FROM credentials WHERE connection_id = ?`, id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Stored{}, nil
	}
	if err != nil {
		return Stored{}, fmt.Errorf("view credential: %w", err)
	}
	s := Stored{Access: true, Refresh: row.Refresh, ClientSecret: row.ClientSecret, ExpiresAt: row.ExpiresAt}
	s.KeyID, _ = seal.KeyID(row.Head)
	return s, nil
}
