package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// LongestOverlap is how long two secrets of a key may work at most.
const LongestOverlap = 30 * 24 * time.Hour

// ErrOverlap says that two secrets of a key would work for too long.
var ErrOverlap = errors.New("the old secret may work for at most 30 more days")

// KeySettings are what can be changed of a key.
type KeySettings struct {
	Name       string
	Scopes     []Scope
	CallerName string
	ReturnURLs []string
}

// KeyRoll says how a key gets another secret.
type KeyRoll struct {
	// Overlap is how long the old secret works beside the new one.
	Overlap time.Duration
	// ExpiresAt is when the key expires from then on, or nil.
	ExpiresAt *time.Time
}

// Change changes the settings of a key. It returns ErrNotFound if the key does not exist
// or was revoked, and an error that gives the reason if it refuses them.
func (a *APIKeys) Change(ctx context.Context, by Actor, whose *uuid.UUID, id uuid.UUID, to KeySettings) error {
	wanted, err := NewKey{Name: to.Name, Scopes: to.Scopes, CallerName: to.CallerName, ReturnURLs: to.ReturnURLs}.key(id, a.db.Now())
	if err != nil {
		return fmt.Errorf("change API key: %w", err)
	}
	return a.change(ctx, by, whose, id, AuditKeyChanged, func(key *APIKey, _ time.Time) (map[string]any, error) {
		key.Name = wanted.Name
		return map[string]any{"name": wanted.Name, "scopes": wanted.Scopes, "caller_name": wanted.CallerName, "return_urls": wanted.ReturnURLs}, nil
	})
}

// Roll gives a key another secret, which is returned and cannot be read again. The old
// one works until the overlap is over. A secret from before that one ends at once. Roll
// returns ErrNotFound if the key does not exist or was revoked.
func (a *APIKeys) Roll(ctx context.Context, by Actor, whose *uuid.UUID, id uuid.UUID, to KeyRoll) (APIKey, secret.Value, error) {
	var rolled APIKey
	made := newKey()
	err := a.change(ctx, by, whose, id, AuditKeyRolled, func(key *APIKey, now time.Time) (map[string]any, error) {
		until, expires := now.Add(to.Overlap), database.InUTC(to.ExpiresAt)
		switch {
		case to.Overlap < 0 || to.Overlap > LongestOverlap:
			return nil, ErrOverlap
		case expires != nil && !expires.After(now):
			return nil, ErrExpired
		case key.ExpiresAt != nil && key.ExpiresAt.Before(until):
			until = *key.ExpiresAt
		}
		rolled = *key
		rolled.OldKeyHash, rolled.OldUntil, rolled.OldUsedAt = key.KeyHash, &until, nil
		rolled.KeyHash, rolled.RolledAt, rolled.ExpiresAt = database.HashOf(made), &now, expires
		return map[string]any{
			"key_hash": rolled.KeyHash, "rolled_at": now, "expires_at": expires, "old_key_hash": rolled.OldKeyHash, "old_until": until, "old_used_at": nil,
		}, nil
	})
	if err != nil {
		return APIKey{}, secret.Value{}, err
	}
	return rolled, made, nil
}

// EndOld ends the secret that a key had before it was rolled. It returns ErrNotFound if
// there is none that works.
func (a *APIKeys) EndOld(ctx context.Context, by Actor, whose *uuid.UUID, id uuid.UUID) error {
	return a.change(ctx, by, whose, id, AuditKeyOldEnded, func(key *APIKey, now time.Time) (map[string]any, error) {
		if !key.OldWorks(now) {
			return nil, database.ErrNotFound
		}
		return map[string]any{"old_until": now}, nil
	})
}

// Revoke ends a key at once, on every instance. It returns ErrNotFound if the key does
// not exist or was already revoked.
func (a *APIKeys) Revoke(ctx context.Context, by Actor, whose *uuid.UUID, id uuid.UUID) error {
	return a.change(ctx, by, whose, id, AuditKeyRevoked, func(_ *APIKey, now time.Time) (map[string]any, error) {
		return map[string]any{"revoked_at": now}, nil
	})
}

// OldWorks reports whether the secret before the last roll still works.
func (k APIKey) OldWorks(now time.Time) bool {
	return k.OldUntil != nil && k.OldUntil.After(now) && k.Works(now)
}

// change stores what decide returns for a key that was not revoked, and records it.
func (a *APIKeys) change(ctx context.Context, by Actor, whose *uuid.UUID, id uuid.UUID, action AuditAction, decide func(*APIKey, time.Time) (map[string]any, error)) error {
	now := a.db.Now()
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		if whose != nil && action != AuditKeyRevoked { // nothing delays the end of a key
			if err := keyChanges.Take(tx, whose.String(), now); err != nil {
				return err
			}
		}
		if err := StillDeveloper(tx, by, whose); err != nil {
			return err
		}
		var key APIKey
		if err := database.ForUpdate(ofOwner(tx, whose)).Where("id = ? AND revoked_at IS NULL", id).Take(&key).Error; err != nil {
			return database.Found(err, "find API key")
		}
		set, err := decide(&key, now)
		if err != nil {
			return err
		}
		return errors.Join(tx.Model(&APIKey{}).Where("id = ?", id).Updates(set).Error, by.auditKey(tx, whose, action, key, now))
	})
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	return nil
}

// ofOwner limits a query to the keys of a company, unless whose is nil.
func ofOwner(db *gorm.DB, whose *uuid.UUID) *gorm.DB {
	if whose == nil {
		return db
	}
	return db.Where("company_id = ?", *whose)
}

// auditKey records what the actor did with a key. What the people of a company did is in
// its activity, with the key's name. What the operator did is in the record of staff.
func (by Actor) auditKey(tx *gorm.DB, whose *uuid.UUID, action AuditAction, key APIKey, now time.Time) error {
	switch {
	case whose != nil:
		return by.AuditIn(tx, *whose, action, key.ID, key.Name, now)
	case key.CompanyID != nil:
		return by.audit(tx, action, key.ID, "company "+key.CompanyID.String(), now)
	}
	return by.audit(tx, action, key.ID, "all companies", now)
}
