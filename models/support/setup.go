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

// TenantAdded records that staff added the tenant ID to our app in the developer
// portal. Recording it twice has no further effect.
func (s *Support) TenantAdded(ctx context.Context, staff accounts.Staff, id uuid.UUID) error {
	return s.change(ctx, staff, id, models.EventSetupTenantAdded, (*models.Setup).TenantAdded)
}

// SendBack sends a setup back to the company because of a problem:
// OutcomeNotAllowed, OutcomeTenantUnknown, or OutcomeTenantTaken.
func (s *Support) SendBack(ctx context.Context, staff accounts.Staff, id uuid.UUID, problem models.Outcome) error {
	return s.change(ctx, staff, id, models.EventSetupSentBack, func(setup *models.Setup, now time.Time) bool { return setup.SentBack(problem, now) })
}

func (s *Support) change(ctx context.Context, staff accounts.Staff, id uuid.UUID, kind models.EventKind, change func(*models.Setup, time.Time) bool) error {
	connection, err := s.connection(ctx, id)
	if err != nil {
		return err
	}
	return s.connections.ChangeSetup(ctx, actor(staff), connection.CompanyID, id, kind, change)
}

// EnterCredentials checks the client that staff created for the tenant of an open
// setup, and connects with it if it works. The result says how the attempt ended. The
// error, such as ErrNoSetup or ErrNotProven, says that the attempt could not be made
// or recorded.
func (s *Support) EnterCredentials(ctx context.Context, staff accounts.Staff, id uuid.UUID, own servicetitan.OwnClient) (models.Result, error) {
	setup, err := models.FindSetup(s.db.Read(ctx), id)
	if err != nil {
		return models.Result{}, err
	}
	proven, err := models.IsProven(s.db.Read(ctx), setup)
	if err != nil {
		return models.Result{}, err
	}
	if !proven {
		return models.Result{}, fmt.Errorf("enter credentials: %w", models.ErrNotProven)
	}
	return s.connections.TryClient(ctx, actor(staff), setup, own)
}

// TaskDone marks a task as done and returns it. Marking it twice has no further effect. A task that
// closes itself stays open.
func (s *Support) TaskDone(ctx context.Context, staff accounts.Staff, taskID uuid.UUID) (models.StaffTask, error) {
	db := s.db
	var task models.StaffTask
	err := db.Write(ctx, func(tx *gorm.DB) error {
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
		if task.Kind == models.TaskDeleteSecret {
			if err := models.ForgetOldSecret(tx, task.ConnectionID); err != nil {
				return err
			}
		}
		return models.Record(tx, eventBy(staff, models.Connection{ID: task.ConnectionID, CompanyID: task.CompanyID}, models.TasksDone[task.Kind], now))
	})
	if err != nil {
		return task, fmt.Errorf("mark task as done: %w", err)
	}
	return task, nil
}
