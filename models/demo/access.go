package demo

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// giveAccess tells the sandbox about all connections, and gives new access to those
// that have access. A connection that the sandbox refuses stays without access, and its
// page says so as soon as it is used.
func (d *Demo) giveAccess(ctx context.Context, way *steps) error {
	db := d.db
	var list []models.Connection
	if err := db.Read(ctx).Where("environment = ? AND state <> ?", d.options.Environment, models.Disconnected).Order("id").Find(&list).Error; err != nil {
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
		if connection.State == models.Degraded && connection.FailingSince != nil && connection.FailingSince.After(begun) {
			reason = models.ReasonNone // a visitor's trouble, which ended with the sandbox that made it
		}
		tokens, own, err := d.options.Access(StandingAccess{
			TenantID: connection.TenantID, Way: connection.Way, State: connection.State, Reason: reason,
			UpgradeNeeded: connection.UpgradeNeeded, Step: open[connection.ID],
		})
		if err != nil {
			d.log.WarnContext(ctx, "the sandbox does not accept a connection", "connection", connection.ID, "tenant", connection.TenantID, "error", err)
		} else if !tokens.Access.IsZero() {
			if err := d.keeper.StoreSample(ctx, connection, tokens, own, d.options.Scopes); err != nil && !database.Gone(err) {
				return fmt.Errorf("give access to tenant %d: %w", connection.TenantID, err)
			}
		}
		way.step()
	}
	return nil
}

// openSteps returns the steps of the setups that are under way, by connection.
func openSteps(db *gorm.DB) (map[uuid.UUID]models.SetupStep, error) {
	var open []models.Setup
	if err := db.Where("closed_at IS NULL").Find(&open).Error; err != nil {
		return nil, fmt.Errorf("list setups: %w", err)
	}
	steps := map[uuid.UUID]models.SetupStep{}
	for _, s := range open {
		steps[s.ConnectionID] = s.Step
	}
	return steps, nil
}
