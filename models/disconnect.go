package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// Disconnect ends a connection by an owner's wish: the secrets are deleted with
// the change of state, and ServiceTitan is asked to withdraw the access. What
// is disconnected already stays so.
func (c *Connections) Disconnect(ctx context.Context, v Visitor, id uuid.UUID) error {
	if _, err := c.Get(ctx, v.CompanyID, id); err != nil {
		return err
	}
	if !v.Owns() {
		return ErrForbidden
	}
	may := func(tx *gorm.DB) error { return stillOwner(tx, v) }
	return c.disconnect(ctx, v, id, may, func(*gorm.DB, time.Time) error { return nil })
}

// disconnect ends a connection for whoever may, which the transaction asks
// first; also is written in the same transaction, if there is anything to end.
func (c *Connections) disconnect(ctx context.Context, v Visitor, id uuid.UUID, may func(tx *gorm.DB) error, also func(tx *gorm.DB, now time.Time) error) error {
	var old *revocation
	var connection Connection
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		old = nil // of an earlier run
		err := may(tx)
		if err != nil {
			return err
		}
		if connection, err = getConnection(forUpdate(tx), v.CompanyID, id); err != nil {
			return err
		}
		if connection.State == Pending {
			return nil // that is withdrawn, not disconnected
		}
		to, ok := next(connection.State, letGo)
		if !ok {
			return nil
		}
		refresh, err := c.keeper.currentRefresh(tx, connection)
		if err != nil {
			return err
		}
		now := c.db.Now()
		if !refresh.IsZero() {
			if old, err = c.keeper.queueRevocation(tx, connection, refresh, now); err != nil {
				return err
			}
		}
		if err := tx.Where("connection_id = ?", id).Delete(&credential{}).Error; err != nil {
			return err
		}
		if _, err := closeSetup(tx, &connection, false, now); err != nil {
			return err
		}
		if connection.usesOwnClient() {
			if err := addTask(tx, TaskDeleteSecret, connection, now); err != nil {
				return err
			}
		}
		if connection.State == Degraded {
			if err := endOurSide(tx, connection, now); err != nil {
				return err
			}
		}
		connection.State, connection.Reason, connection.FailingSince, connection.NextRenewalAt = to, ReasonNone, nil, nil
		connection.DisconnectedAt, connection.UpdatedAt = &now, now
		if err := updateConnection(tx, &connection); err != nil {
			return err
		}
		if err := also(tx, now); err != nil {
			return err
		}
		return record(tx, Event{
			CompanyID: v.CompanyID, ConnectionID: &id, Kind: EventDisconnected, ActorName: v.Name, StaffName: v.StaffName,
			SupportCode: v.SupportCode, At: now,
		})
	})
	if err != nil {
		return fmt.Errorf("disconnect: %w", err)
	}
	c.keeper.cache.drop(id)
	if old != nil {
		c.keeper.revoke(ctx, old, v.SupportCode)
	}
	return nil
}
