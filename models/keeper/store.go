package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Store seals a connection's new access and writes it in the place of what is
// there. It is due to be renewed at a time.
func (k *Keeper) Store(tx *gorm.DB, c models.Connection, tokens servicetitan.Tokens, own servicetitan.OwnClient, due time.Time) error {
	cred, err := newCredential(k.keys, c.CompanyID, c.ID, c.Generation, tokens, own)
	if err != nil {
		return err
	}
	cred.Environment, cred.DueAt = c.Environment, &due
	if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&cred).Error; err != nil {
		return fmt.Errorf("store credential: %w", err)
	}
	return nil
}

// Replaced is access that is no longer kept, and that ServiceTitan is still to
// withdraw. It is zero if there is nothing to withdraw.
type Replaced struct{ row *revocation }

// Drop deletes a connection's access. Revoke what it returns after the commit.
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

// Retire queues the revocation of the refresh token that is about to be deleted,
// or replaced by another. Revoke what it returns after the commit.
func (k *Keeper) Retire(tx *gorm.DB, c models.Connection, by secret.Value, now time.Time) (Replaced, error) {
	refresh, err := k.currentRefresh(tx, c)
	if err != nil || refresh.IsZero() || refresh == by {
		return Replaced{}, err
	}
	row, err := k.queueRevocation(tx, c, refresh, now)
	return Replaced{row}, err
}

// RevokeReplaced asks ServiceTitan to withdraw replaced access, once what
// replaced it is committed. What does not work now is tried again later.
func (k *Keeper) RevokeReplaced(ctx context.Context, old Replaced, supportCode string) {
	if old.row != nil {
		k.revoke(ctx, old.row, supportCode)
	}
}

// Forget drops a connection's token from memory, once its access is deleted.
func (k *Keeper) Forget(connectionID uuid.UUID) { k.cache.drop(connectionID) }

// DueFrom returns when a connection's access that is granted now is renewed.
func (k *Keeper) DueFrom(c *models.Connection, now time.Time) time.Time {
	return nextRenewal(c, k.options.KeepAlive, now)
}

// RenewalInterval returns how often an idle connection is renewed, on average.
func (k *Keeper) RenewalInterval() time.Duration { return k.options.KeepAlive - k.options.KeepAlive/10 }

// Refuse ends a connection whose token of a generation the API refuses for good.
// It returns nil if another token or a person has come in between.
func (k *Keeper) Refuse(ctx context.Context, c models.Connection, generation int64, reason models.Reason, cause error) error {
	c.Generation = generation
	_, err := k.giveUp(ctx, c, lease{}, reason, cause)
	return err
}

// currentRefresh returns the refresh token that is stored; zero if there is none
// that can be opened.
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
		k.log.Warn("old access cannot be opened to be withdrawn", "connection", connection.ID, "error", err)
		return secret.Value{}, nil
	}
	return refresh, nil
}
