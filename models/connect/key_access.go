package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// pageSize is the most connections on a page of the API.
const pageSize = 100

// PageFor returns a page of the connections that a key may see, ordered by ID and
// beginning behind the ID after. A tenant ID other than 0 selects that tenant's
// connections. Locked companies are left out. More says that another page follows.
func (c *Connections) PageFor(ctx context.Context, key accounts.APIKey, tenantID int64, after uuid.UUID) (page []models.Connection, more bool, err error) {
	query := c.db.Read(ctx).Where("id > ?", after)
	if key.CompanyID != nil {
		query = query.Where("company_id = ?", *key.CompanyID)
	} else {
		query = query.Where("company_id NOT IN (" + accounts.LockedCompanies + ")")
	}
	if tenantID != 0 {
		query = query.Where("tenant_id = ?", tenantID)
	}
	if err := query.Order("id").Limit(pageSize + 1).Find(&page).Error; err != nil {
		return nil, false, fmt.Errorf("list connections: %w", err)
	}
	if len(page) > pageSize {
		return page[:pageSize], true, nil
	}
	return page, false, nil
}

// For returns a connection that a key may see. It returns ErrNotFound if there is no
// such connection, and ErrLocked if its company is locked.
func (c *Connections) For(ctx context.Context, key accounts.APIKey, id uuid.UUID) (models.Connection, error) {
	query := c.db.Read(ctx).Table("connections o").Select("o.*, c.locked_at").Joins("JOIN companies c ON c.id = o.company_id").Where("o.id = ?", id)
	if key.CompanyID != nil {
		query = query.Where("o.company_id = ?", *key.CompanyID)
	}
	var row struct {
		models.Connection
		LockedAt *time.Time
	}
	err := query.Take(&row).Error
	if err == nil && row.LockedAt != nil {
		err = accounts.ErrLocked
	}
	return row.Connection, database.Found(err, "get connection")
}

// ReadKeyed reads an API key that was sent together with the connection whose token its
// sender asks for. It returns ErrNotFound if there is nothing to serve. Then
// APIKeys.Check and TokenFor find out why.
func (c *Connections) ReadKeyed(ctx context.Context, sent secret.Value, id uuid.UUID) (*keeper.Keyed, error) {
	return c.keeper.ReadKeyed(ctx, sent, id)
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
	connection, err := c.For(ctx, key, id)
	if err == nil { // the company has been unlocked since
		err = database.ErrUnavailable
	}
	return connection, keeper.Access{}, err
}
