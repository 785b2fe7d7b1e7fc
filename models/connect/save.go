package connect

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// grantedAccess is access that works, ready to be saved.
type grantedAccess struct {
	Choice  models.Choice
	Tokens  servicetitan.Tokens
	own     servicetitan.OwnClient
	account servicetitan.Account
	// setup is the guided set-up that it ends; nil for the other ways.
	setup *models.Setup
	// also is written in the same transaction; nil if there is nothing.
	also func(tx *gorm.DB, connectionID uuid.UUID, now time.Time) error
}

// save makes or renews the company's connection, its sealed credential and the
// event in one transaction, and withdraws the access that is replaced. A tenant
// that another company holds is gorm.ErrDuplicatedKey. Somebody who may no
// longer act gets the error of stillAllowed.
func (c *Connections) save(ctx context.Context, v accounts.Visitor, p grantedAccess) (id uuid.UUID, err error) {
	id, old, err := c.saveGranted(ctx, v, p)
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		// Another trip of this company may have made the connection this moment;
		// then it is there now.
		id, old, err = c.saveGranted(ctx, v, p)
	}
	if err == nil {
		c.keeper.RevokeReplaced(ctx, old, v.SupportCode)
	}
	return id, err
}

func (c *Connections) saveGranted(ctx context.Context, v accounts.Visitor, p grantedAccess) (id uuid.UUID, old keeper.Replaced, err error) {
	a, tokens := p.Choice, p.Tokens
	client, _ := c.clients.In(a.Environment)
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		old = keeper.Replaced{} // of an earlier run
		if err := accounts.StillAllowed(tx, v); err != nil {
			return err
		}
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		// The same tenant of the same company is the same connection, whatever
		// state it is in: its history goes on.
		var connection models.Connection
		err = database.ForUpdate(tx).Where("company_id = ? AND environment = ? AND tenant_id = ?", v.CompanyID, a.Environment, a.TenantID).
			Take(&connection).Error
		isNew := errors.Is(err, gorm.ErrRecordNotFound)
		if isNew {
			connection = models.Connection{ID: database.NewID(), CompanyID: v.CompanyID, Environment: a.Environment, TenantID: a.TenantID, CreatedAt: now}
		} else if err != nil {
			return err
		}
		id = connection.ID
		if a.Way == models.GuidedWay {
			if err := models.StillProven(tx, p.setup); err != nil {
				return err
			}
		}
		if !isNew {
			if err := replaces(tx, &connection, a.Way, now); err != nil {
				return err
			}
			if old, err = c.keeper.Retire(tx, connection, tokens.Refresh, now); err != nil {
				return err
			}
		}
		var due time.Time
		happened, err := models.Apply(tx, &connection, models.Transition{
			What: models.Authorized, At: now, By: v,
			Edit: func(o *models.Connection) {
				o.Way, o.ConnectedByName, o.ConnectedAt = a.Way, v.Name, now
				if o.ConnectedByID = nil; v.StaffName == "" {
					o.ConnectedByID = &v.UserID
				}
				o.TenantName, o.BusinessUnits = p.account.Name, p.account.BusinessUnits
				o.Scopes = strings.Join(client.Environment().Scopes, " ")
				o.Generation++
				o.ExpiresAt = tokens.ExpiresAt
				due = c.keeper.DueFrom(o, now)
				o.Granted(tokens, client.Environment().Scopes, due, now)
			},
			With: func(tx *gorm.DB, o models.Connection) error { return c.keeper.Store(tx, o, tokens, p.own, due) },
		})
		if err == nil && !happened {
			err = errors.New("connection cannot be authorized in state " + string(connection.State))
		}
		if err != nil {
			return err
		}
		if p.also == nil {
			return nil
		}
		return p.also(tx, id, now)
	})
	return id, old, err
}

// replaces settles what a new access leaves behind: a set-up that it ends, and
// a client that is no longer used.
func replaces(tx *gorm.DB, connection *models.Connection, by models.Way, now time.Time) error {
	if _, err := models.CloseSetup(tx, connection, by == models.GuidedWay, now); err != nil {
		return err
	}
	if by == models.SignInWay && connection.UsesOwnClient() {
		return models.AddTask(tx, models.TaskDeleteSecret, *connection, now)
	}
	return nil
}
