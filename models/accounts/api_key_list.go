package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// keysShown is the most keys on a page.
const keysShown = 50

// KeyLine is a key in a list, with the name of its company.
type KeyLine struct {
	APIKey
	CompanyName string
}

// KeyFilter says which keys are listed.
type KeyFilter struct {
	// Ended selects the keys that were revoked or have expired, instead of those that
	// work.
	Ended bool
	// Before is the last key of the page before. uuid.Nil begins with the newest.
	Before uuid.UUID
}

// Page returns a page of keys, newest first. More says that there are others.
func (a *APIKeys) Page(ctx context.Context, whose *uuid.UUID, f KeyFilter) (page []KeyLine, more bool, err error) {
	query := ofOwner(withCompany(a.db.Read(ctx)), whose)
	if f.Ended {
		query = query.Where("(revoked_at IS NOT NULL OR expires_at <= ?)", a.db.Now())
	} else {
		query = working(query, a.db.Now())
	}
	if f.Before != uuid.Nil {
		query = query.Where("k.id < ?", f.Before)
	}
	if err := query.Order("k.id DESC").Limit(keysShown + 1).Scan(&page).Error; err != nil {
		return nil, false, fmt.Errorf("list API keys: %w", err)
	}
	if len(page) > keysShown {
		return page[:keysShown], true, nil
	}
	return page, false, nil
}

// Key returns a key, or ErrNotFound.
func (a *APIKeys) Key(ctx context.Context, whose *uuid.UUID, id uuid.UUID) (KeyLine, error) {
	var line KeyLine
	err := ofOwner(withCompany(a.db.Read(ctx)), whose).Where("k.id = ?", id).Take(&line).Error
	return line, database.Found(err, "find API key")
}

// withCompany returns a query that finds keys with the names of their companies.
func withCompany(db *gorm.DB) *gorm.DB {
	return db.Table("api_keys k").Select("k.*, coalesce(c.name, '') AS company_name").Joins("LEFT JOIN companies c ON c.id = k.company_id")
}

// working limits a query to the keys that work.
func working(db *gorm.DB, now time.Time) *gorm.DB {
	return db.Where("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", now)
}

// List returns all keys, oldest first, including revoked ones.
func (a *APIKeys) List(ctx context.Context) ([]APIKey, error) {
	var keys []APIKey
	if err := a.db.Read(ctx).Order("id").Find(&keys).Error; err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}
