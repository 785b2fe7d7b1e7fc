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
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// attempt says who tries to connect what, and for which company.
type attempt struct {
	by        accounts.Actor
	companyID uuid.UUID
	// companyName is empty if staff make the attempt.
	companyName string
	choice      models.Choice
	// guest is set for a person without an account.
	guest guest
}

// stillMay returns an error if whoever makes the attempt may no longer connect, as
// accounts.StillAllowed does.
func (c *Connections) stillMay(db *gorm.DB, a attempt) error {
	if a.guest != nil {
		return a.guest.still(c, db)
	}
	return accounts.StillAllowed(db, a.by, a.companyID)
}

// noted records, for whoever sent a guest, how the attempt ended.
func (a attempt) noted(tx *gorm.DB, outcome models.Outcome, now time.Time) error {
	if a.guest == nil {
		return nil
	}
	return a.guest.tried(tx, outcome, now)
}

// failure is how an attempt to connect ended without a connection.
type failure struct {
	outcome       models.Outcome
	foundTenantID int64
	retryAt       time.Time
	cause         error
}

// failureOf returns the failure that an error causes. Own says that a tenant's own
// client was used.
func (c *Connections) failureOf(err error, own bool) failure {
	f := failure{outcome: models.VerdictOf(err, own).Outcome, cause: err}
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && e.RetryAfter > 0 {
		f.retryAt = c.db.Now().Add(e.RetryAfter)
	}
	return f
}

// callbackErrors has the outcome of each error code in an answer (RFC 6749, section
// 4.1.2.1; OpenID Connect Core, section 3.1.2.6). An answer with any other code makes
// no sense.
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

// failureOfQuery returns the failure that ServiceTitan's answer itself reports, and
// whether there is one.
func failureOfQuery(q CallbackQuery) (failure, bool) {
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

// finish records that an authorization ended without a connection.
func (c *Connections) finish(ctx context.Context, who attempt, a authorization, f failure) (models.Result, error) {
	c.log.Log(ctx, f.outcome.Level(), "not connected", "outcome", f.outcome, "environment", a.Environment, "company", a.CompanyID, "support_code", who.by.SupportCode, "cause", f.cause)
	a.Outcome, a.FoundTenantID = f.outcome, f.foundTenantID
	if !f.retryAt.IsZero() {
		a.RetryAt = &f.retryAt
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
		if err := who.noted(tx, f.outcome, now); err != nil {
			return err
		}
		event := models.Event{
			CompanyID: a.CompanyID, Kind: models.EventConnectFailed, ActorName: who.by.Name,
			Outcome: f.outcome, SupportCode: who.by.SupportCode, At: now,
		}
		if a.Purpose == toReconnect {
			event.ConnectionID = a.ConnectionID
		}
		if err := models.RecordSeries(tx, event); err != nil || f.outcome != models.OutcomeTenantTaken {
			return err
		}
		return recordConflict(tx, who, now)
	})
	if err != nil {
		return models.Result{}, fmt.Errorf("finish authorization: %w", err)
	}
	return a.result(), nil
}

// recordConflict tells staff that another company has access to a tenant that is
// already connected. It adds the event and the task to the existing connection.
func recordConflict(tx *gorm.DB, a attempt, now time.Time) error {
	var holder models.Connection
	err := tx.Select("id", "company_id").
		Where("environment = ? AND tenant_id = ? AND state NOT IN ?", a.choice.Environment, a.choice.TenantID, []models.State{models.Disconnected, models.Pending}).Take(&holder).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil // it has been disconnected since
	}
	if err != nil {
		return err
	}
	if err := models.AddTask(tx, models.TaskTenantConflict, holder, now); err != nil {
		return err
	}
	return models.RecordSeries(tx, models.Event{
		CompanyID: holder.CompanyID, ConnectionID: &holder.ID, Kind: models.EventTenantConflict,
		ActorName: a.companyName, StaffName: a.by.StaffName, SupportCode: a.by.SupportCode, At: now,
	})
}

// giveUp finishes an authorization whose tokens are not kept, and revokes them.
func (c *Connections) giveUp(ctx context.Context, client *servicetitan.Client, who attempt, a authorization, tokens servicetitan.Tokens, f failure) (models.Result, error) {
	result, err := c.finish(ctx, who, a, f)
	if !tokens.Refresh.IsZero() {
		if err := client.Revoke(ctx, tokens.Refresh); err != nil {
			c.log.WarnContext(ctx, "cannot withdraw unused access", "environment", a.Environment, "support_code", who.by.SupportCode, "error", err)
		}
	}
	return result, err
}

// shutOut returns the failure for somebody who may no longer connect, and whether
// err says so.
func shutOut(err error) (failure, bool) {
	for _, e := range []struct {
		err     error
		outcome models.Outcome
	}{
		{ErrLinkOver, models.OutcomeLinkEnded}, // it may also say that the company is locked
		{accounts.ErrLocked, models.OutcomeLocked},
		{accounts.ErrNoMembership, models.OutcomeNoMembership},
		{accounts.ErrNoStaff, models.OutcomeNoStaff},
		{models.ErrTooManyConnections, models.OutcomeTooMany},
	} {
		if errors.Is(err, e.err) {
			return failure{outcome: e.outcome, cause: err}, true
		}
	}
	return failure{}, false
}
