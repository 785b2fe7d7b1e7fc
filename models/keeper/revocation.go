package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// revokeFor is how long the keeper asks ServiceTitan to revoke access that we no
	// longer use.
	revokeFor = 24 * time.Hour
	// revokeEvery is how often the keeper looks for revocations that are due.
	revokeEvery = 10 * time.Second
	// firstRevokeRetry and longestRevokeRetry bound the wait between attempts.
	firstRevokeRetry   = 30 * time.Second
	longestRevokeRetry = time.Hour
	// revokeLimit is the time limit of one attempt. It is shorter than the shortest wait
	// between attempts.
	revokeLimit = 15 * time.Second
)

// revocation is a refresh token that ServiceTitan has to revoke (RFC 7009). It is written
// in the transaction that takes the token out of use.
type revocation struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	CompanyID    uuid.UUID
	ConnectionID uuid.UUID
	Environment  servicetitan.EnvironmentName
	TokenSealed  []byte
	Tries        int
	// NextTryAt is in the future while an attempt is under way.
	NextTryAt time.Time
	CreatedAt time.Time
}

// place returns the place that the token is bound to.
func (r *revocation) place() seal.Place {
	return seal.Place{Table: "revocations", Company: r.CompanyID.String(), Row: r.ID.String(), Column: "token_sealed"}
}

// queueRevocation stores a token that has to be revoked. It counts the first attempt, which
// the caller makes right after the commit.
func (k *Keeper) queueRevocation(tx *gorm.DB, c models.Connection, token secret.Value, now time.Time) (*revocation, error) {
	r := &revocation{
		ID: database.NewID(), CompanyID: c.CompanyID, ConnectionID: c.ID, Environment: c.Environment,
		Tries: 1, NextTryAt: now.Add(firstRevokeRetry), CreatedAt: now,
	}
	var err error
	if r.TokenSealed, err = k.keys.Seal(token.Reveal(), r.place()); err != nil {
		return nil, fmt.Errorf("encrypt token to revoke: %w", err)
	}
	if err := tx.Create(r).Error; err != nil {
		return nil, fmt.Errorf("queue revocation: %w", err)
	}
	return r, nil
}

// revoke attempts to revoke a token. It deletes the revocation once ServiceTitan has
// confirmed it, or when another attempt would be useless.
func (k *Keeper) revoke(ctx context.Context, r *revocation, supportCode string) {
	ctx = context.WithoutCancel(ctx)
	err := k.askToRevoke(ctx, r)
	event := models.Event{CompanyID: r.CompanyID, ConnectionID: &r.ConnectionID, Kind: models.EventRevoked, SupportCode: supportCode, At: k.db.Now()}
	switch {
	case err == nil:
	case errors.Is(err, servicetitan.ErrNoRevocation), errors.Is(err, seal.ErrCannotOpen) && !errors.Is(err, seal.ErrKeyMissing), k.db.Now().Sub(r.CreatedAt) >= revokeFor:
		event.Kind = models.EventRevocationFailed
		k.log.WarnContext(ctx, "access was not revoked", "connection", r.ConnectionID, "tries", r.Tries, "error", err)
	default:
		k.log.InfoContext(ctx, "access is not revoked yet", "connection", r.ConnectionID, "tries", r.Tries, "error", err)
		return
	}
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		result := tx.Where("id = ?", r.ID).Delete(&revocation{})
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		return models.Record(tx, event)
	})
	if err != nil {
		k.log.ErrorContext(ctx, "revocation was not recorded", "connection", r.ConnectionID, "error", err)
	}
}

// askToRevoke decrypts the token and sends the revocation request.
func (k *Keeper) askToRevoke(ctx context.Context, r *revocation) error {
	client, ok := k.clients.In(r.Environment)
	if !ok {
		return fmt.Errorf("revoke in %s: %w", r.Environment, errNotConfigured)
	}
	token, err := k.keys.Open(r.TokenSealed, r.place())
	if err != nil {
		return fmt.Errorf("decrypt token to revoke: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, revokeLimit)
	defer cancel()
	return client.Revoke(ctx, secret.New(token))
}

// tendRevocations repeats failed revocations until the context ends.
func (k *Keeper) tendRevocations(ctx context.Context) {
	for range retry.Every(ctx, revokeEvery) {
		within, cancel := k.db.LimitWork(ctx)
		list, err := k.dueRevocations(within)
		cancel()
		if err != nil && ctx.Err() == nil {
			k.log.WarnContext(ctx, "revocations cannot be read", "error", err)
		}
		k.revokeAll(ctx, list)
	}
}

// revokeAll attempts the revocations that this instance has taken. It stops when the
// context ends, or when the next attempt of one could begin before this one ends. It then
// gives back the rest.
func (k *Keeper) revokeAll(ctx context.Context, taken []revocation) {
	for i := range taken {
		if ctx.Err() != nil || taken[i].NextTryAt.Sub(k.db.Now()) < revokeLimit {
			k.giveBackRevocations(ctx, taken[i:])
			return
		}
		k.revoke(ctx, &taken[i], "")
	}
}

// giveBackRevocations lets other instances attempt the revocations that this one took but
// did not begin. It leaves alone those that another instance has taken since.
func (k *Keeper) giveBackRevocations(ctx context.Context, taken []revocation) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	err := k.db.Write(ctx, func(tx *gorm.DB) error {
		for _, r := range taken {
			err := tx.Model(&revocation{}).Where("id = ? AND next_try_at = ?", r.ID, r.NextTryAt).
				Updates(map[string]any{"tries": r.Tries - 1, "next_try_at": k.db.Now()}).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		k.log.WarnContext(ctx, "revocations were not given back, so they wait for their next attempt", "count", len(taken), "error", err)
	}
}

// dueRevocations takes the revocations that are due, and schedules their next attempts. It
// leaves those of other environments to the instances that have them, until revokeFor has
// passed.
func (k *Keeper) dueRevocations(ctx context.Context) ([]revocation, error) {
	var due []uuid.UUID
	now := k.db.Now()
	mine := k.environments()
	if err := k.db.Read(ctx).Raw("SELECT id FROM revocations WHERE next_try_at <= ? AND (environment IN ? OR created_at <= ?) LIMIT 1",
		now, mine, now.Add(-revokeFor)).Scan(&due).Error; err != nil || len(due) == 0 {
		return nil, err
	}
	var list []revocation
	err := k.db.Write(ctx, func(tx *gorm.DB) error {
		list = nil // the transaction may run more than once
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		err = tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_try_at <= ? AND (environment IN ? OR created_at <= ?)", now, mine, now.Add(-revokeFor)).
			Order("next_try_at").Limit(leasedAtOnce).Find(&list).Error
		if err != nil {
			return err
		}
		for i := range list {
			r := &list[i]
			r.Tries++
			wait := retry.Backoff{First: firstRevokeRetry, Longest: longestRevokeRetry}.Jittered(r.Tries)
			r.NextTryAt = now.Add(wait).Truncate(time.Microsecond) // databases keep microseconds
			err := tx.Model(&revocation{}).Where("id = ?", r.ID).
				Updates(map[string]any{"tries": r.Tries, "next_try_at": r.NextTryAt}).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("take revocations: %w", err)
	}
	return list, nil
}
