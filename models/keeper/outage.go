package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/retry"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

const (
	// recoverWithin is the time over which connections that wait for their next try are
	// tried again after an outage.
	recoverWithin = 2 * time.Minute
	// slowestRecovery is the lowest rate of renewals ahead of time in an outage, a second.
	slowestRecovery = 5
	// recoveredAtOnce is how many connections one write brings forward, to the same moment.
	recoveredAtOnce = 20
	// putBackAtOnce is how many connections one write puts back.
	putBackAtOnce = 50
	// refusedBefore is how long before the beginning of an outage a refusal counts as part
	// of it.
	refusedBefore = 2 * time.Minute
)

// noteResult tells the outages how ServiceTitan answered a renewal. What is wrong on our
// side says nothing about ServiceTitan.
func (k *Keeper) noteResult(connection models.Connection, own bool, err error) {
	if err != nil && (unasked(err) || models.VerdictOf(err, own).Reason == models.ReasonOurSide) {
		return
	}
	k.options.Outages.Note(outage.Result{
		Environment: connection.Environment, Endpoint: outage.Tokens, ConnectionID: connection.ID, CompanyID: connection.CompanyID,
		FailingSince: connection.FailingSince, Err: err,
	})
}

// excused says whether a refusal is part of an outage, and returns the temporary error that
// it means then.
func (k *Keeper) excused(connection models.Connection, err error) (error, bool) {
	e, ok := errors.AsType[*servicetitan.Error](err)
	if !ok || !k.options.Outages.Excuses(connection.Environment, outage.Tokens, e.Kind) {
		return err, false
	}
	return &servicetitan.Error{Op: e.Op, Kind: servicetitan.Unavailable, Err: fmt.Errorf("part of an outage: %w", err)}, true
}

// inOutage does what an outage asks for, in each turn of the monitor.
func (k *Keeper) inOutage(ctx context.Context, o outage.Outage) {
	if err := k.paceRecovery(ctx, o); err != nil {
		k.log.WarnContext(ctx, "the recovery from an outage is not paced yet", "environment", o.Environment, "error", err)
	}
	k.putBack(ctx, o)
}

// paceRecovery decides how many renewals ahead of time may begin in a second, so that all
// connections of the environment are tried within recoverWithin.
func (k *Keeper) paceRecovery(ctx context.Context, o outage.Outage) error {
	if o.Endpoint != outage.Tokens {
		return nil
	}
	var n int
	err := k.db.Read(ctx).Raw("SELECT coalesce(sum(n), 0) FROM connection_totals WHERE environment = ? AND state IN ?",
		o.Environment, []models.State{models.Connected, models.Degraded}).Scan(&n).Error
	if err != nil {
		return fmt.Errorf("count connections: %w", err)
	}
	perSecond := max(float64(n)/recoverWithin.Seconds(), slowestRecovery)
	for at, b := range k.breakers {
		if at.Environment == o.Environment {
			b.recovery.SetBurst(int(perSecond * pollEvery.Seconds()))
			b.recovery.SetLimit(rate.Limit(perSecond))
		}
	}
	return nil
}

// slowDown lowers the number of renewals of a lane that may begin now, while ServiceTitan has
// an outage and shortly after. Otherwise all that became due during the outage would be sent
// at the moment when ServiceTitan answers again.
func (k *Keeper) slowDown(at Lane, limit int) int {
	if _, ok := k.options.Outages.Lately(at.Environment, outage.Tokens, 2*recoverWithin); !ok {
		return limit
	}
	return min(limit, int(k.breakers[at].recovery.Tokens()))
}

// putBack continues the connections that were given up because of refusals that are part of
// an outage. Every instance does so again and again, because some connections are given up
// by instances that have not heard of the outage.
func (k *Keeper) putBack(ctx context.Context, o outage.Outage) {
	reasons := []models.Reason{}
	for kind := range o.Kinds {
		if o.Excuses(kind, k.db.Now()) {
			reasons = append(reasons, models.VerdictOf(&servicetitan.Error{Kind: kind}, true).Reason)
		}
	}
	for n := putBackAtOnce; len(reasons) > 0 && n == putBackAtOnce && ctx.Err() == nil; {
		var err error
		if n, err = k.putBackSome(ctx, o, reasons); err != nil {
			k.log.WarnContext(ctx, "connections are not put back yet", "environment", o.Environment, "error", err)
			return
		}
		if n > 0 {
			k.log.WarnContext(ctx, "refusals are part of an outage; connections are put back", "environment", o.Environment, "count", n)
		}
	}
}

// putBackSome puts back some connections, and returns how many.
func (k *Keeper) putBackSome(ctx context.Context, o outage.Outage, reasons []models.Reason) (n int, err error) {
	within, cancel := k.db.LimitWork(ctx)
	defer cancel()
	find := func(db *gorm.DB) *gorm.DB {
		return db.Model(&models.Connection{}).Where("environment = ? AND state = ? AND reason IN ? AND way IN ? AND state_since >= ?",
			o.Environment, models.ReconnectNeeded, reasons, models.Ways(), o.BeganAt.Add(-refusedBefore)).Limit(putBackAtOnce)
	}
	var ids []uuid.UUID
	if err := find(k.db.Read(within)).Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
		return 0, err
	}
	err = k.db.Write(within, func(tx *gorm.DB) error {
		n = 0
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		var list []models.Connection
		if err := find(tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE", Options: "SKIP LOCKED"})).Find(&list).Error; err != nil {
			return err
		}
		n = len(list)
		for _, c := range list {
			due := now.Add(time.Second + retry.Spread(recoverWithin))
			_, err := models.Apply(tx, &c, models.Transition{
				What: models.PutBack, At: now, Reason: models.ReasonUnavailable, Edit: func(c *models.Connection) { c.NextRenewalAt = &due },
				With: func(tx *gorm.DB, c models.Connection) error {
					return tx.Model(&credential{}).Where("connection_id = ?", c.ID).Update("due_at", due).Error
				},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("put back connections: %w", err)
	}
	return n, nil
}

// bringForward tries the connections that wait for their next try soon, because an outage
// has ended. It spreads them out. If this instance stops, the rest are tried at their own times.
func (k *Keeper) bringForward(ctx context.Context, o outage.Outage) {
	all, after := 0, uuid.Nil
	for n := recoveredAtOnce; n == recoveredAtOnce && ctx.Err() == nil; {
		var err error
		if n, after, err = k.bringSomeForward(ctx, o.Environment, after); err != nil {
			k.log.WarnContext(ctx, "connections are tried again at their own times", "environment", o.Environment, "error", err)
			return
		}
		all += n
	}
	k.log.InfoContext(ctx, "connections are tried again soon", "environment", o.Environment, "count", all)
}

// bringSomeForward brings the next connections after an ID forward, to one moment. It
// returns how many there were, and the last one's ID.
func (k *Keeper) bringSomeForward(ctx context.Context, e servicetitan.EnvironmentName, after uuid.UUID) (n int, last uuid.UUID, err error) {
	within, cancel := k.db.LimitWork(ctx)
	defer cancel()
	var ids []uuid.UUID
	err = k.db.Read(within).Model(&models.Connection{}).Where("environment = ? AND state = ? AND id > ?", e, models.Degraded, after).
		Order("id").Limit(recoveredAtOnce).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return 0, after, err
	}
	err = k.db.Write(within, func(tx *gorm.DB) error {
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		soon := now.Add(retry.Spread(recoverWithin))
		var waiting []uuid.UUID
		err = tx.Model(&models.Connection{}).Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).
			Where("id IN ? AND state = ? AND failures > 0 AND next_renewal_at > ?", ids, models.Degraded, soon).Order("id").Pluck("id", &waiting).Error
		if err != nil || len(waiting) == 0 {
			return err
		}
		if err := tx.Model(&models.Connection{}).Where("id IN ?", waiting).Update("next_renewal_at", soon).Error; err != nil {
			return err
		}
		return tx.Model(&credential{}).Where("connection_id IN ? AND due_at > ?", waiting, soon).Update("due_at", soon).Error
	})
	if err != nil {
		return 0, after, fmt.Errorf("bring connections forward: %w", err)
	}
	return len(ids), ids[len(ids)-1], nil
}
