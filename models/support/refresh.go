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

// refreshes limits how often our staff can renew one connection.
var refreshes = accounts.Limit{Name: "staff-refresh", Tries: 10, Per: time.Minute}

// refreshLimit is the most time that renewing a connection for staff and recording
// the result may take.
const refreshLimit = 40 * time.Second

// Refresh renews a connection's access now, even if the next attempt is due later,
// and records the result. It returns an error only if it could not attempt or record
// the renewal: ErrNotConnected or ErrReconnectNeeded if a renewal cannot help, or a
// ThrottledError. A renewal that fails is not an error.
func (s *Support) Refresh(ctx context.Context, staff accounts.Staff, id uuid.UUID) error {
	connection, err := s.connection(ctx, id)
	if err != nil {
		return err
	}
	if connection.State == models.ReconnectNeeded {
		return &models.ReasonError{Reason: connection.Reason, Err: models.ErrReconnectNeeded}
	}
	if !connection.Refreshable() {
		return &models.ReasonError{Err: models.ErrNotConnected}
	}
	if err := s.db.Write(ctx, func(tx *gorm.DB) error { return refreshes.Take(tx, id.String(), s.db.Now()) }); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	// The renewal is completed and recorded even if the browser disconnects.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshLimit)
	defer cancel()
	began := time.Now()
	_, err = s.keeper.Renewed(ctx, connection.CompanyID, id, connection.Generation)
	took := time.Since(began)
	reason := connect.ReasonOf(err)
	if err != nil && reason == models.ReasonNone {
		return fmt.Errorf("refresh: %w", err)
	}
	event := eventBy(staff, connection, models.EventRefreshed, s.db.Now())
	if event.Millis = took.Milliseconds(); reason != models.ReasonNone {
		event.Kind, event.Reason = models.EventRefreshFailed, reason
	}
	if err := s.db.Write(ctx, func(tx *gorm.DB) error { return models.RecordSeries(tx, event) }); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	return nil
}

// LinkGiven records that staff gave somebody the URL of the connection's page.
func (s *Support) LinkGiven(ctx context.Context, staff accounts.Staff, id uuid.UUID) error {
	connection, err := s.connection(ctx, id)
	if err != nil {
		return err
	}
	db := s.db
	err = db.Write(ctx, func(tx *gorm.DB) error {
		return models.RecordSeries(tx, eventBy(staff, connection, models.EventLinkGiven, db.Now()))
	})
	if err != nil {
		return fmt.Errorf("record link: %w", err)
	}
	return nil
}
