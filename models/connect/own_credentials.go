package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// credentialAttempts limits how often a company can have credentials checked, so
// that nobody uses our servers to guess secrets at ServiceTitan.
var credentialAttempts = accounts.Limit{Name: "credentials", Tries: 20, Per: 10 * time.Minute}

// staffCredentialAttempts is the limit for each staff member. It is separate, so
// that a company cannot use up the attempts that its own setup needs.
var staffCredentialAttempts = accounts.Limit{Name: "staff-credentials", Tries: 20, Per: 10 * time.Minute}

// takeCredentialAttempt counts an attempt against the limit of whoever makes it.
func takeCredentialAttempt(tx *gorm.DB, v accounts.Visitor, now time.Time) error {
	if v.StaffName != "" {
		return staffCredentialAttempts.Take(tx, v.UserID.String(), now)
	}
	return credentialAttempts.Take(tx, v.CompanyID.String(), now)
}

// ConnectWithCredentials connects with a client ID and secret that the tenant's
// admin created. They are checked at once, and saved only if they give access to the
// chosen tenant. The result says how the attempt ended. The error, such as a
// ThrottledError, says that the attempt could not be made or recorded.
func (c *Connections) ConnectWithCredentials(ctx context.Context, v accounts.Visitor, choice models.Choice, own servicetitan.OwnClient) (models.Result, error) {
	if choice.Way != servicetitan.OwnCredentials {
		return models.Result{}, fmt.Errorf("check choice: %w", database.ErrNotFound)
	}
	return c.TryClient(ctx, v, choice, own, nil)
}

// TryClient checks a client and connects with it if it works. Setup is the guided
// setup for which staff enter the client; nil if the company enters its own. Result
// and error are those of ConnectWithCredentials.
func (c *Connections) TryClient(ctx context.Context, v accounts.Visitor, choice models.Choice, own servicetitan.OwnClient, setup *models.Setup) (models.Result, error) {
	if err := c.CheckChoice(ctx, v, choice); err != nil {
		return models.Result{}, err
	}
	err := c.db.Write(ctx, func(tx *gorm.DB) error { return takeCredentialAttempt(tx, v, c.db.Now()) })
	if err != nil {
		return models.Result{}, fmt.Errorf("try credentials: %w", err)
	}
	if err := accounts.StillAllowed(c.db.Read(ctx), v); err != nil {
		if f, out := shutOut(err); out {
			return c.refuse(ctx, v, choice, f)
		}
		return models.Result{}, fmt.Errorf("check visitor: %w", err)
	}
	client, _ := c.clients.In(choice.Environment)
	tokens, err := client.ClientCredentials(ctx, own)
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && e.Kind == servicetitan.Unavailable {
		tokens, err = client.ClientCredentials(ctx, own) // asking again does no harm
	}
	if err != nil {
		return c.refuse(ctx, v, choice, c.failureOf(err, true))
	}
	account, f, failed := c.checkTenant(ctx, client, choice.TenantID, tokens)
	if failed {
		return c.refuse(ctx, v, choice, f)
	}
	id, err := c.save(ctx, v, grantedAccess{Choice: choice, Tokens: tokens, own: own, account: account, setup: setup})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return c.refuse(ctx, v, choice, failure{outcome: models.OutcomeTenantTaken})
	}
	if f, out := shutOut(err); out {
		return c.refuse(ctx, v, choice, f)
	}
	if err != nil {
		return models.Result{}, fmt.Errorf("save connection: %w", err)
	}
	return models.Result{Outcome: models.OutcomeConnected, ConnectionID: id, Choice: choice}, nil
}

// refuse records why typed credentials did not lead to a connection. It logs at the
// info level whatever the outcome, because a typing error needs no operator.
func (c *Connections) refuse(ctx context.Context, v accounts.Visitor, choice models.Choice, f failure) (models.Result, error) {
	c.log.InfoContext(ctx, "not connected", "outcome", f.outcome, "environment", choice.Environment,
		"company", v.CompanyID, "support_code", v.SupportCode, "cause", f.cause)
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		now := c.db.Now()
		event := models.Event{
			CompanyID: v.CompanyID, Kind: models.EventConnectFailed, ActorName: v.Name, StaffName: v.StaffName,
			Outcome: f.outcome, SupportCode: v.SupportCode, At: now,
		}
		if choice.Way == models.GuidedWay {
			event.Kind = models.EventSetupFailed
		}
		if choice.Reconnects() {
			event.ConnectionID = &choice.ConnectionID
		}
		if err := models.RecordSeries(tx, event); err != nil || f.outcome != models.OutcomeTenantTaken {
			return err
		}
		return recordConflict(tx, v, choice, now)
	})
	if err != nil {
		return models.Result{}, fmt.Errorf("record refusal: %w", err)
	}
	return models.Result{
		Outcome: f.outcome, ConnectionID: choice.ConnectionID, Choice: choice,
		FoundTenantID: f.foundTenantID, RetryAt: f.retryAt,
	}, nil
}
