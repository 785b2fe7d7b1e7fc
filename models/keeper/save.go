package keeper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// saveLimit is the time limit of one attempt to save a renewal.
	saveLimit = 10 * time.Second
	// saveGivenUp is how long the keeper attempts to save a renewal before the renewal is
	// lost. If the database is away for that long, somebody restarts the process sooner.
	saveGivenUp = 10 * time.Minute
	firstPause  = 100 * time.Millisecond
	longPause   = 15 * time.Second
)

// saveEnd says how a save ended.
type saveEnd int

const (
	_ saveEnd = iota
	saved
	// superseded says that another renewal of the same grant was saved. Its tokens may
	// come from ours, so to revoke ours could end them.
	superseded
	// unwanted says that the grant is no longer used.
	unwanted
)

// answered holds the result of a renewal until it is saved.
type answered struct {
	client     *servicetitan.Client
	connection models.Connection
	// cred is the credential that was renewed under the lease.
	cred   credential
	held   lease
	old    grant
	tokens servicetitan.Tokens
	// fresh is the credential with the new tokens.
	fresh credential
}

// encryptFor encrypts the new tokens for a generation.
func (a *answered) encryptFor(k *Keeper, generation int64) (err error) {
	a.fresh, err = newCredential(k.keys, a.cred.CompanyID, a.cred.ConnectionID, generation, a.tokens, a.old.Own)
	return err
}

// keep saves new tokens if the credential is still the one that they replace. If a person
// disconnected or reconnected in the meantime, it revokes the new tokens. It never returns
// a token that is not saved.
func (k *Keeper) keep(ctx context.Context, a answered) (Access, error) {
	if a.tokens.Refresh.IsZero() {
		a.tokens.Refresh = a.old.Refresh
	}
	if err := a.encryptFor(k, a.cred.Generation+1); err != nil {
		return Access{}, err
	}
	end, err := k.saveUntilSaved(ctx, &a)
	if err != nil {
		return Access{}, fmt.Errorf("save renewed access: %w", err)
	}
	if end == saved {
		return Access{Token: a.tokens.Access, ExpiresAt: a.fresh.ExpiresAt, Generation: a.fresh.Generation}, nil
	}
	k.options.Watch.LeaseLost()
	if end == unwanted && !a.tokens.Refresh.IsZero() {
		if err := a.client.Revoke(ctx, a.tokens.Refresh); err != nil {
			k.log.WarnContext(ctx, "unused access was not revoked", "connection", a.connection.ID, "error", err)
		}
	}
	connection, cred, err := k.load(ctx, a.cred.CompanyID, a.cred.ConnectionID)
	if err != nil {
		return Access{}, err
	}
	return k.old(ctx, connection, cred, models.ReasonUnavailable, time.Time{})
}

// saveUntilSaved holds new tokens, encrypted, until the database takes them, because the
// old ones are spent. It ends early only if the connection no longer exists. An error of
// unknown kind may be temporary too, for example until an operator corrects a
// permission. While the database is unavailable, the keeper leases nothing, so nothing
// more is sent.
func (k *Keeper) saveUntilSaved(ctx context.Context, a *answered) (saveEnd, error) {
	ctx = context.WithoutCancel(ctx)
	began := time.Now()
	waits, stalls := false, false
	defer func() {
		if waits {
			k.unsaved.Add(-1)
		}
		k.stall(&stalls, false)
	}()
	for tries := 0; ; tries++ {
		end, err := k.trySave(ctx, a, tries == 0)
		if err == nil {
			return end, nil
		}
		if database.Gone(err) {
			return 0, database.Found(err, "find connection")
		}
		if !waits {
			waits = true
			k.unsaved.Add(1)
		}
		k.stall(&stalls, database.Unavailable(err))
		k.log.ErrorContext(ctx, "renewals wait to be saved", "count", k.unsaved.Load(), "connection", a.connection.ID, "error", err)
		if time.Since(began) > saveGivenUp {
			return 0, err
		}
		<-time.After(retry.Backoff{First: firstPause, Longest: longPause}.Jittered(tries))
	}
}

// stall starts or stops counting a save that waits because the whole database is
// unavailable.
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

// trySave attempts to save new tokens. The first attempt begins with what is enough for
// nearly every renewal.
func (k *Keeper) trySave(ctx context.Context, a *answered, first bool) (saveEnd, error) {
	end, err := k.saveOnce(ctx, a, first)
	if errors.Is(err, errNotOrdinary) {
		return k.saveOnce(ctx, a, false)
	}
	return end, err
}

// saveOnce attempts to save new tokens, in one transaction.
func (k *Keeper) saveOnce(ctx context.Context, a *answered, ordinary bool) (end saveEnd, err error) {
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		if ordinary {
			end = saved
			if done, err := k.saveOrdinary(tx, a, now); done || err != nil {
				return err
			}
		}
		var current models.Connection
		if err := database.ForUpdate(tx).Where("id = ?", a.connection.ID).Take(&current).Error; err != nil {
			return err
		}
		if _, ok := models.NextState(current.State, models.Renewed); !ok {
			end = unwanted
			return nil
		}
		current.ExpiresAt = a.fresh.ExpiresAt
		due := nextRenewal(&current, k.options.KeepAlive, now)
		// The generation is the fence. It does not matter if the lease has ended, as long
		// as nobody has replaced the credential that was renewed.
		replaced, err := a.replace(tx, a.cred.Generation, due)
		if err == nil && !replaced {
			if replaced, end, err = k.whoseSave(tx, a, current, due); err == nil && !replaced {
				return nil
			}
		}
		if err != nil {
			return err
		}
		end = saved
		if err := models.CountRenewal(tx, a.connection.ID, 1, 0, now); err != nil {
			return err
		}
		_, err = models.Apply(tx, &current, models.Transition{What: models.Renewed, At: now, Edit: func(c *models.Connection) {
			c.Generation = a.fresh.Generation
			c.Granted(a.tokens, a.client.Environment().Scopes, due, now)
		}})
		return err
	})
	return end, err
}

// replace writes the tokens over the credential of a generation, and says whether it was
// there. It does not end another holder's lease, because that holder may be using the same
// refresh token at this moment.
func (a *answered) replace(tx *gorm.DB, generation int64, due time.Time) (bool, error) {
	result := tx.Model(&credential{}).Where("connection_id = ? AND generation = ?", a.cred.ConnectionID, generation).
		Updates(map[string]any{
			"access_sealed": a.fresh.AccessSealed, "refresh_sealed": a.fresh.RefreshSealed, "secret_sealed": a.fresh.SecretSealed,
			"expires_at": a.fresh.ExpiresAt, "generation": a.fresh.Generation, "due_at": due,
			"lease_owner": gorm.Expr("CASE WHEN lease_owner = ? THEN '' ELSE lease_owner END", a.held.Owner),
			"lease_until": gorm.Expr("CASE WHEN lease_owner = ? THEN NULL ELSE lease_until END", a.held.Owner),
		})
	return result.RowsAffected > 0, result.Error
}

// whoseSave finds out what the database has in place of the credential that was renewed.
// It may be this renewal itself, if the answer to its commit was lost. Or an earlier holder
// of the lease was stopped, continued, and saved before us. Then our tokens are newer, and
// whoseSave replaces the other ones.
func (k *Keeper) whoseSave(tx *gorm.DB, a *answered, current models.Connection, due time.Time) (replaced bool, end saveEnd, err error) {
	var stands credential
	err = database.ForUpdate(tx).Where("connection_id = ?", a.cred.ConnectionID).Take(&stands).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return false, unwanted, nil
	}
	if err != nil {
		return false, 0, err
	}
	if bytes.Equal(stands.AccessSealed, a.fresh.AccessSealed) { // no two encryptions are alike
		return false, saved, nil
	}
	if stands.LeaseOwner == a.held.Owner { // a reconnect ends the lease
		if err := a.encryptFor(k, stands.Generation+1); err != nil {
			return false, 0, err
		}
		replaced, err = a.replace(tx, stands.Generation, due)
		return replaced, 0, err
	}
	if current.ConnectedAt.Equal(a.connection.ConnectedAt) {
		return false, superseded, nil
	}
	if used, err := stands.refresh(k.keys); err != nil || used == a.tokens.Refresh {
		return false, superseded, nil
	}
	return false, unwanted, nil
}
