package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// longestTurn is how long somebody who waits for a check waits for the tenant's budget.
const longestTurn = 3 * time.Second

// question asks ServiceTitan whether a connection works.
type question struct {
	*Checker
	client     *servicetitan.Client
	connection models.Connection
	// failingSince is since when its checks fail; nil if the last one worked.
	failingSince *time.Time
	// somebodyWaits says that a person or a back end asks, and not the schedule.
	somebodyWaits bool
}

// finding is what a question has found out.
type finding struct {
	account servicetitan.Account
	// err is how ServiceTitan refused or failed; nil if it answers.
	err error
	// partly says that the API answers, but refuses the area of the check call.
	partly bool
	// generation is that of the token with which was asked.
	generation int64
}

// ask asks. If the API refuses the token, ask renews it and asks once more. If it forbids
// the check call, ask tries other areas. The error says that nothing could be found out,
// because there was no token, no call left, or no time.
func (q question) ask(ctx context.Context) (finding, error) {
	access, err := q.access(ctx)
	if err != nil {
		return finding{}, err
	}
	var found finding
	found.account, err = q.account(ctx, access.Token)
	if isKind(err, servicetitan.Unauthorized) {
		if access, err = q.keeper.Renewed(ctx, q.connection.CompanyID, q.connection.ID, access.Generation); err != nil {
			return finding{}, err
		}
		found.account, err = q.account(ctx, access.Token)
	}
	if isKind(err, servicetitan.NotAllowed) {
		found.partly, err = q.elsewhere(ctx, access.Token, err)
	}
	if ctx.Err() != nil {
		return finding{}, fmt.Errorf("ask ServiceTitan: %w", context.Cause(ctx))
	}
	if _, answered := errors.AsType[*servicetitan.Error](err); err != nil && !answered {
		return finding{}, err
	}
	found.err, found.generation = err, access.Generation
	if servicetitan.ForTenant(access.Token, q.connection.TenantID) == nil { // else ServiceTitan was not asked
		q.outages.Note(outage.Result{
			Environment: q.connection.Environment, Endpoint: outage.API, ConnectionID: q.connection.ID, CompanyID: q.connection.CompanyID,
			FailingSince: q.failingSince, Err: err,
		})
	}
	return found, nil
}

// access returns the token to ask with.
func (q question) access(ctx context.Context) (keeper.Access, error) {
	if q.somebodyWaits {
		return q.keeper.AccessNow(ctx, q.connection.CompanyID, q.connection.ID)
	}
	return q.keeper.AccessToCheck(ctx, q.connection)
}

// account makes the check call. For somebody who waits, it calls twice if the API does not
// answer the first time.
func (q question) account(ctx context.Context, access secret.Value) (account servicetitan.Account, err error) {
	if err := servicetitan.ForTenant(access, q.connection.TenantID); err != nil {
		return account, err
	}
	call := func() (err error) {
		account, err = q.client.Account(ctx, access, q.connection.TenantID)
		return err
	}
	if err = q.call(ctx, call); q.somebodyWaits && isKind(err, servicetitan.Unavailable) {
		err = q.call(ctx, call)
	}
	return account, err
}

// elsewhere tries the other areas that the token covers, after the area of the check call
// was refused. Answers says that one of them works. Otherwise the error is what is wrong.
func (q question) elsewhere(ctx context.Context, access secret.Value, refused error) (answers bool, err error) {
	// A renewal may have changed the scopes since the connection was read.
	now, err := models.GetConnection(q.db.Read(ctx), q.connection.CompanyID, q.connection.ID)
	if err != nil {
		return false, err
	}
	others := servicetitan.AreasOf(now.ScopeList())
	for _, area := range others {
		err := q.call(ctx, func() error { return q.client.Reach(ctx, access, q.connection.TenantID, area) })
		if err == nil {
			return true, nil
		}
		if v := models.VerdictOf(err, false); !v.Permanent {
			return false, err
		}
	}
	if len(others) == 0 && !slices.Contains(now.ScopeList(), servicetitan.AccountScope) {
		return true, nil // the refusal says no more than the scopes do
	}
	return false, refused
}

// call makes a call from the tenant's budget. If ServiceTitan asks us to wait, nobody calls
// the tenant until then.
func (q question) call(ctx context.Context, call func() error) error {
	tenant := calls.Tenant{Environment: q.connection.Environment, ID: q.connection.TenantID}
	if err := q.take(ctx, tenant); err != nil {
		return err
	}
	err := call()
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && e.Kind == servicetitan.RateLimited {
		if closed := q.budget.Close(ctx, tenant, max(e.RetryAfter, time.Second)); closed != nil {
			q.log.WarnContext(ctx, "the wait that ServiceTitan asked for was not recorded", "tenant", tenant.ID, "error", closed)
		}
	}
	return err
}

// take takes a call from the tenant's budget. Somebody who waits gets the next one.
func (q question) take(ctx context.Context, tenant calls.Tenant) error {
	began := q.db.Now()
	for {
		err := q.budget.Take(ctx, tenant)
		spent, ok := errors.AsType[*calls.SpentError](err)
		if !ok || !q.somebodyWaits || spent.Until.Sub(began) > longestTurn {
			return err
		}
		if err := retry.Pause(ctx, spent.Until.Sub(q.db.Now())); err != nil {
			return err
		}
	}
}

// isKind says whether ServiceTitan failed in a way.
func isKind(err error, kind servicetitan.ErrorKind) bool {
	e, ok := errors.AsType[*servicetitan.Error](err)
	return ok && e.Kind == kind
}
