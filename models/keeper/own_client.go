package keeper

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// StoredClient is a tenant's own client that a connection uses. Its secret does not
// leave this package.
type StoredClient struct {
	ID     string
	secret secret.Value
}

// Uses reports whether a secret is the one that is stored.
func (s StoredClient) Uses(value secret.Value) bool {
	return !value.IsZero() && subtle.ConstantTimeCompare([]byte(s.secret.Reveal()), []byte(value.Reveal())) == 1
}

// Slot returns which of the client's two secrets is stored.
func (s StoredClient) Slot() models.SecretSlot {
	if s.secret.IsZero() { // it cannot be decrypted
		return models.OtherSecret
	}
	return models.SlotOf(s.secret)
}

// ClientOf returns the tenant's own client that a connection uses, or ErrNotFound if it
// uses none. A secret that cannot be decrypted is like no other secret, so that a new
// one can replace it.
func (k *Keeper) ClientOf(db *gorm.DB, c models.Connection) (StoredClient, error) {
	cred := credential{ConnectionID: c.ID, CompanyID: c.CompanyID}
	err := database.QueryRow(db, "SELECT client_id, secret_sealed, generation FROM credentials WHERE connection_id = $1 AND company_id = $2 AND secret_sealed IS NOT NULL",
		[]any{c.ID, c.CompanyID}, &cred.ClientID, &cred.SecretSealed, &cred.Generation)
	if err != nil {
		return StoredClient{}, fmt.Errorf("read own client: %w", err)
	}
	stored := StoredClient{ID: cred.ClientID}
	own, err := cred.ownClient(k.keys)
	if err != nil {
		k.log.Warn("the stored client secret cannot be decrypted", "connection", c.ID, "error", err)
		return stored, nil
	}
	stored.secret = own.Secret
	return stored, nil
}

// AskWith requests new tokens with a stored client. This spends nothing, and stores
// nothing.
func (k *Keeper) AskWith(ctx context.Context, client *servicetitan.Client, s StoredClient) (servicetitan.Tokens, error) {
	if s.secret.IsZero() {
		return servicetitan.Tokens{}, &models.ReasonError{Reason: models.ReasonSealBroken, Err: models.ErrReconnectNeeded}
	}
	return client.ClientCredentials(ctx, servicetitan.OwnClient{ID: s.ID, Secret: s.secret})
}

// StoreWith is Store for tokens that AskWith got.
func (k *Keeper) StoreWith(tx *gorm.DB, c models.Connection, tokens servicetitan.Tokens, s StoredClient, due time.Time) error {
	return k.Store(tx, c, tokens, servicetitan.OwnClient{ID: s.ID, Secret: s.secret}, due)
}
