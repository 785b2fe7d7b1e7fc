package support

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
)

// refreshes bounds how often our staff renew one connection.
var refreshes = accounts.Limit{Name: "staff-refresh", Tries: 10, Per: time.Minute}

// refreshLimit bounds a renewal that staff wait for, and its record.
const refreshLimit = 40 * time.Second

// Refresh renews a connection's access now, although its next try may be later,
// and records what came of it. Its error is only for what could not be tried or
// recorded: ErrNotConnected and ErrReconnectNeeded where it cannot help, or a
// ThrottledError.
func (d *Support) Refresh(ctx context.Context, staff accounts.Staff, id uuid.UUID) error {
	connection, err := d.connection(ctx, id)
	if err != nil {
		return err
	}
	if connection.State == models.ReconnectNeeded {
		return &models.ReasonError{Reason: connection.Reason, Err: models.ErrReconnectNeeded}
	}
	if !connection.Refreshable() {
		return &models.ReasonError{Err: models.ErrNotConnected}
	}
	if err := d.db.Write(ctx, func(tx *gorm.DB) error { return refreshes.Take(tx, id.String(), d.db.Now()) }); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	// It goes to its end and is recorded even if who asked goes away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshLimit)
	defer cancel()
	began := time.Now()
	_, err = d.keeper.Renewed(ctx, connection.CompanyID, id, connection.Generation)
	took := time.Since(began)
	reason := connect.ReasonOf(err)
	if err != nil && reason == models.ReasonNone {
		return fmt.Errorf("refresh: %w", err)
	}
	event := eventBy(staff, connection, models.EventRefreshed, d.db.Now())
	if event.Millis = took.Milliseconds(); reason != models.ReasonNone {
		event.Kind, event.Reason = models.EventRefreshFailed, reason
	}
	if err := d.db.Write(ctx, func(tx *gorm.DB) error { return models.RecordSeries(tx, event) }); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	return nil
}

// LinkGiven records that staff gave out the address of the connection's page.
func (d *Support) LinkGiven(ctx context.Context, staff accounts.Staff, id uuid.UUID) error {
	connection, err := d.connection(ctx, id)
	if err != nil {
		return err
	}
	db := d.db
	err = db.Write(ctx, func(tx *gorm.DB) error {
		return models.RecordSeries(tx, eventBy(staff, connection, models.EventLinkGiven, db.Now()))
	})
	if err != nil {
		return fmt.Errorf("record link: %w", err)
	}
	return nil
}
