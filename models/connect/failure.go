package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// failure is how a trip ended without a connection.
type failure struct {
	outcome       models.Outcome
	foundTenantID int64
	retryAt       time.Time
	cause         error
}

// failureOf returns how connecting ends by an error; own says that a tenant's own
// client was used.
func (c *Connections) failureOf(err error, own bool) failure {
	end := failure{outcome: models.VerdictOf(err, own).Outcome, cause: err}
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && e.RetryAfter > 0 {
		end.retryAt = c.db.Now().Add(e.RetryAfter)
	}
	return end
}

// callbackErrors are the error codes that come back to us (RFC 6749, section
// 4.1.2.1; OpenID Connect Core, section 3.1.2.6). Other codes are taken for an
// answer that makes no sense.
var callbackErrors = map[string]models.Outcome{
	"access_denied":              models.OutcomeDenied,
	"login_required":             models.OutcomeDenied,
	"consent_required":           models.OutcomeDenied,
	"interaction_required":       models.OutcomeDenied,
	"account_selection_required": models.OutcomeDenied,
	"server_error":               models.OutcomeUnavailable,
	"temporarily_unavailable":    models.OutcomeUnavailable,
	"invalid_request":            models.OutcomeSetupProblem,
	"invalid_scope":              models.OutcomeSetupProblem,
	"unauthorized_client":        models.OutcomeSetupProblem,
	"unsupported_response_type":  models.OutcomeSetupProblem,
}

// endingOfQuery says whether the query ends the trip before any code is used.
func endingOfQuery(q CallbackQuery) (failure, bool) {
	startAgain := func(why string) (failure, bool) {
		return failure{outcome: models.OutcomeStartAgain, cause: errors.New(why)}, true
	}
	switch {
	case q.Error != "" && !q.Code.IsZero():
		return startAgain("answer has a code and an error")
	case q.Error != "" && !q.Repeated:
		outcome, known := callbackErrors[q.Error]
		if !known {
			return startAgain("answer has an unknown error code")
		}
		return failure{outcome: outcome, cause: fmt.Errorf("answer has the error %s", q.Error)}, true
	case q.Repeated:
		return startAgain("answer repeats a parameter")
	case q.Code.IsZero():
		return startAgain("answer has neither code nor error")
	}
	return failure{}, false
}

// finish records how a trip ended without a connection.
func (c *Connections) finish(ctx context.Context, v accounts.Visitor, a authorization, end failure) (models.Result, error) {
	c.log.Log(ctx, end.outcome.Level(), "not connected", "outcome", end.outcome, "environment", a.Environment, "company", a.CompanyID, "support_code", v.SupportCode, "cause", end.cause)
	a.Outcome, a.FoundTenantID = end.outcome, end.foundTenantID
	if !end.retryAt.IsZero() {
		a.RetryAt = &end.retryAt
	}
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := c.db.SharedNow(tx)
		if err != nil {
			return err
		}
		a.FinishedAt = &now
		if err := tx.Model(&a).Select("FinishedAt", "Outcome", "FoundTenantID", "RetryAt").Updates(&a).Error; err != nil {
			return err
		}
		event := models.Event{
			CompanyID: a.CompanyID, Kind: models.EventConnectFailed, ActorName: v.Name,
			Outcome: end.outcome, SupportCode: v.SupportCode, At: now,
		}
		if a.Purpose == toReconnect {
			event.ConnectionID = a.ConnectionID
		}
		if err := models.RecordSeries(tx, event); err != nil || end.outcome != models.OutcomeTenantTaken {
			return err
		}
		return recordConflict(tx, v, a.choice(), now)
	})
	if err != nil {
		return models.Result{}, fmt.Errorf("finish authorization: %w", err)
	}
	return a.result(), nil
}

// recordConflict tells staff, on the connection that stands, that another
// company has proved control of the same tenant.
func recordConflict(tx *gorm.DB, v accounts.Visitor, a models.Choice, now time.Time) error {
	var holder models.Connection
	err := tx.Select("id", "company_id").
		Where("environment = ? AND tenant_id = ? AND state NOT IN ?", a.Environment, a.TenantID, []models.State{models.Disconnected, models.Pending}).Take(&holder).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil // it was disconnected meanwhile
	}
	if err != nil {
		return err
	}
	if err := models.AddTask(tx, models.TaskTenantConflict, holder, now); err != nil {
		return err
	}
	return models.RecordSeries(tx, models.Event{
		CompanyID: holder.CompanyID, ConnectionID: &holder.ID, Kind: models.EventTenantConflict,
		ActorName: v.CompanyName, StaffName: v.StaffName, SupportCode: v.SupportCode, At: now,
	})
}

// giveUp finishes a trip whose tokens are not kept, and withdraws them.
func (c *Connections) giveUp(ctx context.Context, client *servicetitan.Client, v accounts.Visitor, a authorization, tokens servicetitan.Tokens, end failure) (models.Result, error) {
	result, err := c.finish(ctx, v, a, end)
	if !tokens.Refresh.IsZero() {
		if err := client.Revoke(ctx, tokens.Refresh); err != nil {
			c.log.WarnContext(ctx, "unused access was not withdrawn", "environment", a.Environment, "support_code", v.SupportCode, "error", err)
		}
	}
	return result, err
}
