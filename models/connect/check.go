package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// testsOfConnection and testsOfCompany limit how often people can test, because
// tests and renewals share ServiceTitan's rate limit.
var (
	testsOfConnection = accounts.Limit{Name: "tests", Tries: 5, Per: time.Minute}
	testsOfCompany    = accounts.Limit{Name: "company-tests", Tries: 10, Per: time.Minute}
)

// takeTest counts a test against both limits.
func takeTest(tx *gorm.DB, connection models.Connection, now time.Time) error {
	if err := testsOfConnection.Take(tx, connection.ID.String(), now); err != nil {
		return err
	}
	return testsOfCompany.Take(tx, connection.CompanyID.String(), now)
}

// Test asks ServiceTitan whether the connection works and records the result on the
// connection. It returns an error, such as a ThrottledError, only if it could not
// ask or record; a test that fails is not an error.
func (c *Connections) Test(ctx context.Context, v accounts.Visitor, id uuid.UUID) error {
	connection, err := c.Get(ctx, v.CompanyID, id)
	if err != nil {
		return err
	}
	return c.test(ctx, v.Actor(), connection)
}

// test tests a connection for a person or a back end.
func (c *Connections) test(ctx context.Context, by accounts.Actor, connection models.Connection) error {
	if connection.State == models.Disconnected || connection.State == models.Pending {
		return &models.ReasonError{Err: models.ErrNotConnected}
	}
	if _, ok := c.clients.In(connection.Environment); !ok {
		return &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
	}
	id, companyID := connection.ID, connection.CompanyID
	err := c.db.Write(ctx, func(tx *gorm.DB) error { return takeTest(tx, connection, c.db.Now()) })
	if err != nil {
		return fmt.Errorf("test connection: %w", err)
	}
	began := time.Now()
	account, err := c.checker.Ask(ctx, connection)
	took := time.Since(began)

	reason := models.ReasonNone
	if err != nil {
		if reason = ReasonOf(err); reason == models.ReasonNone {
			return fmt.Errorf("test connection: %w", err)
		}
		c.log.InfoContext(ctx, "test failed", "connection", id, "reason", reason, "support_code", by.SupportCode, "error", err)
	}
	err = c.db.Write(ctx, func(tx *gorm.DB) error {
		now := c.db.Now()
		tested := map[string]any{"tested_at": now, "test_passed": reason == models.ReasonNone, "test_millis": took.Milliseconds()}
		event := models.Event{Kind: models.EventTestFailed, Reason: reason}
		if reason == models.ReasonNone {
			event.Kind = models.EventTestPassed
			if err := c.checker.NoteAnswer(tx, connection, now); err != nil {
				return err
			}
			tested["business_units"] = account.BusinessUnits
			if account.Name != "" && account.Name != connection.TenantName {
				tested["tenant_name"], tested["updated_at"] = account.Name, now
			}
		}
		if err := tx.Model(&models.Connection{}).Where("id = ? AND company_id = ?", id, companyID).Updates(tested).Error; err != nil {
			return err
		}
		event.CompanyID, event.ConnectionID, event.ActorName = companyID, &id, by.Name
		event.Millis, event.SupportCode, event.At = took.Milliseconds(), by.SupportCode, now
		return models.RecordSeries(tx, event)
	})
	if err != nil {
		return fmt.Errorf("record test: %w", err)
	}
	return nil
}

// ReasonOf returns the reason of an error from ServiceTitan, or ReasonNone for any
// other error.
func ReasonOf(err error) models.Reason {
	if e, ok := errors.AsType[*models.ReasonError](err); ok {
		return e.Reason
	}
	if _, ok := errors.AsType[*servicetitan.Error](err); !ok {
		return models.ReasonNone
	}
	if v := models.VerdictOf(err, false); !v.Permanent {
		return v.Reason
	}
	return models.ReasonUnavailable // the refused credential has been replaced since
}
