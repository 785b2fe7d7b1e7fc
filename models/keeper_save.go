package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// saveLimit bounds one try to save a renewal.
	saveLimit = 10 * time.Second
	// saveGivenUp is after how long a renewal that cannot be saved is lost. The
	// database has been away for so long that whoever restarts us comes first.
	saveGivenUp = 10 * time.Minute
	firstPause  = 100 * time.Millisecond
	longPause   = 15 * time.Second
)

// saveEnd is how a save ended.
type saveEnd int

const (
	_ saveEnd = iota
	saved
	// superseded: another renewal of the same grant was saved. Its tokens may
	// descend from ours, so withdrawing ours could end them.
	superseded
	// unwanted: the grant that was renewed is no longer used.
	unwanted
)

// keep saves new tokens if the credential is still the one they replace. If a
// person disconnected or reconnected meanwhile, the new tokens are withdrawn.
// Nobody gets a token that is not saved.
func (k *Keeper) keep(ctx context.Context, client *servicetitan.Client, connection Connection, sealed credential, old basis, tokens servicetitan.Tokens) (Access, error) {
	if tokens.Refresh.IsZero() {
		tokens.Refresh = old.refresh
	}
	fresh, err := sealCredential(k.keys, sealed.CompanyID, sealed.ConnectionID, sealed.Generation+1, tokens, old.own)
	if err != nil {
		return Access{}, err
	}
	end, err := k.saveUntilSaved(ctx, client, connection, sealed, fresh, tokens)
	if err != nil {
		return Access{}, fmt.Errorf("save renewed access: %w", err)
	}
	if end == saved {
		return Access{Token: tokens.Access, ExpiresAt: fresh.ExpiresAt, Generation: fresh.Generation}, nil
	}
	k.options.Watch.LeaseLost()
	if end == unwanted && !tokens.Refresh.IsZero() {
		if err := client.Revoke(ctx, tokens.Refresh); err != nil {
			k.log.WarnContext(ctx, "unused access was not withdrawn", "connection", connection.ID, "error", err)
		}
	}
	if connection, sealed, err = k.load(ctx, sealed.CompanyID, sealed.ConnectionID); err != nil {
		return Access{}, err
	}
	return k.old(ctx, connection, sealed, ReasonUnavailable, time.Time{})
}

// saveUntilSaved holds on to new tokens, sealed, until the database takes them:
// the old ones are spent. Only a connection that is gone ends it sooner. An error
// of unknown kind may pass like any other, for example once an operator has put
// a permission right. While the database is unavailable, others wait for their
// leases, so nothing more is sent.
func (k *Keeper) saveUntilSaved(ctx context.Context, client *servicetitan.Client, connection Connection, sealed, fresh credential, tokens servicetitan.Tokens) (saveEnd, error) {
	ctx = context.WithoutCancel(ctx)
	began, pause := time.Now(), firstPause
	waits, stalls := false, false
	defer func() {
		if waits {
			k.unsaved.Add(-1)
		}
		k.stall(&stalls, false)
	}()
	for {
		end, err := k.saveOnce(ctx, client, connection, sealed, fresh, tokens)
		if err == nil {
			return end, nil
		}
		if Gone(err) {
			return 0, found(err, "find connection")
		}
		if !waits {
			waits = true
			k.unsaved.Add(1)
		}
		k.stall(&stalls, Unavailable(err))
		k.log.ErrorContext(ctx, "renewals wait to be saved", "count", k.unsaved.Load(), "connection", connection.ID, "error", err)
		if time.Since(began) > saveGivenUp {
			return 0, err
		}
		<-time.After(pause/2 + spread(pause/2))
		pause = min(2*pause, longPause)
	}
}

// stall counts a save that the whole database stands in the way of, or no longer
// counts it.
func (k *Keeper) stall(stalls *bool, now bool) {
	if *stalls == now {
		return
	}
	*stalls = now
	if now {
		k.stalled.Add(1)
	} else {
		k.stalled.Add(-1)
	}
}

func (k *Keeper) saveOnce(ctx context.Context, client *servicetitan.Client, connection Connection, sealed, fresh credential, tokens servicetitan.Tokens) (end saveEnd, err error) {
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := k.db.sharedNow(tx)
		if err != nil {
			return err
		}
		var current Connection
		if err := forUpdate(tx).Where("id = ?", connection.ID).Take(&current).Error; err != nil {
			return err
		}
		if _, ok := next(current.State, renewed); !ok {
			end = unwanted
			return nil
		}
		current.ExpiresAt = fresh.ExpiresAt
		due := nextRenewal(&current, k.options.KeepAlive, now)
		// The generation is the fence. A lease that has run out meanwhile does not
		// matter as long as nobody has replaced what we have renewed.
		result := tx.Model(&credential{}).
			Where("connection_id = ? AND generation = ?", sealed.ConnectionID, sealed.Generation).
			Updates(map[string]any{
				"access_sealed": fresh.AccessSealed, "refresh_sealed": fresh.RefreshSealed, "secret_sealed": fresh.SecretSealed, "expires_at": fresh.ExpiresAt,
				"generation": fresh.Generation, "lease_owner": "", "lease_until": nil, "due_at": due,
			})
		if result.Error != nil {
			return result.Error
		}
		if result.RowsAffected == 0 {
			end, err = k.whoseSave(tx, connection, current, fresh, tokens)
			return err
		}
		end = saved
		if err := countRenewal(tx, connection.ID, 1, 0, now); err != nil {
			return err
		}
		upgrade := false
		err = k.change(tx, current, renewed, func(c *Connection) {
			c.Generation = fresh.Generation
			upgrade = c.granted(tokens, client.Environment().Scopes, due, now)
		}, Event{Kind: EventRecovered, At: now})
		if err != nil || !upgrade {
			return err
		}
		return recordUpgrade(tx, connection, now)
	})
	return end, err
}

// whoseSave says what stands in the place of a renewal that could not be saved.
// It may be the renewal itself: a commit whose answer was lost.
func (k *Keeper) whoseSave(tx *gorm.DB, connection, current Connection, fresh credential, tokens servicetitan.Tokens) (saveEnd, error) {
	var stands credential
	err := tx.Where("connection_id = ?", fresh.ConnectionID).Take(&stands).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return unwanted, nil
	}
	if err != nil {
		return 0, err
	}
	if bytes.Equal(stands.AccessSealed, fresh.AccessSealed) { // no two sealings are alike
		return saved, nil
	}
	if current.ConnectedAt.Equal(connection.ConnectedAt) {
		return superseded, nil
	}
	if used, err := stands.refresh(k.keys); err != nil || used == tokens.Refresh {
		return superseded, nil
	}
	return unwanted, nil
}
