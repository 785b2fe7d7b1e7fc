package support

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// TenantAdded records that we have added the tenant ID to our app in the
// developer portal. Said twice, it is said once.
func (d *Support) TenantAdded(ctx context.Context, staff accounts.Staff, id uuid.UUID) error {
	return d.change(ctx, staff, id, models.EventSetupTenantAdded, (*models.Setup).TenantAdded)
}

// SendBack gives a set-up back to the company, with what is in the way:
// OutcomeNotAllowed, OutcomeTenantUnknown or OutcomeTenantTaken.
func (d *Support) SendBack(ctx context.Context, staff accounts.Staff, id uuid.UUID, problem models.Outcome) error {
	return d.change(ctx, staff, id, models.EventSetupSentBack, func(s *models.Setup, now time.Time) bool { return s.SentBack(problem, now) })
}

func (d *Support) change(ctx context.Context, staff accounts.Staff, id uuid.UUID, kind models.EventKind, change func(*models.Setup, time.Time) bool) error {
	connection, err := d.connection(ctx, id)
	if err != nil {
		return err
	}
	return d.connections.ChangeSetup(ctx, visitorFor(staff, connection.CompanyID), id, kind, change)
}

func (d *Support) connection(ctx context.Context, id uuid.UUID) (models.Connection, error) {
	var connection models.Connection
	err := d.db.Read(ctx).Where("id = ?", id).Take(&connection).Error
	return connection, database.Found(err, "find connection")
}

// EnterCredentials tries the client that we made for the tenant of an open
// set-up, and connects with it if it works. How it ended is in the result; the
// error is for what could not be tried or noted, among it ErrNoSetup and
// ErrNotProven.
func (d *Support) EnterCredentials(ctx context.Context, staff accounts.Staff, id uuid.UUID, own servicetitan.OwnClient) (models.Result, error) {
	s, err := models.FindSetup(d.db.Read(ctx), id)
	if err != nil {
		return models.Result{}, err
	}
	proven, err := models.IsProven(d.db.Read(ctx), s)
	if err != nil {
		return models.Result{}, err
	}
	if !proven {
		return models.Result{}, fmt.Errorf("enter credentials: %w", models.ErrNotProven)
	}
	return d.connections.TryClient(ctx, visitorFor(staff, s.CompanyID), models.Choice{
		Environment: s.Environment, Way: models.GuidedWay, TenantID: s.TenantID, ConnectionID: id,
	}, own, &s)
}

// TaskDone ticks a task. Ticked twice, it is ticked once. One that ends by itself
// stays as it is.
func (d *Support) TaskDone(ctx context.Context, staff accounts.Staff, taskID uuid.UUID) error {
	db := d.db
	err := db.Write(ctx, func(tx *gorm.DB) error {
		var task models.StaffTask
		if err := database.ForUpdate(tx).Where("id = ?", taskID).Take(&task).Error; err != nil {
			return database.Found(err, "find task")
		}
		if task.DoneAt != nil || !task.Kind.Ticked() {
			return nil
		}
		now := db.Now()
		if err := tx.Model(&task).Updates(map[string]any{"done_at": now, "done_by_name": staff.Name}).Error; err != nil {
			return err
		}
		return models.Record(tx, eventBy(staff, models.Connection{ID: task.ConnectionID, CompanyID: task.CompanyID}, models.TasksDone[task.Kind], now))
	})
	if err != nil {
		return fmt.Errorf("tick task: %w", err)
	}
	return nil
}
