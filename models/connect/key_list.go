package connect

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// ListedPerPage is the most connections on a page of the API.
const ListedPerPage = 100

// ListFilter selects the connections of a page of the API. Zero values select all.
type ListFilter struct {
	State       models.State
	Environment servicetitan.EnvironmentName
	// Reference is the caller's ID of the company.
	Reference string
	TenantID  int64
	// ChangedSince selects what has changed at that time or later. The page is then in
	// the order of the changes. Otherwise, it is in the order of the IDs.
	ChangedSince time.Time
	// After is where the page before this one ended.
	After Cursor
	// Limit is the most connections on the page, ListedPerPage at most.
	Limit int
}

// Cursor is a position in a list.
type Cursor struct {
	// ChangedAt is zero in a list in the order of the IDs.
	ChangedAt time.Time
	ID        uuid.UUID
}

// Listed is a connection as back ends see it.
type Listed struct {
	models.Connection
	CompanyName string
	// Reference is the caller's ID of the company, if it gave one.
	Reference string
	// AnsweredAt is when ServiceTitan's API last answered as it should; nil if never.
	AnsweredAt *time.Time
	// ChangedAt is when something that back ends see has changed, apart from renewals.
	// A database trigger sets it.
	ChangedAt time.Time
}

// Cursor returns the position of the connection in a list.
func (l Listed) Cursor(byChange bool) Cursor {
	if byChange {
		return Cursor{ChangedAt: l.ChangedAt, ID: l.ID}
	}
	return Cursor{ID: l.ID}
}

// listedColumns are the columns of Listed.
const listedColumns = "o.*, c.name AS company_name, c.reference, k.answered_at"

// listed begins a query of connections as back ends see them.
func (c *Connections) listed(ctx context.Context, key accounts.APIKey) *gorm.DB {
	query := c.db.Read(ctx).Table("connections o").Select(listedColumns).
		Joins("JOIN companies c ON c.id = o.company_id").Joins("LEFT JOIN checks k ON k.connection_id = o.id")
	if key.CompanyID != nil {
		query = query.Where("o.company_id = ?", *key.CompanyID)
	}
	return query
}

// PageFor returns a page of the connections that a key may see. Locked companies are
// left out. More says that another page follows.
func (c *Connections) PageFor(ctx context.Context, key accounts.APIKey, f ListFilter) (page []Listed, more bool, err error) {
	query := c.listed(ctx, key)
	if key.CompanyID == nil {
		query = query.Where("o.company_id NOT IN (" + accounts.LockedCompanies + ")")
	}
	if f.State != "" {
		query = query.Where("o.state = ?", f.State)
	}
	if f.Environment != "" {
		query = query.Where("o.environment = ?", f.Environment)
	}
	if f.TenantID != 0 {
		query = query.Where("o.tenant_id = ?", f.TenantID)
	}
	if f.Reference != "" {
		query = query.Where("o.company_id = (SELECT id FROM companies WHERE reference = ? AND reference <> '')", f.Reference)
	}
	if f.ChangedSince.IsZero() {
		query = query.Where("o.id > ?", f.After.ID).Order("o.id")
	} else {
		query = query.Where("o.changed_at >= ?", f.ChangedSince).Where("(o.changed_at, o.id) > (?, ?)", f.After.ChangedAt, f.After.ID).Order("o.changed_at, o.id")
	}
	limit := ListedPerPage
	if f.Limit > 0 {
		limit = min(f.Limit, ListedPerPage)
	}
	if err := query.Limit(limit + 1).Find(&page).Error; err != nil {
		return nil, false, fmt.Errorf("list connections: %w", err)
	}
	if len(page) > limit {
		return page[:limit], true, nil
	}
	return page, false, nil
}

// For returns a connection that a key may see. It returns ErrNotFound if there is no
// such connection, and ErrLocked if its company is locked.
func (c *Connections) For(ctx context.Context, key accounts.APIKey, id uuid.UUID) (Listed, error) {
	var row struct {
		Listed
		LockedAt *time.Time
	}
	err := c.listed(ctx, key).Select(listedColumns+", c.locked_at").Where("o.id = ?", id).Take(&row).Error
	if err == nil && row.LockedAt != nil {
		err = accounts.ErrLocked
	}
	return row.Listed, database.Found(err, "get connection")
}
