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

// grantedAccess is access that the check call has shown to work.
type grantedAccess struct {
	Choice  models.Choice
	Tokens  servicetitan.Tokens
	own     servicetitan.OwnClient
	account servicetitan.Account
	// setup is the guided setup that the access completes; nil for the other ways.
	setup *models.Setup
	// guest is the person without an account who connects; nil if a member or staff
	// connect.
	guest guest
	// also writes other rows in the same transaction; nil if there are none.
	also func(tx *gorm.DB, connectionID uuid.UUID, now time.Time) error
}

// save saves the company's connection, its encrypted credential, and the event in
// one transaction, and then withdraws the access that was replaced. It returns
// gorm.ErrDuplicatedKey if another company has the tenant connected, and an error of
// accounts.StillAllowed if the actor may no longer connect.
func (c *Connections) save(ctx context.Context, by accounts.Actor, companyID uuid.UUID, granted grantedAccess) (id uuid.UUID, err error) {
	id, old, err := c.saveOnce(ctx, by, companyID, granted)
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		// Another authorization of this company may have just made the connection. The
		// second attempt then finds it.
		id, old, err = c.saveOnce(ctx, by, companyID, granted)
	}
	if err == nil {
		c.keeper.RevokeReplaced(ctx, old, by.SupportCode)
	}
	return id, err
}

func (c *Connections) saveOnce(ctx context.Context, by accounts.Actor, companyID uuid.UUID, granted grantedAccess) (id uuid.UUID, old keeper.Replaced, err error) {
	choice, tokens := granted.Choice, granted.Tokens
	client, _ := c.clients.In(choice.Environment)
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		old = keeper.Replaced{} // of an earlier run
		if err := c.stillMay(tx, attempt{by: by, companyID: companyID, guest: granted.guest}); err != nil {
			return err
		}
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		// A company has one connection per tenant and environment, in whatever state.
		// Its history continues.
		connection := models.Connection{ID: database.NewID(), CompanyID: companyID, Environment: choice.Environment, TenantID: choice.TenantID, CreatedAt: now}
		var there uuid.UUID
		err = database.QueryRow(tx, "SELECT id FROM connections WHERE company_id = $1 AND environment = $2 AND tenant_id = $3",
			[]any{companyID, choice.Environment, choice.TenantID}, &there)
		isNew := errors.Is(err, database.ErrNotFound)
		if err == nil {
			connection, err = models.GetConnection(database.ForUpdate(tx), companyID, there)
		}
		if err != nil && !isNew {
			return err
		}
		id = connection.ID
		if choice.Way == models.GuidedWay {
			if err := models.StillProven(tx, granted.setup); err != nil {
				return err
			}
		}
		if !isNew {
			if err := replace(tx, &connection, choice.Way, now); err != nil {
				return err
			}
			if old, err = c.keeper.Retire(tx, connection, tokens.Refresh, now); err != nil {
				return err
			}
		}
		session := sessionOf(granted.guest)
		if granted.setup != nil {
			if session, err = waitingFor(tx, id); err != nil {
				return err
			}
		}
		var due time.Time
		happened, err := models.Apply(tx, &connection, models.Transition{
			What: models.Authorized, At: now, By: by, SessionID: session,
			Edit: func(o *models.Connection) {
				o.Way, o.ConnectedByName, o.ConnectedAt = choice.Way, by.Name, now
				if o.ConnectedByID = nil; by.StaffName == "" && by.UserID != uuid.Nil {
					o.ConnectedByID = &by.UserID
				}
				o.TenantName, o.BusinessUnits = granted.account.Name, granted.account.BusinessUnits
				o.Scopes = strings.Join(client.Environment().Scopes, " ")
				o.SecretAt = nil
				if !granted.own.IsZero() {
					o.SecretAt = &now
				}
				if choice.Way == models.SignInWay { // a task asks to delete the client's secret
					o.OldSecret, o.SecretReminderAt = models.NoSecret, nil
				}
				due = c.give(o, tokens, client.Environment().Scopes, now)
			},
			With: func(tx *gorm.DB, o models.Connection) error {
				if err := c.keeper.Store(tx, o, tokens, granted.own, due); err != nil {
					return err
				}
				return c.checker.Schedule(tx, o, now)
			},
		})
		if err == nil && !happened {
			err = errors.New("connection cannot be authorized in state " + string(connection.State))
		}
		if err != nil {
			return err
		}
		if granted.also != nil {
			if err := granted.also(tx, id, now); err != nil {
				return err
			}
		}
		if granted.guest != nil {
			if err := granted.guest.use(tx, by, id, now); err != nil {
				return err
			}
		}
		if err := endAsks(tx, companyID, choice, AskConnected, now); err != nil {
			return err
		}
		if isNew { // no session waits for its setup
			return nil
		}
		_, err = endWaiting(tx, id, SessionConnected, now)
		return err
	})
	return id, old, err
}

// replace handles what new access by a way leaves behind: it closes an open setup,
// and asks staff to delete the secret of a client that is no longer used.
func replace(tx *gorm.DB, connection *models.Connection, by models.Way, now time.Time) error {
	if _, err := models.CloseSetup(tx, connection, by == models.GuidedWay, now); err != nil {
		return err
	}
	if by == models.SignInWay && connection.UsesOwnClient() {
		return models.AddTask(tx, models.TaskDeleteSecret, *connection, now)
	}
	return nil
}

// give gives a connection new access, with which the check call has worked. It returns when
// the access is to be renewed. Required are the scopes that we need.
func (c *Connections) give(o *models.Connection, tokens servicetitan.Tokens, required []string, now time.Time) (due time.Time) {
	o.UpgradeNeeded = false // no check has found anything about this access yet
	o.Generation++
	o.ExpiresAt = tokens.ExpiresAt
	due = c.keeper.DueFrom(o, now)
	o.Granted(tokens, required, due, now)
	return due
}
