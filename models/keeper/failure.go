package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// setback says why a renewal failed for a temporary reason.
type setback struct {
	reason models.Reason
	// retryAfter is how long ServiceTitan asks us to wait.
	retryAfter time.Duration
	// untried says that nothing was sent, so this is not another failure.
	untried bool
	// blameless says that the connection is not to blame and keeps its state: our own
	// registration is refused, or this host lacks a key or the environment.
	blameless bool
	// cause says what staff have to correct on our side. It is empty if there is nothing.
	cause string
}

// setbackOf returns the setback that an error means for a renewal of the credential.
func (k *Keeper) setbackOf(cred credential, err error) setback {
	s := setback{reason: models.ReasonUnavailable, untried: unasked(err)}
	if errors.Is(err, seal.ErrKeyMissing) || errors.Is(err, errNotConfigured) {
		s.reason, s.blameless = models.ReasonOurSide, true
	}
	e, ok := errors.AsType[*servicetitan.Error](err)
	if !ok {
		return s
	}
	s.retryAfter = e.RetryAfter
	own := cred.SecretSealed != nil
	if s.reason = models.VerdictOf(e, own).Reason; s.reason == models.ReasonOurSide {
		s.blameless = !own
		if own && !s.untried {
			s.cause = models.CauseOf(e)
		}
	}
	return s
}

// unasked says that a renewal ended before anything was sent.
func unasked(err error) bool { return errors.Is(err, errBreakerOpen) || errors.Is(err, errLeaseOld) }

// postpone ends a renewal that failed for a temporary reason, and schedules the next
// attempt. It returns the old token for as long as that is valid.
func (k *Keeper) postpone(ctx context.Context, connection models.Connection, cred credential, held lease, cause error) (Access, error) {
	why := k.setbackOf(cred, cause)
	switch {
	case errors.Is(cause, seal.ErrKeyMissing):
		k.log.ErrorContext(ctx, "this host does not have the newest keyset file", "connection", connection.ID, "error", cause)
	case errors.Is(cause, errNotConfigured):
		k.log.ErrorContext(ctx, "a connection cannot be renewed", "connection", connection.ID, "environment", connection.Environment, "error", cause)
	case !why.blameless && !why.untried:
		k.log.WarnContext(ctx, "renewal failed for now", "connection", connection.ID, "reason", why.reason, "error", cause)
	}
	var due time.Time
	replaced, raised := false, false // replaced by another holder of the lease, before or after us
	err := k.db.Write(ctx, func(tx *gorm.DB) error {
		raised = false
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		current, err := models.GetConnection(database.ForUpdate(tx), connection.CompanyID, connection.ID)
		if err != nil {
			return err
		}
		failures := current.Failures
		if !why.untried {
			failures++
		}
		due = nextTry(max(failures, 1), why.retryAfter, now)
		owner := ""
		if held.Abandoned {
			owner = held.Owner // tells the next holder that the refresh token may be spent
		}
		ours, err := held.end(tx, cred, map[string]any{"lease_owner": owner, "lease_until": nil, "due_at": due})
		if replaced = !ours; replaced || err != nil {
			return err
		}
		expired := !current.ExpiresAt.After(now)
		if (why.blameless || why.untried) && !expired {
			return nil
		}
		if why.blameless {
			return noteBlameless(tx, current, why.reason, due, now)
		}
		if why.cause != "" {
			if raised, err = models.RaiseOurSide(tx, current, why.cause, now); err != nil {
				return err
			}
		}
		if !why.untried {
			if err := models.CountRenewal(tx, connection.ID, 0, 1, now); err != nil {
				return err
			}
		}
		_, err = models.Apply(tx, &current, models.Transition{What: models.FailedTemporarily, At: now, Reason: why.reason, Edit: func(c *models.Connection) {
			c.Failures, c.NextRenewalAt = max(failures, 1), &due
		}})
		return err
	})
	if err != nil {
		return Access{}, fmt.Errorf("postpone renewal: %w", err)
	}
	if raised {
		k.log.ErrorContext(ctx, "renewals with a company's own client fail because of us; the queue has a task",
			"connection", connection.ID, "environment", connection.Environment, "cause", why.cause, "error", cause)
	}
	if replaced {
		if connection, cred, err = k.load(ctx, connection.CompanyID, connection.ID); err != nil {
			return Access{}, err
		}
		due = time.Time{}
	}
	return k.old(ctx, connection, cred, why.reason, due)
}

// noteBlameless records why a connection whose access has expired cannot be used, and
// when the next attempt comes. The state stays the same, because nothing is wrong with
// the connection.
func noteBlameless(tx *gorm.DB, current models.Connection, reason models.Reason, due, now time.Time) error {
	since := current.FailingSince
	if since == nil {
		since = &now
	}
	err := tx.Model(&models.Connection{}).Where("id = ? AND state IN ?", current.ID, []models.State{models.Connected, models.Degraded}).Updates(map[string]any{
		"reason": reason, "failures": max(current.Failures, 1), "failing_since": since, "next_renewal_at": due, "updated_at": now,
	}).Error
	if err != nil {
		return fmt.Errorf("record why access has expired: %w", err)
	}
	if current.Reason != models.ReasonNone {
		return nil
	}
	current.Reason, current.FailingSince = reason, since
	return models.NoteRetrying(tx, current, now)
}

// giveUp records that the access ended permanently, and returns a models.ReasonError that
// says so. If another instance or a person has replaced what was refused, or another
// instance now has the lease, giveUp returns the access that is there. The lease is empty
// if something other than a renewal was refused.
func (k *Keeper) giveUp(ctx context.Context, connection models.Connection, held lease, reason models.Reason, cause error) (Access, error) {
	k.log.WarnContext(ctx, "reconnect needed", "connection", connection.ID, "reason", reason, "error", cause)
	k.cache.drop(connection.ID)
	superseded := false
	err := k.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		current, err := models.GetConnection(database.ForUpdate(tx), connection.CompanyID, connection.ID)
		if err != nil {
			return err
		}
		if superseded = current.Generation != connection.Generation; superseded {
			return held.letGo(tx, connection.ID)
		}
		mine := tx.Model(&credential{}).Where("connection_id = ?", connection.ID)
		if held.Owner != "" { // a later holder may get what we were refused
			mine = mine.Where("lease_owner = ?", held.Owner)
		}
		result := mine.Updates(map[string]any{"lease_owner": "", "lease_until": nil, "due_at": nil})
		if superseded = result.RowsAffected == 0 && held.Owner != ""; superseded || result.Error != nil {
			return result.Error
		}
		if reason.OfRenewals() {
			if err := models.CountRenewal(tx, connection.ID, 0, 1, now); err != nil {
				return err
			}
		}
		_, err = models.Apply(tx, &current, models.Transition{What: models.Refused, At: now, Reason: reason})
		return err
	})
	if err != nil {
		return Access{}, fmt.Errorf("record refusal: %w", err)
	}
	if !superseded {
		return Access{}, &models.ReasonError{Reason: reason, Err: models.ErrReconnectNeeded}
	}
	connection, cred, err := k.load(ctx, connection.CompanyID, connection.ID)
	if err != nil {
		return Access{}, err
	}
	return k.old(ctx, connection, cred, models.ReasonUnavailable, time.Time{})
}
