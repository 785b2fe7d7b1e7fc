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
)

// pageSize is how many connections a page of the API has.
const pageSize = 100

// PageFor is a page of the connections that a key may see, by ID, from after
// on; a tenant ID other than 0 picks that tenant's. Those of locked companies are
// not among them. More says that there are others behind it.
func (c *Connections) PageFor(ctx context.Context, key accounts.APIKey, tenantID int64, after uuid.UUID) (list []models.Connection, more bool, err error) {
	query := c.db.Read(ctx).Where("id > ?", after)
	if key.CompanyID != nil {
		query = query.Where("company_id = ?", *key.CompanyID)
	} else {
		query = query.Where("company_id NOT IN (" + accounts.LockedCompanies + ")")
	}
	if tenantID != 0 {
		query = query.Where("tenant_id = ?", tenantID)
	}
	if err := query.Order("id").Limit(pageSize + 1).Find(&list).Error; err != nil {
		return nil, false, fmt.Errorf("list connections: %w", err)
	}
	if len(list) > pageSize {
		return list[:pageSize], true, nil
	}
	return list, false, nil
}

// For is a connection that a key may see, or ErrNotFound, or ErrLocked.
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

// TokenFor is a valid access token of a connection that a key may see, and of
// the connection what the keeper reads to serve it.
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

// whyNot says whether a connection is not there at all, or its company locked.
func (c *Connections) whyNot(ctx context.Context, key accounts.APIKey, id uuid.UUID) (models.Connection, keeper.Access, error) {
	connection, err := c.For(ctx, key, id)
	if err == nil { // unlocked meanwhile
		err = database.ErrUnavailable
	}
	return connection, keeper.Access{}, err
}
