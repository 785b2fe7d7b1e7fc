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

// credentialAttempts limits how often a company can have credentials checked, so
// that nobody uses our servers to guess secrets at ServiceTitan.
var credentialAttempts = accounts.Limit{Name: "credentials", Tries: 20, Per: 10 * time.Minute}

// staffCredentialAttempts is the limit for each staff member. It is separate, so
// that a company cannot use up the attempts that its own setup needs.
var staffCredentialAttempts = accounts.Limit{Name: "staff-credentials", Tries: 20, Per: 10 * time.Minute}

// takeCredentialAttempt counts an attempt against the limit of whoever makes it.
func takeCredentialAttempt(tx *gorm.DB, by accounts.Actor, companyID uuid.UUID, now time.Time) error {
	if by.StaffName != "" {
		return staffCredentialAttempts.Take(tx, by.UserID.String(), now)
	}
	return credentialAttempts.Take(tx, companyID.String(), now)
}

// ConnectWithCredentials connects with a client ID and secret that the tenant's
// admin created. They are checked at once, and saved only if they give access to the
// chosen tenant. The result says how the attempt ended. The error, such as a
// ThrottledError, says that the attempt could not be made or recorded.
func (c *Connections) ConnectWithCredentials(ctx context.Context, v accounts.Visitor, choice models.Choice, own servicetitan.OwnClient) (models.Result, error) {
	if choice.Way != servicetitan.OwnCredentials {
		return models.Result{}, fmt.Errorf("check choice: %w", database.ErrNotFound)
	}
	return c.tryClient(ctx, attempt{by: v.Actor(), companyID: v.CompanyID, companyName: v.CompanyName, choice: choice}, own, nil)
}

// TryClient checks a client that staff created for a guided setup, and connects with
// it if it works. Result and error are those of ConnectWithCredentials.
func (c *Connections) TryClient(ctx context.Context, by accounts.Actor, setup models.Setup, own servicetitan.OwnClient) (models.Result, error) {
	return c.tryClient(ctx, attempt{by: by, companyID: setup.CompanyID, choice: models.Choice{
		Environment: setup.Environment, Way: models.GuidedWay, TenantID: setup.TenantID, ConnectionID: setup.ConnectionID,
	}}, own, &setup)
}

// tryClient checks a client and connects with it if it works. Setup is the guided
// setup that this completes; nil if the company enters its own client.
func (c *Connections) tryClient(ctx context.Context, a attempt, own servicetitan.OwnClient, setup *models.Setup) (models.Result, error) {
	choice := a.choice
	if err := c.checkChoice(ctx, a.companyID, choice); err != nil {
		return models.Result{}, err
	}
	err := c.db.Write(ctx, func(tx *gorm.DB) error { return takeCredentialAttempt(tx, a.by, a.companyID, c.db.Now()) })
	if err != nil {
		return models.Result{}, fmt.Errorf("try credentials: %w", err)
	}
	if err := c.stillMay(c.db.Read(ctx), a); err != nil {
		if f, out := shutOut(err); out {
			return c.refuse(ctx, a, f)
		}
		return models.Result{}, fmt.Errorf("check visitor: %w", err)
	}
	granted, f, failed := c.prove(ctx, choice, own)
	if failed {
		return c.refuse(ctx, a, f)
	}
	granted.setup, granted.guest = setup, a.guest
	id, err := c.save(ctx, a.by, a.companyID, granted)
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return c.refuse(ctx, a, failure{outcome: models.OutcomeTenantTaken})
	}
	if f, out := shutOut(err); out {
		return c.refuse(ctx, a, f)
	}
	if err != nil {
		return models.Result{}, fmt.Errorf("save connection: %w", err)
	}
	return models.Result{Outcome: models.OutcomeConnected, ConnectionID: id, Choice: choice}, nil
}

// prove asks ServiceTitan for access with a client, and makes the check call with it. It
// reports whether that failed, and how.
func (c *Connections) prove(ctx context.Context, choice models.Choice, own servicetitan.OwnClient) (grantedAccess, failure, bool) {
	client, _ := c.clients.In(choice.Environment)
	tokens, err := client.ClientCredentials(ctx, own)
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && e.Kind == servicetitan.Unavailable {
		tokens, err = client.ClientCredentials(ctx, own) // asking again does no harm
	}
	if err != nil {
		return grantedAccess{}, c.failureOf(err, true), true
	}
	account, f, failed := c.checkTenant(ctx, client, choice.TenantID, tokens)
	return grantedAccess{Choice: choice, Tokens: tokens, own: own, account: account}, f, failed
}

// refuse records why typed credentials did not lead to a connection. It logs at the
// info level whatever the outcome, because a typing error needs no operator.
func (c *Connections) refuse(ctx context.Context, a attempt, f failure) (models.Result, error) {
	choice := a.choice
	c.log.InfoContext(ctx, "not connected", "outcome", f.outcome, "environment", choice.Environment,
		"company", a.companyID, "support_code", a.by.SupportCode, "cause", f.cause)
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		now := c.db.Now()
		if err := a.noted(tx, f.outcome, now); err != nil {
			return err
		}
		event := models.Event{
			CompanyID: a.companyID, Kind: models.EventConnectFailed, ActorName: a.by.Name, StaffName: a.by.StaffName,
			Outcome: f.outcome, SupportCode: a.by.SupportCode, At: now,
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
		return recordConflict(tx, a, now)
	})
	if err != nil {
		return models.Result{}, fmt.Errorf("record refusal: %w", err)
	}
	return models.Result{
		Outcome: f.outcome, ConnectionID: choice.ConnectionID, Choice: choice,
		FoundTenantID: f.foundTenantID, RetryAt: f.retryAt,
	}, nil
}
