package check

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Ask asks ServiceTitan whether a connection works, for somebody who waits. If the API
// refuses the token, Ask renews it and asks once more. A second refusal is permanent (RFC
// 6750, section 3.1), and ends the connection unless ServiceTitan has an outage.
func (c *Checker) Ask(ctx context.Context, connection models.Connection) (servicetitan.Account, error) {
	client, ok := c.clients.In(connection.Environment)
	if !ok {
		return servicetitan.Account{}, &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
	}
	q := question{Checker: c, client: client, connection: connection, failingSince: connection.UnansweredSince, somebodyWaits: true}
	found, err := q.ask(ctx)
	if err != nil {
		return found.account, toPeople(err)
	}
	if found.partly {
		return found.account, &models.ReasonError{Reason: models.ReasonScopeMissing, Err: database.ErrUnavailable}
	}
	if found.err == nil {
		return found.account, q.lost(ctx)
	}
	if reason, permanent := c.judge(connection, found.err); permanent {
		if ended := c.keeper.Refuse(ctx, connection, found.generation, reason, found.err); ended != nil {
			return found.account, ended
		}
	}
	return found.account, found.err
}

// lost tries the areas that the access lists. If the API refuses one, lost renews the access,
// whose scopes then say what is missing. It returns an error if they still list the area.
func (q question) lost(ctx context.Context) error {
	access, err := q.access(ctx)
	if err != nil {
		return toPeople(err)
	}
	refused, err := q.refusedArea(ctx, access.Token)
	if err != nil || !refused {
		return err
	}
	if access, err = q.keeper.Renewed(ctx, q.connection.CompanyID, q.connection.ID, access.Generation); err != nil {
		return toPeople(err)
	}
	if refused, err = q.refusedArea(ctx, access.Token); err == nil && refused {
		err = &models.ReasonError{Reason: models.ReasonScopeMissing, Err: database.ErrUnavailable}
	}
	return err
}

// refusedArea says whether the API refuses one of the areas that the access lists. What
// else may be wrong with an area is not about the access.
func (q question) refusedArea(ctx context.Context, access secret.Value) (bool, error) {
	now, err := models.GetConnection(q.db.Read(ctx), q.connection.CompanyID, q.connection.ID)
	if err != nil {
		return false, err
	}
	for _, area := range servicetitan.AreasOf(now.ScopeList()) {
		err := q.call(ctx, func() error { return q.client.Reach(ctx, access, q.connection.TenantID, area) })
		if isKind(err, servicetitan.NotAllowed) {
			return true, nil
		}
	}
	return false, nil
}

// AskWith asks, for somebody who waits, whether ServiceTitan accepts an access token that
// nobody uses yet. It changes nothing.
func (c *Checker) AskWith(ctx context.Context, connection models.Connection, access secret.Value) (servicetitan.Account, error) {
	client, ok := c.clients.In(connection.Environment)
	if !ok {
		return servicetitan.Account{}, &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
	}
	q := question{Checker: c, client: client, connection: connection, somebodyWaits: true}
	account, err := q.account(ctx, access)
	if isKind(err, servicetitan.NotAllowed) {
		_, err = q.elsewhere(ctx, access, err)
	}
	return account, toPeople(err)
}

// toPeople returns the error for people if the tenant's budget of calls is used up, and
// any other error as it is.
func toPeople(err error) error {
	if spent, ok := errors.AsType[*calls.SpentError](err); ok {
		return &models.ReasonError{Reason: models.ReasonRateLimited, RetryAt: spent.Until, Err: database.ErrUnavailable}
	}
	return err
}

// judge returns the reason that a failed check gives, and whether only a person can change
// it. A refusal that others get too, in an outage, says nothing about the connection.
func (c *Checker) judge(connection models.Connection, err error) (reason models.Reason, permanent bool) {
	if err == nil {
		return models.ReasonNone, false
	}
	v := models.VerdictOf(err, false)
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && v.Permanent && c.outages.Excuses(connection.Environment, outage.API, e.Kind) {
		return models.ReasonUnavailable, false
	}
	return v.Reason, v.Permanent
}

// NoteAnswer records that Ask has got an answer. It ends what failed checks have led to, as
// a scheduled check that works does.
func (c *Checker) NoteAnswer(tx *gorm.DB, connection models.Connection, now time.Time) error {
	current, err := models.GetConnection(database.ForUpdate(tx), connection.CompanyID, connection.ID)
	if err != nil {
		return err
	}
	if err := models.NoteAnswer(tx, connection.ID, now); err != nil || current.UnansweredSince == nil {
		return err
	}
	_, err = models.Apply(tx, &current, models.Transition{What: models.Answered, At: now})
	return err
}

// Account makes the check call, twice if the API does not answer the first time. The call
// changes nothing in ServiceTitan.
func Account(ctx context.Context, client *servicetitan.Client, access secret.Value, tenantID int64) (servicetitan.Account, error) {
	account, err := client.Account(ctx, access, tenantID)
	if isKind(err, servicetitan.Unavailable) {
		account, err = client.Account(ctx, access, tenantID)
	}
	return account, err
}
