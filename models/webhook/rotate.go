package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// RotateSecret gives an endpoint a new secret and returns it. For a day, the old one
// signs beside it.
func (w *Webhooks) RotateSecret(ctx context.Context, by accounts.Actor, whose *uuid.UUID, id uuid.UUID) (secret.Value, error) {
	made := newSecret()
	err := w.change(ctx, by, whose, accounts.AuditEndpointRotated, id, func(tx *gorm.DB, now time.Time) error {
		e, err := findEndpoint(database.ForUpdate(tx), whose, id)
		if err != nil {
			return err
		}
		old, err := w.keys.Open(e.SecretSealed, e.place("secret_sealed"))
		if err != nil {
			return err
		}
		oldSealed, err := w.keys.Seal(old, e.place("old_secret_sealed"))
		if err != nil {
			return err
		}
		newSealed, err := w.keys.Seal(made.Reveal(), e.place("secret_sealed"))
		if err != nil {
			return err
		}
		return w.update(tx, whose, id, map[string]any{"secret_sealed": newSealed, "old_secret_sealed": oldSealed, "old_secret_until": now.Add(bothSign)})
	})
	if err != nil {
		return secret.Value{}, fmt.Errorf("rotate secret: %w", err)
	}
	return made, nil
}

// SealedTables describes the encrypted columns, to encrypt them again with a new key.
func SealedTables() []database.SealedTable {
	return []database.SealedTable{
		{Name: "webhook_endpoints", Key: "id", Columns: []string{"secret_sealed", "old_secret_sealed"}, Rows: database.SealedRowsOf(func(e Endpoint) database.SealedRow {
			return database.SealedRow{Key: e.ID, Values: []database.SealedValue{
				{Column: "secret_sealed", Sealed: e.SecretSealed, Place: e.place("secret_sealed")},
				{Column: "old_secret_sealed", Sealed: e.OldSecretSealed, Place: e.place("old_secret_sealed")},
			}}
		})},
	}
}
