package keeper

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/seal"
)

// Stored says which secrets of a connection are stored. It contains none of them.
type Stored struct {
	Access, Refresh, ClientSecret bool
	ExpiresAt                     time.Time
	// KeyID names the key that encrypted them.
	KeyID uint32
}

// StoredOf returns what is stored for a connection, or a zero value if nothing is. It
// decrypts nothing: the first bytes of an encrypted value name its key.
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
		return Stored{}, fmt.Errorf("read what is stored of a credential: %w", err)
	}
	s := Stored{Access: true, Refresh: row.Refresh, ClientSecret: row.ClientSecret, ExpiresAt: row.ExpiresAt}
	s.KeyID, _ = seal.KeyID(row.Head)
	return s, nil
}
