package keeper

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// StoreSample stores the access of a demo's connection, and schedules its renewal as the
// connection's state requires. A degraded connection is due soon but keeps its old
// expiry. One that must be reconnected keeps the credential that was refused, and is
// never due.
func (k *Keeper) StoreSample(ctx context.Context, connection models.Connection, tokens servicetitan.Tokens, own servicetitan.OwnClient, scopes []string) error {
	return k.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		connection, err := models.GetConnection(database.ForUpdate(tx), connection.CompanyID, connection.ID)
		if err != nil {
			return err
		}
		connection.Generation++
		var due *time.Time
		switch connection.State {
		case models.Connected:
			connection.ExpiresAt = tokens.ExpiresAt
			at := k.DueFrom(&connection, now)
			due = &at
			connection.Granted(tokens, scopes, at, now)
		case models.Degraded:
			at := now.Add(firstRetry + retry.Spread(LongestWait(connection.Failures)))
			due, connection.NextRenewalAt = &at, &at
		case models.Pending, models.ReconnectNeeded, models.Disconnected: // never due
		}
		if err := tx.Select(models.RenewalColumns).Updates(&connection).Error; err != nil {
			return err
		}
		tokens := tokens
		tokens.ExpiresAt = connection.ExpiresAt
		generation := connection.Generation
		if connection.Reason == models.ReasonSealBroken {
			generation-- // encrypted for another place, so it cannot be decrypted
		}
		cred, err := newCredential(k.keys, connection.CompanyID, connection.ID, generation, tokens, own)
		if err != nil {
			return err
		}
		cred.Generation, cred.Environment, cred.DueAt = connection.Generation, connection.Environment, due
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&cred).Error
	})
}
