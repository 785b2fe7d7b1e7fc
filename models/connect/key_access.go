package connect

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// ReadKeyed reads an API key that was sent together with the connection whose token its
// sender asks for. It returns ErrNotFound if there is nothing to serve. Then
// APIKeys.Check and TokenFor find out why.
func (c *Connections) ReadKeyed(ctx context.Context, sent secret.Value, scope accounts.Scope, id uuid.UUID) (*keeper.Keyed, error) {
	return c.keeper.ReadKeyed(ctx, sent, scope, id)
}

// TokenOf is TokenFor for what was just read with ReadKeyed and whose key was admitted.
func (c *Connections) TokenOf(ctx context.Context, found *keeper.Keyed) (keeper.Access, error) {
	return c.keeper.AccessOfKeyed(ctx, found)
}

// TokenFor returns a valid access token of a connection that a key may see. Of the
// connection, it returns only the fields that the keeper reads to serve the token.
func (c *Connections) TokenFor(ctx context.Context, key accounts.APIKey, id uuid.UUID) (models.Connection, keeper.Access, error) {
	connection, err := c.keeper.ToServe(ctx, id, key.CompanyID)
	if errors.Is(err, database.ErrNotFound) && key.CompanyID == nil {
		return c.whyNot(ctx, key, id)
	}
	if err != nil {
		return connection, keeper.Access{}, err
	}
	access, err := c.keeper.AccessOf(ctx, connection, false)
	return connection, access, err
}

// whyNot returns the reason why a connection cannot be served: it does not exist, or
// its company is locked.
func (c *Connections) whyNot(ctx context.Context, key accounts.APIKey, id uuid.UUID) (models.Connection, keeper.Access, error) {
	listed, err := c.For(ctx, key, id)
	if err == nil { // the company has been unlocked since
		err = database.ErrUnavailable
	}
	return listed.Connection, keeper.Access{}, err
}

// TestFor is Test for a back end. It returns the connection as it is afterwards.
func (c *Connections) TestFor(ctx context.Context, key accounts.APIKey, supportCode string, id uuid.UUID) (Listed, error) {
	connection, err := c.For(ctx, key, id)
	if err != nil {
		return Listed{}, err
	}
	if err := c.test(ctx, key.Actor(supportCode), connection.Connection); err != nil {
		return Listed{}, err
	}
	return c.For(ctx, key, id)
}

// DisconnectFor is Disconnect for a back end. It returns ErrNotConnected for a
// connection that is still being set up, and otherwise the connection as it is
// afterwards.
func (c *Connections) DisconnectFor(ctx context.Context, key accounts.APIKey, supportCode string, id uuid.UUID) (Listed, error) {
	connection, err := c.For(ctx, key, id)
	if err != nil {
		return Listed{}, err
	}
	if connection.State == models.Pending {
		return Listed{}, &models.ReasonError{Err: models.ErrNotConnected}
	}
	may := func(tx *gorm.DB) error { return accounts.StillKey(tx, key.ID) }
	err = c.End(ctx, key.Actor(supportCode), connection.CompanyID, id, may, func(*gorm.DB, time.Time) error { return nil })
	if err != nil {
		return Listed{}, err
	}
	return c.For(ctx, key, id)
}
