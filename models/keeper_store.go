package models

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// store seals a connection's new access and writes it in the place of what is
// there. It is due to be renewed at a time.
func (k *Keeper) store(tx *gorm.DB, c Connection, tokens servicetitan.Tokens, own servicetitan.OwnClient, due time.Time) error {
	sealed, err := sealCredential(k.keys, c.CompanyID, c.ID, c.Generation, tokens, own)
	if err != nil {
		return err
	}
	sealed.Environment, sealed.DueAt = c.Environment, &due
	if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&sealed).Error; err != nil {
		return fmt.Errorf("store credential: %w", err)
	}
	return nil
}

// drop deletes a connection's access. What is returned is to be revoked after
// the commit; nil if there is nothing.
func (k *Keeper) drop(tx *gorm.DB, c Connection, now time.Time) (*revocation, error) {
	old, err := k.retire(tx, c, Secret{}, now)
	if err != nil {
		return nil, err
	}
	if err := tx.Where("connection_id = ?", c.ID).Delete(&credential{}).Error; err != nil {
		return nil, fmt.Errorf("delete credential: %w", err)
	}
	return old, nil
}

// retire queues the revocation of the refresh token that is about to be deleted,
// or replaced by another. What is returned is to be revoked after the commit;
// nil if there is nothing.
func (k *Keeper) retire(tx *gorm.DB, c Connection, by Secret, now time.Time) (*revocation, error) {
	refresh, err := k.currentRefresh(tx, c)
	if err != nil || refresh.IsZero() || refresh == by {
		return nil, err
	}
	return k.queueRevocation(tx, c, refresh, now)
}

// currentRefresh returns the refresh token that is stored; zero if there is none
// that can be opened.
func (k *Keeper) currentRefresh(tx *gorm.DB, connection Connection) (Secret, error) {
	var sealed credential
	err := tx.Where("connection_id = ?", connection.ID).Take(&sealed).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Secret{}, nil
	}
	if err != nil {
		return Secret{}, fmt.Errorf("load credential: %w", err)
	}
	refresh, err := sealed.refresh(k.keys)
	if err != nil {
		k.log.Warn("old access cannot be opened to be withdrawn", "connection", connection.ID, "error", err)
		return Secret{}, nil
	}
	return refresh, nil
}
