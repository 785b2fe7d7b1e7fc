package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// giveAccess lets the stand-in know all connections as they are, and gives
// those that have access theirs anew. One that the stand-in does not take stays
// without, and says so on its page as soon as it is used.
func (d *Demo) giveAccess(ctx context.Context, way *steps) error {
	db := d.connections.db
	var list []Connection
	if err := db.Read(ctx).Where("environment = ? AND state <> ?", d.options.Environment, Disconnected).Order("id").Find(&list).Error; err != nil {
		return fmt.Errorf("list connections: %w", err)
	}
	open, err := openSteps(db.Read(ctx))
	if err != nil {
		return err
	}
	begun, err := d.Begun(ctx)
	if err != nil {
		return err
	}
	way.all = way.done + len(list)
	for _, connection := range list {
		reason := connection.Reason
		if connection.State == Degraded && connection.FailingSince != nil && connection.FailingSince.After(begun) {
			reason = ReasonNone // a guest's trouble, which passed with the stand-in that made it
		}
		tokens, own, err := d.options.Access(StandingAccess{
			TenantID: connection.TenantID, Way: connection.Way, State: connection.State, Reason: reason,
			UpgradeNeeded: connection.UpgradeNeeded, Step: open[connection.ID],
		})
		if err != nil {
			d.connections.log.WarnContext(ctx, "the stand-in does not take a connection", "connection", connection.ID, "tenant", connection.TenantID, "error", err)
		} else if !tokens.Access.IsZero() {
			if err := d.keep(ctx, connection, tokens, own); err != nil && !Gone(err) {
				return fmt.Errorf("give access to tenant %d: %w", connection.TenantID, err)
			}
		}
		way.step()
	}
	return nil
}

// openSteps are what the set-ups that are under way are at, by connection.
func openSteps(db *gorm.DB) (map[uuid.UUID]SetupStep, error) {
	var open []Setup
	if err := db.Where("closed_at IS NULL").Find(&open).Error; err != nil {
		return nil, fmt.Errorf("list set-ups: %w", err)
	}
	steps := map[uuid.UUID]SetupStep{}
	for _, s := range open {
		steps[s.ConnectionID] = s.Step
	}
	return steps, nil
}

// keep seals the access of a connection. One that is retrying has had none since
// its trouble began, and one that must be reconnected has what was refused.
func (d *Demo) keep(ctx context.Context, connection Connection, tokens servicetitan.Tokens, own servicetitan.OwnClient) error {
	db := d.connections.db
	return db.Write(ctx, func(tx *gorm.DB) error {
		now, err := db.sharedNow(tx)
		if err != nil {
			return err
		}
		connection, err := getConnection(forUpdate(tx), connection.CompanyID, connection.ID)
		if err != nil {
			return err
		}
		connection.Generation++
		var due *time.Time
		switch connection.State {
		case Connected:
			connection.ExpiresAt = tokens.ExpiresAt
			at := nextRenewal(&connection, d.connections.keeper.options.KeepAlive, now)
			due = &at
			connection.granted(tokens, d.options.Scopes, at, now)
		case Degraded:
			at := now.Add(firstRetry + retry.Spread(longestWait(connection.Failures)))
			due, connection.NextRenewalAt = &at, &at
		}
		if err := tx.Select(renewalColumns).Updates(&connection).Error; err != nil {
			return err
		}
		tokens := tokens
		tokens.ExpiresAt = connection.ExpiresAt
		generation := connection.Generation
		if connection.Reason == ReasonSealBroken {
			generation-- // sealed for another place, it does not open
		}
		sealed, err := sealCredential(d.connections.keys, connection.CompanyID, connection.ID, generation, tokens, own)
		if err != nil {
			return err
		}
		sealed.Generation, sealed.Environment, sealed.DueAt = connection.Generation, connection.Environment, due
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&sealed).Error
	})
}
