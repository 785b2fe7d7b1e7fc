package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// frozenKeyCheck is the product's check of API keys of 29 November 2026, so that
// BenchmarkToken's floor does not move when the product's check changes. It reads the
// key with a query that GORM builds. Counting the use of keys has not changed since.
func frozenKeyCheck(db *database.DB) func(ctx context.Context, key, address string) error {
	uses := accounts.NewAPIKeys(db)
	return func(ctx context.Context, key, address string) error {
		var keys []struct {
			ID        uuid.UUID
			CompanyID *uuid.UUID
			Name      string
			RevokedAt *time.Time
			LockedAt  *time.Time
		}
		err := db.Read(ctx).Raw(`SELECT k.id, k.company_id, k.name, k.revoked_at, c.locked_at FROM api_keys k LEFT JOIN companies c ON c.id = k.company_id
			WHERE k.key_hash = ?`, database.HashOf(secret.New(key))).Scan(&keys).Error
		switch {
		case err != nil:
			return err
		case len(keys) == 0 || keys[0].RevokedAt != nil || keys[0].LockedAt != nil:
			return errFloor
		}
		return uses.Admit(keys[0].ID, address)
	}
}
