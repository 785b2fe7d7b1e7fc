package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Store encrypts a connection's new access, and writes it over what is stored for the
// connection. due is when the keeper renews it by itself.
func (k *Keeper) Store(tx *gorm.DB, c models.Connection, tokens servicetitan.Tokens, own servicetitan.OwnClient, due time.Time) error {
	cred, err := newCredential(k.keys, c.CompanyID, c.ID, c.Generation, tokens, own)
	if err != nil {
		return err
	}
	cred.Environment, cred.DueAt = c.Environment, &due
	if err := credentialRow.InsertOrReplace(tx, &cred); err != nil {
		return fmt.Errorf("store credential: %w", err)
	}
	return nil
}

// Replaced is access that is no longer used and that ServiceTitan still has to revoke. It
// is zero if there is nothing to revoke.
type Replaced struct{ row *revocation }

// Drop deletes a connection's access and queues its revocation. After the commit, pass the
// result to RevokeReplaced, and call Forget.
func (k *Keeper) Drop(tx *gorm.DB, c models.Connection, now time.Time) (Replaced, error) {
	old, err := k.Retire(tx, c, secret.Value{}, now)
	if err != nil {
		return Replaced{}, err
	}
	if err := tx.Where("connection_id = ?", c.ID).Delete(&credential{}).Error; err != nil {
		return Replaced{}, fmt.Errorf("delete credential: %w", err)
	}
	return old, nil
}

// Retire queues the revocation of the stored refresh token, which the caller is about to
// delete or replace. It queues nothing if the token that replaces it is the same. After the
// commit, pass the result to RevokeReplaced.
func (k *Keeper) Retire(tx *gorm.DB, c models.Connection, by secret.Value, now time.Time) (Replaced, error) {
	refresh, err := k.currentRefresh(tx, c)
	if err != nil || refresh.IsZero() || refresh == by {
		return Replaced{}, err
	}
	row, err := k.queueRevocation(tx, c, refresh, now)
	return Replaced{row}, err
}

// RevokeReplaced asks ServiceTitan to revoke replaced access (RFC 7009). Call it after the
// commit. If the request fails, Run repeats it for up to a day.
func (k *Keeper) RevokeReplaced(ctx context.Context, old Replaced, supportCode string) {
	if old.row != nil {
		k.revoke(ctx, old.row, supportCode)
	}
}

// Forget removes a connection's access token from memory. Call it after the commit that
// deletes the access. No instance serves the token after that commit anyway, because each
// use asks the database.
func (k *Keeper) Forget(connectionID uuid.UUID) { k.cache.drop(connectionID) }

// DueFrom returns when to renew a connection's access that was granted now. The
// connection must have the new expiry.
func (k *Keeper) DueFrom(c *models.Connection, now time.Time) time.Time {
	return nextRenewal(c, k.options.KeepAlive, now)
}

// RenewalInterval returns the average time between two renewals of an idle connection.
func (k *Keeper) RenewalInterval() time.Duration { return k.options.KeepAlive - k.options.KeepAlive/10 }

// Refuse ends a connection because the API permanently refuses its token of a generation.
// It returns a models.ReasonError, or nil if a newer token or a person has replaced that
// token.
func (k *Keeper) Refuse(ctx context.Context, c models.Connection, generation int64, reason models.Reason, cause error) error {
	c.Generation = generation
	_, err := k.giveUp(ctx, c, lease{}, reason, cause)
	return err
}

// currentRefresh returns the stored refresh token. It is zero if there is none that can be
// decrypted.
func (k *Keeper) currentRefresh(tx *gorm.DB, connection models.Connection) (secret.Value, error) {
	var cred credential
	err := tx.Where("connection_id = ?", connection.ID).Take(&cred).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return secret.Value{}, nil
	}
	if err != nil {
		return secret.Value{}, fmt.Errorf("load credential: %w", err)
	}
	refresh, err := cred.refresh(k.keys)
	if err != nil {
		k.log.Warn("old access cannot be decrypted, so it is not revoked", "connection", connection.ID, "error", err)
		return secret.Value{}, nil
	}
	return refresh, nil
}
