package models

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// change moves the connection along its life and saves it. The event is
// recorded if the state changes by it.
func (k *Keeper) change(tx *gorm.DB, c Connection, what change, edit func(*Connection), event Event) error {
	var current Connection
	if err := forUpdate(tx).Where("id = ?", c.ID).Take(&current).Error; err != nil {
		return err
	}
	to, ok := next(current.State, what)
	if !ok {
		return nil
	}
	was := current.State
	current.State = to
	if to == Connected {
		current.Reason, current.FailingSince = ReasonNone, nil
	}
	edit(&current)
	if err := tx.Select("*").Updates(&current).Error; err != nil {
		return fmt.Errorf("change connection to %s: %w", to, err)
	}
	if was == to {
		return nil
	}
	event.CompanyID, event.ConnectionID = c.CompanyID, &c.ID
	return record(tx, event)
}

// postpone ends a renewal that failed for a passing reason. The old token is
// served for as long as it lasts.
func (k *Keeper) postpone(ctx context.Context, connection Connection, sealed credential, held lease, cause error) (Access, error) {
	reason := ReasonUnavailable
	ours := false
	if e, ok := errors.AsType[*servicetitan.Error](cause); ok {
		if e.Kind == servicetitan.RateLimited {
			reason = ReasonRateLimited
		}
		// Our app's registration is refused: an incident of ours, of which no
		// connection is to blame.
		ours = e.Kind == servicetitan.ClientRefused || e.Kind == servicetitan.RequestRefused || e.Kind == servicetitan.Misconfigured
	}
	if ours {
		k.log.ErrorContext(ctx, "ServiceTitan does not accept our registration", "environment", connection.Environment, "error", cause)
	} else {
		k.log.WarnContext(ctx, "renewal failed for now", "connection", connection.ID, "reason", reason, "error", cause)
	}
	err := k.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := k.db.sharedNow(tx)
		if err != nil {
			return err
		}
		if err := tx.Model(&credential{}).Where("connection_id = ? AND lease_owner = ?", sealed.ConnectionID, held.owner).
			Updates(map[string]any{"lease_owner": "", "lease_until": nil}).Error; err != nil || ours {
			return err
		}
		return k.change(tx, connection, failedPassed, func(c *Connection) {
			c.Reason, c.UpdatedAt = reason, now
			if c.FailingSince == nil {
				c.FailingSince = &now
			}
		}, Event{Kind: EventRetrying, Reason: reason, At: now})
	})
	if err != nil {
		return Access{}, fmt.Errorf("postpone renewal: %w", err)
	}
	if sealed.ExpiresAt.After(k.db.Now()) {
		return k.open(ctx, connection, sealed)
	}
	return Access{}, &ReasonError{Reason: reason, Err: ErrUnavailable}
}

// giveUp records that ServiceTitan has refused for good, and returns the
// ReasonError that says so.
func (k *Keeper) giveUp(ctx context.Context, connection Connection, reason Reason, cause error) error {
	k.log.WarnContext(ctx, "reconnect needed", "connection", connection.ID, "reason", reason, "error", cause)
	superseded := false
	err := k.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := k.db.sharedNow(tx)
		if err != nil {
			return err
		}
		// Another instance, or a person, may have replaced what was refused.
		current, err := getConnection(forUpdate(tx), connection.CompanyID, connection.ID)
		if err != nil {
			return err
		}
		if superseded = current.Generation != connection.Generation; superseded {
			return nil
		}
		return k.change(tx, connection, refused, func(c *Connection) {
			c.Reason, c.NextRenewalAt, c.UpdatedAt = reason, nil, now
			if c.FailingSince == nil {
				c.FailingSince = &now
			}
		}, Event{Kind: EventReconnectNeeded, Reason: reason, At: now})
	})
	if err != nil {
		return fmt.Errorf("record refusal: %w", err)
	}
	if superseded {
		return &ReasonError{Reason: ReasonUnavailable, Err: ErrUnavailable}
	}
	return &ReasonError{Reason: reason, Err: ErrReconnectNeeded}
}

// currentRefresh is the refresh token that is about to be replaced or deleted;
// zero if there is none that can be opened.
func (k *Keeper) currentRefresh(tx *gorm.DB, connection Connection) (Secret, error) {
	var sealed credential
	err := tx.Where("connection_id = ?", connection.ID).Take(&sealed).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Secret{}, nil
	}
	if err != nil {
		return Secret{}, fmt.Errorf("load credential: %w", err)
	}
	refresh, err := sealed.refresh(k.keys)
	if err != nil {
		k.log.Warn("old access cannot be opened to be withdrawn", "connection", connection.ID, "error", err)
		return Secret{}, nil
	}
	return refresh, nil
}
