package keeper

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

const (
	// takeOverEvery is how often the keeper looks for leases of dead instances.
	takeOverEvery = database.LookEvery
	// takenAtOnce is the maximum number of leases that one write takes over.
	takenAtOnce = 4 * parallelRenewals
)

// tendAbandoned takes over the leases of instances that die, until the context ends. On
// SQLite, it returns after those that were there at the start, because no others can appear.
func (k *Keeper) tendAbandoned(ctx context.Context, renewals *sync.WaitGroup) {
	failing := false
	for range retry.NowAndEvery(ctx, takeOverEvery) {
		taken, err := k.takeOverNow(ctx, renewals)
		switch {
		case err == nil && !k.db.OnPostgres() && taken < takenAtOnce && k.stalled.Load() == 0:
			return
		case err != nil && !failing && ctx.Err() == nil:
			k.log.WarnContext(ctx, "leases of instances that died cannot be taken over", "error", err)
		}
		failing = err != nil
	}
}

// takeOverNow takes over the leases of dead instances, and starts to renew their
// credentials. It does nothing while a save waits because the whole database is
// unavailable. A save that waits because of its own row does not matter.
func (k *Keeper) takeOverNow(ctx context.Context, renewals *sync.WaitGroup) (taken int, err error) {
	if ctx.Err() != nil || k.stalled.Load() > 0 {
		return 0, nil
	}
	list, err := k.takeOver(ctx)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	k.log.WarnContext(ctx, "renewals of an instance that died are retried", "count", len(list))
	for _, d := range list {
		b := k.breakers[Lane{Environment: d.Cred.Environment, OwnClient: d.Cred.OwnClient}]
		b.rescuing.Add(1)
		renewals.Go(func() {
			defer b.rescuing.Add(-1)
			k.renewDue(ctx, d)
		})
	}
	return len(list), nil
}

// takeOver leases the credentials whose lease belongs to a dead instance, the oldest lease
// first. A request under the old lease may have spent the refresh token, so the new lease
// says that the old one was abandoned.
func (k *Keeper) takeOver(ctx context.Context) ([]dueRenewal, error) {
	t, err := k.db.ProveAlive(ctx)
	if err != nil {
		return nil, err
	}
	if !k.db.SuspectsDead() {
		return nil, nil
	}
	owners, err := k.ownersDead(ctx)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	taken := lease{Owner: t.NewOwner(), term: t, TakenOver: true, asked: time.Now()}
	mine := k.environments() // other environments are for the instances that have them
	var list []dueRenewal
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		list = nil // the transaction may run more than once
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		var rows []credential
		err = tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("lease_until IS NOT NULL AND lease_owner IN ? AND due_at IS NOT NULL AND environment IN ?", owners, mine).
			Order("lease_until").Limit(takenAtOnce).Find(&rows).Error
		if err != nil {
			return err
		}
		list, err = leaseAll(tx, rows, taken, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("take over leases: %w", err)
	}
	return list, nil
}

// ownersDead returns the owners of leases whose holders have died. It reads all leases from
// an index. They are few, because each belongs to a renewal under way.
func (k *Keeper) ownersDead(ctx context.Context) (owners []string, err error) {
	var leases []struct {
		LeaseOwner string
		LeaseUntil time.Time
	}
	if err := k.db.Read(ctx).Raw("SELECT lease_owner, lease_until FROM credentials WHERE lease_until IS NOT NULL").Scan(&leases).Error; err != nil {
		return nil, fmt.Errorf("look for leases: %w", err)
	}
	listed := map[string]bool{}
	for _, l := range leases {
		if !listed[l.LeaseOwner] && k.db.HolderDied(l.LeaseOwner, l.LeaseUntil.Add(-database.LeaseLife)) {
			listed[l.LeaseOwner] = true
			owners = append(owners, l.LeaseOwner)
		}
	}
	return owners, nil
}
