package keeper

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

const (
	// parallelRenewals is the maximum number of renewals ahead of time that are under
	// way at once in each lane.
	parallelRenewals = 32
	// leasedAtOnce is the maximum number of credentials that one write leases.
	leasedAtOnce = 16
	// gatherFor is how long the keeper waits for more free slots once one is free.
	gatherFor = 2 * time.Millisecond
	// pollEvery is how often the keeper looks for due renewals if there were none.
	pollEvery = 2 * time.Second
)

// Run renews what is due until the context ends. It then returns after the renewals under
// way have ended. It also repeats failed revocations and writes the counts of renewals. Any
// number of instances may run at the same time.
func (k *Keeper) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { k.logNotConfigured(ctx) })
	// Renewals of dead instances come before anything else that is due.
	_, _ = k.takeOverNow(ctx, &all) // tendAbandoned meets the same error and logs it
	all.Go(func() { k.tendAbandoned(ctx, &all) })
	for at := range k.breakers {
		all.Go(func() { k.tend(ctx, at) })
	}
	all.Go(func() { k.tendRevocations(ctx) })
	all.Go(func() { k.keepTally(ctx) })
	all.Wait()
	k.writeTally(ctx)
}

// tend renews what is due in a lane until the context ends.
func (k *Keeper) tend(ctx context.Context, at Lane) {
	slots := make(chan struct{}, parallelRenewals)
	var all sync.WaitGroup
	defer all.Wait()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		// Renewals that were taken over come first, and count toward the limit.
		limit := min(leasedAtOnce, cap(slots)-len(slots)-int(k.breakers[at].rescuing.Load()))
		list := k.dueNow(ctx, at, limit)
		for _, d := range list {
			slots <- struct{}{} // there is room, because nobody else fills the slots
			all.Go(func() {
				defer func() { <-slots }()
				k.renewDue(ctx, d)
			})
		}
		if limit > 0 && len(list) == limit && len(slots) < cap(slots) && ctx.Err() == nil {
			continue // there is probably more
		}
		if len(slots) == cap(slots) {
			if waitForSlots(ctx, slots) != nil {
				return
			}
			continue
		}
		wait := poll.C
		if limit <= 0 {
			wait = time.After(leasePause)
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return
		}
	}
}

// waitForSlots waits, when all slots are full, until one is free and then a moment for
// more. What is saved by one commit frees its slots together, and one write then leases
// as many credentials.
func waitForSlots(ctx context.Context, slots chan struct{}) error {
	var enough <-chan time.Time
	for taken := range leasedAtOnce {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-enough:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if taken == 0 {
			enough = time.After(gatherFor)
		}
	}
	return nil
}

// dueNow leases what is due in a lane, unless nothing may be sent now.
func (k *Keeper) dueNow(ctx context.Context, at Lane, limit int) []dueRenewal {
	if limit = k.slowDown(at, limit); limit <= 0 || ctx.Err() != nil || k.stalled.Load() > 0 || k.breakers[at].isOpen() {
		return nil
	}
	within, cancel := k.db.LimitWork(ctx)
	defer cancel()
	list, err := k.due(within, at, limit)
	if err != nil && ctx.Err() == nil {
		k.log.WarnContext(ctx, "what is due cannot be leased", "environment", at.Environment, "error", err)
	}
	k.breakers[at].recovery.AllowN(time.Now(), len(list))
	return list
}

// renewDue renews one credential that is due. If it panics, the other renewals continue.
func (k *Keeper) renewDue(ctx context.Context, d dueRenewal) {
	// A renewal that has begun is completed even if the process is asked to stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewLimit)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			k.logPanic(ctx, d.Connection.ID, r)
			_, _ = k.postpone(ctx, d.Connection, d.Cred, d.Held, errPanicked) // if it cannot be written, the lease ends by itself
		}
	}()
	_, err := k.renewLeased(ctx, d.Connection, d.Cred, d.Held, true)
	if _, told := errors.AsType[*models.ReasonError](err); err != nil && !told {
		k.log.WarnContext(ctx, "renewal ended with an error", "connection", d.Connection.ID, "error", err)
	}
}
