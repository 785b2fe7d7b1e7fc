package models

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// proven is access that works, ready to be saved.
type proven struct {
	choice  Choice
	tokens  servicetitan.Tokens
	own     servicetitan.OwnClient
	account servicetitan.Account
	// setup is the guided set-up that it ends; nil for the other ways.
	setup *Setup
	// also is written in the same transaction; nil if there is nothing.
	also func(tx *gorm.DB, connectionID uuid.UUID, now time.Time) error
}

// save makes or renews the company's connection, its sealed credential and the
// event in one transaction, and withdraws the access that is replaced. A tenant
// that another company holds is gorm.ErrDuplicatedKey. Somebody who may no
// longer act gets the error of stillAllowed.
func (c *Connections) save(ctx context.Context, v Visitor, p proven) (id uuid.UUID, err error) {
	id, old, err := c.saveProven(ctx, v, p)
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		// Another trip of this company may have made the connection this moment;
		// then it is there now.
		id, old, err = c.saveProven(ctx, v, p)
	}
	if err == nil && old != nil {
		c.keeper.revoke(ctx, old, v.SupportCode)
	}
	return id, err
}

func (c *Connections) saveProven(ctx context.Context, v Visitor, p proven) (id uuid.UUID, old *revocation, err error) {
	a, tokens := p.choice, p.tokens
	client, _ := c.clients.In(a.Environment)
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		old = nil // of an earlier run
		if err := stillAllowed(tx, v); err != nil {
			return err
		}
		now, err := c.db.sharedNow(tx)
		if err != nil {
			return err
		}
		// The same tenant of the same company is the same connection, whatever
		// state it is in: its history goes on.
		var connection Connection
		kind := EventReconnected
		err = forUpdate(tx).Where("company_id = ? AND environment = ? AND tenant_id = ?", v.CompanyID, a.Environment, a.TenantID).
			Take(&connection).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			kind = EventConnected
			connection = Connection{ID: newID(), CompanyID: v.CompanyID, Environment: a.Environment, TenantID: a.TenantID, CreatedAt: now}
		} else if err != nil {
			return err
		}
		state, ok := next(connection.State, authorized)
		if !ok {
			return errors.New("connection cannot be authorized in state " + string(connection.State))
		}
		id = connection.ID
		if a.Way == GuidedWay {
			if err := stillProven(tx, p.setup); err != nil {
				return err
			}
		}
		if kind == EventReconnected {
			if err := replaces(tx, &connection, a.Way, now); err != nil {
				return err
			}
			if connection.ConnectedAt.IsZero() {
				kind = EventConnected // it was only being set up
			}
		}
		isNew, was, since := connection.State == "", connection.State, connection.FailingSince
		connection.State = state
		connection.Reason, connection.FailingSince, connection.Failures, connection.DisconnectedAt = ReasonNone, nil, 0, nil
		connection.Way = a.Way
		connection.ConnectedByName, connection.ConnectedAt = v.Name, now
		if connection.ConnectedByID = nil; v.StaffName == "" {
			connection.ConnectedByID = &v.UserID
		}
		connection.TenantName, connection.BusinessUnits = p.account.Name, p.account.BusinessUnits
		connection.Scopes = strings.Join(client.Environment().Scopes, " ")
		connection.Generation++
		connection.ExpiresAt = tokens.ExpiresAt
		due := nextRenewal(&connection, c.keeper.options.KeepAlive, now)
		upgrade := connection.granted(tokens, client.Environment().Scopes, due, now)
		if isNew {
			if err := addConnection(tx, &connection); err != nil {
				return err
			}
		} else {
			replaced, err := c.keeper.currentRefresh(tx, connection)
			if err != nil {
				return err
			}
			if !replaced.IsZero() && replaced != tokens.Refresh {
				if old, err = c.keeper.queueRevocation(tx, connection, replaced, now); err != nil {
					return err
				}
			}
			if err := updateConnection(tx, &connection); err != nil {
				return err
			}
		}
		sealed, err := sealCredential(c.keys, v.CompanyID, connection.ID, connection.Generation, tokens, p.own)
		if err != nil {
			return err
		}
		sealed.Environment, sealed.DueAt = a.Environment, &due
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&sealed).Error; err != nil {
			return err
		}
		if err := record(tx, Event{
			CompanyID: v.CompanyID, ConnectionID: &connection.ID, Kind: kind, ActorName: v.Name, StaffName: v.StaffName,
			SupportCode: v.SupportCode, At: now,
		}); err != nil {
			return err
		}
		if was == Degraded {
			if err := endOurSide(tx, connection, now); err != nil {
				return err
			}
		}
		if was == ReconnectNeeded {
			if err := queueWorksAgain(tx, connection, since, now); err != nil {
				return err
			}
		}
		if upgrade {
			if err := recordUpgrade(tx, connection, now); err != nil {
				return err
			}
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
func replaces(tx *gorm.DB, connection *Connection, by Way, now time.Time) error {
	if _, err := closeSetup(tx, connection, by == GuidedWay, now); err != nil {
		return err
	}
	if by == SignInWay && connection.usesOwnClient() {
		return addTask(tx, TaskDeleteSecret, *connection, now)
	}
	return nil
}

func recordUpgrade(tx *gorm.DB, connection Connection, now time.Time) error {
	event := Event{CompanyID: connection.CompanyID, ConnectionID: &connection.ID, Kind: EventUpgradeNeeded, At: now}
	if err := record(tx, event); err != nil {
		return err
	}
	return queueMails(tx, connection, MailUpgradeNeeded, ReasonNone, now)
}

// granted notes what new tokens say of the connection. It reports whether they
// are the first to lack a scope that is required.
func (c *Connection) granted(tokens servicetitan.Tokens, required []string, due, now time.Time) (upgrade bool) {
	if tokens.Scopes != nil {
		c.Scopes = strings.Join(tokens.Scopes, " ")
	}
	c.RenewedAt, c.ExpiresAt, c.NextRenewalAt, c.UpdatedAt = now, tokens.ExpiresAt, &due, now
	before := c.UpgradeNeeded
	c.UpgradeNeeded = len(MissingAreas(c.ScopeList(), required)) > 0
	return c.UpgradeNeeded && !before
}
