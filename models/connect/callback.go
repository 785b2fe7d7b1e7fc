package connect

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/check"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// settleLimit is the most time that completing a claimed authorization may take.
	// One that takes longer was interrupted.
	settleLimit = 30 * time.Second
	// waitLimit is how long another request for the same authorization waits for the
	// first one.
	waitLimit = 10 * time.Second
	// waitPause is how often such a request looks for the result.
	waitPause = 50 * time.Millisecond
)

// CallbackQuery is ServiceTitan's answer to an authorization request (RFC 6749,
// sections 4.1.2 and 4.1.2.1; RFC 9207).
type CallbackQuery struct {
	State, Code secret.Value
	Error       string
	// Issuer is the iss parameter, and HasIssuer says whether the answer has one.
	Issuer    string
	HasIssuer bool
	// Repeated says that a parameter came more than once (RFC 6749, section 3.1).
	Repeated bool
}

// Complete completes an authorization. If several requests bring the same state,
// one of them does the work and all of them get its result. Complete returns
// ErrUnknownState if the state does not belong to this session.
func (c *Connections) Complete(ctx context.Context, v accounts.Visitor, binding secret.Value, q CallbackQuery) (models.Result, error) {
	a, err := c.authorization(ctx, q.State, binding)
	if err != nil {
		return models.Result{}, err
	}
	if a.ofGuest() || *a.UserID != v.UserID || a.CompanyID != v.CompanyID {
		return models.Result{}, accounts.ErrUnknownState
	}
	return c.complete(ctx, attempt{by: v.Actor(), companyID: v.CompanyID, companyName: v.CompanyName, choice: a.choice()}, a, binding, q)
}

// complete completes an authorization, or waits for the request that does.
func (c *Connections) complete(ctx context.Context, who attempt, a authorization, binding secret.Value, q CallbackQuery) (models.Result, error) {
	claimed, err := c.claim(ctx, a)
	if err != nil {
		return models.Result{}, err
	}
	if !claimed {
		return c.await(ctx, q.State, binding)
	}
	// From here on, the authorization is completed even if the browser disconnects:
	// the code can be used only once, and its tokens must be saved.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	defer cancel()
	return c.settle(ctx, who, a, q)
}

// authorization returns an authorization of this session, or ErrUnknownState.
func (c *Connections) authorization(ctx context.Context, state, binding secret.Value) (authorization, error) {
	var a authorization
	if state.IsZero() || binding.IsZero() {
		return a, accounts.ErrUnknownState
	}
	err := c.db.ReadRow(ctx, "SELECT "+authorizationRow.Columns+" FROM authorizations WHERE state_hash = $1 AND binding_hash = $2",
		[]any{database.HashOf(state), database.HashOf(binding)}, authorizationRow.Into(&a)...)
	if errors.Is(err, database.ErrNotFound) {
		return a, accounts.ErrUnknownState
	}
	if err != nil {
		return a, fmt.Errorf("load authorization: %w", err)
	}
	return a, nil
}

// claim claims the authorization for this request. It reports whether it did: an
// authorization can be claimed once, and only before it expires.
func (c *Connections) claim(ctx context.Context, a authorization) (bool, error) {
	if a.ClaimedAt != nil {
		return false, nil
	}
	var rows int64
	err := c.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := c.db.SharedNow(tx)
		if err == nil {
			rows, err = database.Exec(tx, "UPDATE authorizations SET claimed_at = $1 WHERE state_hash = $2 AND claimed_at IS NULL AND expires_at > $1", now, a.StateHash)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("claim authorization: %w", err)
	}
	return rows == 1, nil
}

// await returns the result of the request that claimed the authorization.
func (c *Connections) await(ctx context.Context, state, binding secret.Value) (models.Result, error) {
	// All requests that wait for the same authorization share one query.
	answer := c.waiting.DoChan(hex.EncodeToString(database.HashOf(state))+hex.EncodeToString(database.HashOf(binding)), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitLimit)
		defer cancel()
		var a authorization
		for range retry.NowAndEvery(ctx, waitPause) {
			var err error
			if a, err = c.authorization(ctx, state, binding); err != nil {
				return nil, err
			}
			if a.FinishedAt != nil || a.ClaimedAt == nil {
				return a, nil
			}
			if now, err := c.db.SharedNow(c.db.Read(ctx)); err != nil || now.Sub(*a.ClaimedAt) > settleLimit {
				return a, err
			}
		}
		return a, nil
	})
	select {
	case <-ctx.Done():
		return models.Result{}, fmt.Errorf("wait for authorization: %w", context.Cause(ctx))
	case got := <-answer:
		if got.Err != nil {
			return models.Result{}, got.Err
		}
		a := got.Val.(authorization)
		result := a.result()
		switch {
		case a.ClaimedAt == nil: // it expired before anybody claimed it
			result.Outcome = models.OutcomeStartAgain
		case a.FinishedAt != nil:
		case c.db.Now().Sub(*a.ClaimedAt) > settleLimit:
			result.Outcome = models.OutcomeInterrupted
		default:
			result.Outcome = models.OutcomeFinishing
		}
		return result, nil
	}
}

// settle completes a claimed authorization and records the result.
func (c *Connections) settle(ctx context.Context, who attempt, a authorization, q CallbackQuery) (models.Result, error) {
	client, ok := c.clients.In(a.Environment)
	if !ok {
		return c.finish(ctx, who, a, failure{outcome: models.OutcomeSetupProblem})
	}
	if ok, err := client.CheckIssuer(ctx, q.Issuer, q.HasIssuer); err != nil {
		return c.finish(ctx, who, a, c.failureOf(err, false))
	} else if !ok {
		return c.finish(ctx, who, a, failure{outcome: models.OutcomeStartAgain, cause: errors.New("answer is not from the issuer that was asked")})
	}
	if f, failed := failureOfQuery(q); failed {
		return c.finish(ctx, who, a, f)
	}
	if err := c.stillMay(c.db.Read(ctx), who); err != nil {
		if f, out := shutOut(err); out {
			return c.finish(ctx, who, a, f)
		}
		return models.Result{}, fmt.Errorf("check visitor: %w", err)
	}
	verifier, err := c.keys.Open(a.VerifierSealed, a.verifierPlace())
	if err != nil {
		return c.finish(ctx, who, a, failure{outcome: models.OutcomeStartAgain, cause: err})
	}
	tokens, err := exchange(ctx, client, q.Code, secret.New(verifier), c.redirectURI)
	if err != nil {
		return c.finish(ctx, who, a, c.failureOf(err, false))
	}
	if tokens.GuessedExpiry {
		c.log.WarnContext(ctx, "token response has no valid expires_in", "environment", a.Environment)
	}
	account, f, failed := c.checkTenant(ctx, client, a.TenantID, tokens)
	if failed {
		return c.giveUp(ctx, client, who, a, tokens, f)
	}
	id, err := c.save(ctx, who.by, who.companyID, grantedAccess{Choice: a.choice(), Tokens: tokens, account: account, guest: who.guest, also: a.connected})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return c.giveUp(ctx, client, who, a, tokens, failure{outcome: models.OutcomeTenantTaken})
	}
	if f, out := shutOut(err); out {
		return c.giveUp(ctx, client, who, a, tokens, f)
	}
	if err != nil {
		return models.Result{}, fmt.Errorf("save connection: %w", err)
	}
	a.Outcome, a.ConnectionID = models.OutcomeConnected, &id
	return a.result(), nil
}

// exchangePauses are the pauses before further attempts to send a code.
var exchangePauses = []time.Duration{250 * time.Millisecond, time.Second}

// exchange exchanges a code for tokens. It sends the code again only if the last
// attempt certainly did not reach ServiceTitan, because a code works once.
func exchange(ctx context.Context, client *servicetitan.Client, code, verifier secret.Value, redirectURI string) (servicetitan.Tokens, error) {
	for attempt := 0; ; attempt++ {
		tokens, err := client.Exchange(ctx, code, verifier, redirectURI)
		e, ok := errors.AsType[*servicetitan.Error](err)
		if !ok || e.Kind != servicetitan.Unavailable || e.AnswerLost || e.Status != 0 || attempt == len(exchangePauses) {
			return tokens, err
		}
		if retry.Pause(ctx, exchangePauses[attempt]) != nil {
			return tokens, err
		}
	}
}

// checkTenant makes the check call, which shows whether the tokens work for the
// tenant that was typed. The tenant ID in the token only lets it tell sooner that
// the person signed in to another tenant. It reports whether the check failed, and
// how.
func (c *Connections) checkTenant(ctx context.Context, client *servicetitan.Client, tenantID int64, tokens servicetitan.Tokens) (servicetitan.Account, failure, bool) {
	if tokens.TenantID != 0 && tokens.TenantID != tenantID {
		return servicetitan.Account{}, failure{outcome: models.OutcomeWrongTenant, foundTenantID: tokens.TenantID}, true
	}
	account, err := check.Account(ctx, client, tokens.Access, tenantID)
	if err != nil {
		f := c.failureOf(err, false)
		if f.outcome == models.OutcomeNotAllowed && tokens.Scopes != nil && !slices.Contains(tokens.Scopes, servicetitan.AccountScope) {
			f.outcome = models.OutcomeScopeMissing
		}
		return account, f, true
	}
	if account.TenantID != 0 && account.TenantID != tenantID {
		return account, failure{outcome: models.OutcomeWrongTenant, foundTenantID: account.TenantID}, true
	}
	return account, failure{}, false
}
