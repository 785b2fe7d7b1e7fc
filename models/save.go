package models

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// save makes or renews the connection, its sealed credential, the event and
// the trip's end in one transaction. It returns the refresh token that the new
// one replaces. A tenant that another company holds is gorm.ErrDuplicatedKey.
func (c *Connections) save(ctx context.Context, v Visitor, a authorization, tokens servicetitan.Tokens, account servicetitan.Account) (Result, Secret, error) {
	client, _ := c.clients.In(a.Environment)
	var result Result
	var old Secret
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := c.db.sharedNow(tx)
		if err != nil {
			return err
		}
		// The same tenant of the same company is the same connection, whatever
		// state it is in: its history goes on.
		var connection Connection
		kind := EventReconnected
		err = forUpdate(tx).Where("company_id = ? AND environment = ? AND tenant_id = ?", a.CompanyID, a.Environment, a.TenantID).
			Take(&connection).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			kind = EventConnected
			connection = Connection{ID: newID(), CompanyID: a.CompanyID, Environment: a.Environment, TenantID: a.TenantID, CreatedAt: now}
		} else if err != nil {
			return err
		}
		state, ok := next(connection.State, authorized)
		if !ok {
			return errors.New("connection cannot be authorized in state " + string(connection.State))
		}
		connection.State = state
		connection.Reason, connection.FailingSince, connection.DisconnectedAt = ReasonNone, nil, nil
		connection.Way = a.Way
		connection.ConnectedByName, connection.ConnectedAt = v.Name, now
		connection.TenantName, connection.BusinessUnits = account.Name, account.BusinessUnits
		connection.Scopes = strings.Join(client.Environment().Scopes, " ")
		connection.Generation++
		connection.granted(tokens, now)
		if kind == EventConnected {
			err = tx.Create(&connection).Error
		} else {
			if old, err = c.keeper.currentRefresh(tx, connection); err != nil {
				return err
			}
			err = tx.Select("*").Updates(&connection).Error
		}
		if err != nil {
			return err
		}
		sealed, err := sealCredential(c.keys, a.CompanyID, connection.ID, connection.Generation, tokens)
		if err != nil {
			return err
		}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&sealed).Error; err != nil {
			return err
		}
		if err := record(tx, Event{
			CompanyID: a.CompanyID, ConnectionID: &connection.ID, Kind: kind, ActorName: v.Name,
			SupportCode: v.SupportCode, At: now,
		}); err != nil {
			return err
		}
		a.FinishedAt, a.Outcome, a.ConnectionID = &now, OutcomeConnected, &connection.ID
		result = a.result()
		return tx.Model(&a).Select("FinishedAt", "Outcome", "ConnectionID").Updates(&a).Error
	})
	return result, old, err
}

// granted notes what new tokens say of the connection.
func (c *Connection) granted(tokens servicetitan.Tokens, now time.Time) {
	if tokens.Scopes != nil {
		c.Scopes = strings.Join(tokens.Scopes, " ")
	}
	renew := tokens.ExpiresAt.Add(-freshFor)
	c.RenewedAt, c.ExpiresAt, c.NextRenewalAt, c.UpdatedAt = now, tokens.ExpiresAt, &renew, now
}

// forUpdate locks the row that is read, where the database has many writers.
func forUpdate(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: "UPDATE"}) }
