package connect

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
)

// Disconnect ends a connection. The secrets are deleted together with the change of
// state, and ServiceTitan is then asked to withdraw the access. Disconnecting twice
// has no further effect. Disconnect returns ErrForbidden if the visitor is not an
// owner.
func (c *Connections) Disconnect(ctx context.Context, v accounts.Visitor, id uuid.UUID) error {
	if _, err := c.Get(ctx, v.CompanyID, id); err != nil {
		return err
	}
	if !v.Owns() {
		return accounts.ErrForbidden
	}
	may := func(tx *gorm.DB) error { return accounts.StillOwner(tx, v) }
	return c.End(ctx, v.Actor(), v.CompanyID, id, may, func(*gorm.DB, time.Time) error { return nil })
}

// End ends a connection. The transaction first calls may, which returns an error if
// the person may not end it. It calls also only if there is something to end.
func (c *Connections) End(ctx context.Context, by accounts.Actor, companyID, id uuid.UUID, may func(tx *gorm.DB) error, also func(tx *gorm.DB, now time.Time) error) error {
	var old keeper.Replaced
	var connection models.Connection
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		old = keeper.Replaced{} // of an earlier run
		err := may(tx)
		if err != nil {
			return err
		}
		if connection, err = models.GetConnection(database.ForUpdate(tx), companyID, id); err != nil {
			return err
		}
		if connection.State == models.Pending {
			return nil // WithdrawSetup ends it instead
		}
		if _, ok := models.NextState(connection.State, models.LetGo); !ok {
			return nil
		}
		now := c.db.Now()
		if old, err = c.keeper.Drop(tx, connection, now); err != nil {
			return err
		}
		if _, err := models.CloseSetup(tx, &connection, false, now); err != nil {
			return err
		}
		if err := endAsks(tx, companyID, tenantOf(connection), AskDisconnected, now); err != nil {
			return err
		}
		session, err := endWaiting(tx, connection.ID, SessionCanceled, now)
		if err != nil {
			return err
		}
		if connection.UsesOwnClient() {
			if err := models.AddTask(tx, models.TaskDeleteSecret, connection, now); err != nil {
				return err
			}
		}
		_, err = models.Apply(tx, &connection, models.Transition{
			What: models.LetGo, At: now, By: by, SessionID: session, With: func(tx *gorm.DB, _ models.Connection) error { return also(tx, now) },
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("disconnect: %w", err)
	}
	c.keeper.Forget(id)
	c.keeper.RevokeReplaced(ctx, old, by.SupportCode)
	return nil
}
