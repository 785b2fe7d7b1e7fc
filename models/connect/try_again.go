package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// TryAgain asks ServiceTitan whether it accepts a connection again that it has refused,
// because somebody has allowed the app there. It uses the client ID and secret that are
// stored. If they work, the connection is connected again; if not, the page shows a test
// that did not pass. Nothing happens to a connection for which this cannot help, or that
// works already. The error, such as a ThrottledError, says that it could not be tried.
func (c *Connections) TryAgain(ctx context.Context, v accounts.Visitor, id uuid.UUID) error {
	connection, err := c.Get(ctx, v.CompanyID, id)
	if err != nil || !connection.MayWorkAgain() {
		return err
	}
	client, ok := c.clients.In(connection.Environment)
	if !ok {
		return &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error { return takeTest(tx, connection, c.db.Now()) })
	if err != nil {
		return fmt.Errorf("try again: %w", err)
	}
	stored, err := c.keeper.ClientOf(c.db.Read(ctx), connection)
	if err != nil {
		return fmt.Errorf("try again: %w", err)
	}
	r := retried{by: v.Actor(), connection: connection, stored: stored}
	began := time.Now()
	if r.tokens, err = c.keeper.AskWith(ctx, client, stored); err == nil {
		r.account, err = c.checker.AskWith(ctx, connection, r.tokens.Access)
	}
	r.took = time.Since(began)
	if err != nil {
		return c.stillRefused(ctx, r, err)
	}
	return c.worksAgain(ctx, r, client.Environment().Scopes)
}

// retried is a connection that is tried again.
type retried struct {
	by         accounts.Actor
	connection models.Connection
	stored     keeper.StoredClient
	tokens     servicetitan.Tokens
	account    servicetitan.Account
	took       time.Duration
}

// same reports whether the connection is still as it was when it was tried.
func (r retried) same(now models.Connection) bool {
	return now.Generation == r.connection.Generation && now.MayWorkAgain()
}

// worksAgain saves new access of a connection that ServiceTitan accepts again.
func (c *Connections) worksAgain(ctx context.Context, r retried, scopes []string) error {
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		if err := accounts.StillAllowed(tx, r.by, r.connection.CompanyID); err != nil {
			return err
		}
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		connection, err := models.GetConnection(database.ForUpdate(tx), r.connection.CompanyID, r.connection.ID)
		if err != nil || !r.same(connection) {
			return err
		}
		if err := replace(tx, &connection, connection.Way, now); err != nil {
			return err
		}
		var due time.Time
		_, err = models.Apply(tx, &connection, models.Transition{
			What: models.Authorized, At: now, By: r.by,
			Edit: func(o *models.Connection) {
				o.TenantName, o.BusinessUnits = cmp.Or(r.account.Name, o.TenantName), r.account.BusinessUnits
				o.TestedAt, o.TestPassed, o.TestMillis = &now, true, r.took.Milliseconds()
				due = c.give(o, r.tokens, scopes, now)
			},
			With: func(tx *gorm.DB, o models.Connection) error {
				if err := c.keeper.StoreWith(tx, o, r.tokens, r.stored, due); err != nil {
					return err
				}
				return c.checker.Schedule(tx, o, now)
			},
		})
		if err != nil {
			return err
		}
		if err := endAsks(tx, connection.CompanyID, tenantOf(connection), AskConnected, now); err != nil {
			return err
		}
		_, err = endWaiting(tx, connection.ID, SessionConnected, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("save access that works again: %w", err)
	}
	return nil
}

// stillRefused records that a connection does not work yet, and why. The reason may be
// another one by now, for which something else helps.
func (c *Connections) stillRefused(ctx context.Context, r retried, cause error) error {
	reason := ReasonOf(cause)
	verdict := models.VerdictOf(cause, true)
	if verdict.Permanent {
		reason = verdict.Reason
	}
	if reason == models.ReasonNone {
		return fmt.Errorf("try again: %w", cause)
	}
	c.log.InfoContext(ctx, "connection is still refused", "connection", r.connection.ID, "reason", reason, "support_code", r.by.SupportCode, "error", cause)
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		now := c.db.Now()
		connection, err := models.GetConnection(database.ForUpdate(tx), r.connection.CompanyID, r.connection.ID)
		if err != nil || !r.same(connection) {
			return err
		}
		tested := map[string]any{"tested_at": now, "test_passed": false, "test_millis": r.took.Milliseconds()}
		if verdict.Permanent && reason != connection.Reason {
			tested["reason"], tested["updated_at"] = reason, now
		}
		return errors.Join(
			tx.Model(&models.Connection{}).Where("id = ?", connection.ID).Updates(tested).Error,
			models.RecordSeries(tx, models.Event{
				CompanyID: connection.CompanyID, ConnectionID: &connection.ID, Kind: models.EventTestFailed, ActorName: r.by.Name, Reason: reason,
				Millis: r.took.Milliseconds(), SupportCode: r.by.SupportCode, At: now,
			}),
		)
	})
	if err != nil {
		return fmt.Errorf("record that the connection is still refused: %w", err)
	}
	return nil
}
