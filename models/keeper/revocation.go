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
	// revokeFor is for how long ServiceTitan is asked to withdraw access that we
	// no longer keep.
	revokeFor = 24 * time.Hour
	// revokeEvery is how often the keeper looks for what is to be withdrawn.
	revokeEvery = 10 * time.Second
	// firstRevokeRetry and longestRevokeRetry bound the wait between tries.
	firstRevokeRetry = 30 * time.Second
	// revokeLimit bounds one try. It is shorter than the shortest wait between tries.
	revokeLimit        = 15 * time.Second
	longestRevokeRetry = time.Hour
)

// revocation is a refresh token to be withdrawn (RFC 7009). It is written in
// the transaction that takes the token out of use.
type revocation struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	CompanyID    uuid.UUID
	ConnectionID uuid.UUID
	Environment  servicetitan.EnvironmentName
	TokenSealed  []byte
	Tries        int
	// NextTryAt is ahead while somebody tries.
	NextTryAt time.Time
	CreatedAt time.Time
}

func (r *revocation) place() seal.Place {
	return seal.Place{Table: "revocations", Company: r.CompanyID.String(), Row: r.ID.String(), Column: "token_sealed"}
}

// queueRevocation writes down that a token is to be withdrawn. Whoever does it
// now tries it at once, after the commit.
func (k *Keeper) queueRevocation(tx *gorm.DB, c models.Connection, token secret.Value, now time.Time) (*revocation, error) {
	r := &revocation{
		ID: database.NewID(), CompanyID: c.CompanyID, ConnectionID: c.ID, Environment: c.Environment,
		Tries: 1, NextTryAt: now.Add(firstRevokeRetry), CreatedAt: now,
	}
	var err error
	if r.TokenSealed, err = k.keys.Seal(token.Reveal(), r.place()); err != nil {
		return nil, fmt.Errorf("seal token to be withdrawn: %w", err)
	}
	if err := tx.Create(r).Error; err != nil {
		return nil, fmt.Errorf("queue revocation: %w", err)
	}
	return r, nil
}

// revoke tries to withdraw a token. It is forgotten once ServiceTitan has taken
// notice, or when there is no more point in trying.
func (k *Keeper) revoke(ctx context.Context, r *revocation, supportCode string) {
	ctx = context.WithoutCancel(ctx)
	err := k.askToRevoke(ctx, r)
	event := models.Event{CompanyID: r.CompanyID, ConnectionID: &r.ConnectionID, Kind: models.EventRevoked, SupportCode: supportCode, At: k.db.Now()}
	switch {
	case err == nil:
	case errors.Is(err, servicetitan.ErrNoRevocation), errors.Is(err, seal.ErrCannotOpen) && !errors.Is(err, seal.ErrKeyMissing), k.db.Now().Sub(r.CreatedAt) >= revokeFor:
		event.Kind = models.EventRevocationFailed
		k.log.WarnContext(ctx, "access was not withdrawn", "connection", r.ConnectionID, "tries", r.Tries, "error", err)
	default:
		k.log.InfoContext(ctx, "access is not withdrawn yet", "connection", r.ConnectionID, "tries", r.Tries, "error", err)
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

func (k *Keeper) askToRevoke(ctx context.Context, r *revocation) error {
	client, ok := k.clients.In(r.Environment)
	if !ok {
		return fmt.Errorf("revoke in %s: %w", r.Environment, errNotConfigured)
	}
	token, err := k.keys.Open(r.TokenSealed, r.place())
	if err != nil {
		return fmt.Errorf("open token to be withdrawn: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, revokeLimit)
	defer cancel()
	return client.Revoke(ctx, secret.New(token))
}

// tendRevocations tries again what could not be withdrawn at once.
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

// revokeAll tries what was taken. It stops when the context ends, or when the
// next try of one might come before this one ends; then it gives back those that
// are left.
func (k *Keeper) revokeAll(ctx context.Context, list []revocation) {
	for i := range list {
		if ctx.Err() != nil || list[i].NextTryAt.Sub(k.db.Now()) < revokeLimit {
			k.giveBackRevocations(ctx, list[i:])
			return
		}
		k.revoke(ctx, &list[i], "")
	}
}

// giveBackRevocations lets others try what was taken and not begun, as if nobody
// had tried. What somebody else has taken since stays theirs.
func (k *Keeper) giveBackRevocations(ctx context.Context, list []revocation) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	err := k.db.Write(ctx, func(tx *gorm.DB) error {
		for _, r := range list {
			err := tx.Model(&revocation{}).Where("id = ? AND next_try_at = ?", r.ID, r.NextTryAt).
				Updates(map[string]any{"tries": r.Tries - 1, "next_try_at": k.db.Now()}).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		k.log.WarnContext(ctx, "revocations were not given back; they are tried at their next time", "count", len(list), "error", err)
	}
}

// dueRevocations takes those whose next try has come, and sets their next one.
// Those of other environments are for the instances that have them, until there is
// no more point in trying.
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
		list = nil // of an earlier run
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
			r.NextTryAt = now.Add(wait).Truncate(time.Microsecond) // as databases keep it
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
