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

// credentialTries bounds how often a company may have values tried, so that
// our address is not used to guess secrets at ServiceTitan.
var credentialTries = accounts.Limit{Name: "credentials", Tries: 20, Per: 10 * time.Minute}

// staffCredentialTries is the same for each of our staff, so that no company
// can use up what its own set-up needs.
var staffCredentialTries = accounts.Limit{Name: "staff-credentials", Tries: 20, Per: 10 * time.Minute}

// takeCredentialTry counts a try against whoever makes it.
func takeCredentialTry(tx *gorm.DB, v accounts.Visitor, now time.Time) error {
	if v.StaffName != "" {
		return staffCredentialTries.Take(tx, v.UserID.String(), now)
	}
	return credentialTries.Take(tx, v.CompanyID.String(), now)
}

// ConnectWithCredentials connects with the client ID and secret that a tenant's
// admin made. They are tried at once, and saved only if access, tenant and
// check call agree. How it ended is in the result; the error is for what could
// not be tried or noted, among it a ThrottledError.
func (c *Connections) ConnectWithCredentials(ctx context.Context, v accounts.Visitor, choice models.Choice, own servicetitan.OwnClient) (models.Result, error) {
	if choice.Way != servicetitan.OwnCredentials {
		return models.Result{}, fmt.Errorf("check choice: %w", database.ErrNotFound)
	}
	return c.TryClient(ctx, v, choice, own, nil)
}

// TryClient tries a client, and saves it if it works. The set-up is the one for
// which staff try it; nil if the company tries its own.
func (c *Connections) TryClient(ctx context.Context, v accounts.Visitor, choice models.Choice, own servicetitan.OwnClient, setup *models.Setup) (models.Result, error) {
	if err := c.CheckChoice(ctx, v, choice); err != nil {
		return models.Result{}, err
	}
	err := c.db.Write(ctx, func(tx *gorm.DB) error { return takeCredentialTry(tx, v, c.db.Now()) })
	if err != nil {
		return models.Result{}, fmt.Errorf("try credentials: %w", err)
	}
	if err := accounts.StillAllowed(c.db.Read(ctx), v); err != nil {
		if end, out := shutOut(err); out {
			return c.refuse(ctx, v, choice, end)
		}
		return models.Result{}, fmt.Errorf("check visitor: %w", err)
	}
	client, _ := c.clients.In(choice.Environment)
	tokens, err := client.ClientCredentials(ctx, own)
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && e.Kind == servicetitan.Unavailable {
		tokens, err = client.ClientCredentials(ctx, own) // asking again costs nothing
	}
	if err != nil {
		return c.refuse(ctx, v, choice, c.failureOf(err, true))
	}
	account, end, ended := c.checkTenant(ctx, client, choice.TenantID, tokens)
	if ended {
		return c.refuse(ctx, v, choice, end)
	}
	id, err := c.save(ctx, v, grantedAccess{Choice: choice, Tokens: tokens, own: own, account: account, setup: setup})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return c.refuse(ctx, v, choice, failure{outcome: models.OutcomeTenantTaken})
	}
	if end, out := shutOut(err); out {
		return c.refuse(ctx, v, choice, end)
	}
	if err != nil {
		return models.Result{}, fmt.Errorf("save connection: %w", err)
	}
	return models.Result{Outcome: models.OutcomeConnected, ConnectionID: id, Choice: choice}, nil
}

// refuse records why values that were typed made no connection. What somebody
// types raises no alarm in the log.
func (c *Connections) refuse(ctx context.Context, v accounts.Visitor, choice models.Choice, end failure) (models.Result, error) {
	c.log.InfoContext(ctx, "not connected", "outcome", end.outcome, "environment", choice.Environment,
		"company", v.CompanyID, "support_code", v.SupportCode, "cause", end.cause)
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		now := c.db.Now()
		event := models.Event{
			CompanyID: v.CompanyID, Kind: models.EventConnectFailed, ActorName: v.Name, StaffName: v.StaffName,
			Outcome: end.outcome, SupportCode: v.SupportCode, At: now,
		}
		if choice.Way == models.GuidedWay {
			event.Kind = models.EventSetupFailed
		}
		if choice.Reconnects() {
			event.ConnectionID = &choice.ConnectionID
		}
		if err := models.RecordSeries(tx, event); err != nil || end.outcome != models.OutcomeTenantTaken {
			return err
		}
		return recordConflict(tx, v, choice, now)
	})
	if err != nil {
		return models.Result{}, fmt.Errorf("record refusal: %w", err)
	}
	return models.Result{
		Outcome: end.outcome, ConnectionID: choice.ConnectionID, Choice: choice,
		FoundTenantID: end.foundTenantID, RetryAt: end.retryAt,
	}, nil
}
