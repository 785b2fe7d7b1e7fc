package check

import (
	"context"
	"errors"
	"slices"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// Ask asks ServiceTitan whether a connection works. If the API refuses the token, Ask
// renews it and asks once more. A second refusal is permanent (RFC 6750, section 3.1),
// and ends the connection.
func (c *Checker) Ask(ctx context.Context, connection models.Connection) (servicetitan.Account, error) {
	client, ok := c.clients.In(connection.Environment)
	if !ok {
		return servicetitan.Account{}, &models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}
	}
	access, err := c.keeper.AccessNow(ctx, connection.CompanyID, connection.ID)
	if err != nil {
		return servicetitan.Account{}, err
	}
	account, err := Account(ctx, client, access.Token, connection.TenantID)
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && e.Kind == servicetitan.Unauthorized {
		if access, err = c.keeper.Renewed(ctx, connection.CompanyID, connection.ID, access.Generation); err != nil {
			return account, err
		}
		account, err = Account(ctx, client, access.Token, connection.TenantID)
	}
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && e.Kind == servicetitan.NotAllowed {
		// A renewal may have changed the scopes since the connection was read.
		if now, err := models.GetConnection(c.db.Read(ctx), connection.CompanyID, connection.ID); err == nil && !slices.Contains(now.ScopeList(), servicetitan.AccountScope) {
			return account, &models.ReasonError{Reason: models.ReasonScopeMissing, Err: database.ErrUnavailable}
		}
	}
	if v := models.VerdictOf(err, false); v.Permanent {
		if ended := c.keeper.Refuse(ctx, connection, access.Generation, v.Reason, err); ended != nil {
			return account, ended
		}
	}
	return account, err
}

// Account makes the check call, twice if the API does not answer the first time. The call
// changes nothing in ServiceTitan.
func Account(ctx context.Context, client *servicetitan.Client, access secret.Value, tenantID int64) (servicetitan.Account, error) {
	account, err := client.Account(ctx, access, tenantID)
	if e, ok := errors.AsType[*servicetitan.Error](err); ok && e.Kind == servicetitan.Unavailable {
		account, err = client.Account(ctx, access, tenantID)
	}
	return account, err
}
