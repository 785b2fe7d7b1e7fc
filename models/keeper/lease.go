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
)

const (
	leasePause = 100 * time.Millisecond
	// sendWithin is for how long after a lease was asked for a request may still
	// be sent, so that it ends before the lease does.
	sendWithin = 15 * time.Second
)

// lease is the sole right to renew a credential.
type lease struct {
	Owner string
	// term is that of the lock under which it was taken.
	term database.Term
	// TakenOver says that its holder died, and abandoned that an earlier owner never
	// came to an end, or that an answer was lost, so that the refresh token may be
	// spent.
	TakenOver, Abandoned bool
	// asked is when the lease was asked for, by a clock that does not stand still
	// while the process does.
	asked time.Time
}

// errLeaseOld says that a lease is about to end. Its holder was stopped, or
// waited for long; another may be renewing, and the refresh token be spent.
var errLeaseOld = errors.New("the lease is about to end")

// old says that nothing more may be sent under the lease.
func (l lease) old() bool { return time.Since(l.asked) > sendWithin }

// maySend returns an error unless a request may be sent under the lease now.
func (k *Keeper) maySend(ctx context.Context, held lease) error {
	if err := k.db.StillAlive(ctx, held.term); err != nil {
		return fmt.Errorf("%w: %w", errLeaseOld, err)
	}
	if held.old() { // the last thing before the request, because what is above may take long
		return errLeaseOld
	}
	return nil
}

// takeLease writes down that a renewal begins, before anything is sent: a
// database that cannot be written costs no token. The lease is empty if
// another instance that lives holds one.
func (k *Keeper) takeLease(ctx context.Context, cred credential) (lease, error) {
	asked := time.Now()
	t, err := k.db.ProveAlive(ctx)
	if err != nil {
		return lease{}, fmt.Errorf("take lease: %w", err)
	}
	var taken lease
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		taken = lease{Owner: t.NewOwner(), term: t, asked: asked}
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		var current credential
		err = database.ForUpdate(tx).Select("lease_owner", "lease_until").
			Where("connection_id = ? AND generation = ?", cred.ConnectionID, cred.Generation).Take(&current).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			taken = lease{}
			return nil
		}
		if err != nil {
			return err
		}
		if until := current.LeaseUntil; until != nil {
			taken.TakenOver = k.db.HolderDied(current.LeaseOwner, until.Add(-database.LeaseLife))
			if until.After(now) && !taken.TakenOver {
				taken = lease{}
				return nil
			}
		}
		taken.Abandoned = current.LeaseOwner != ""
		return tx.Model(&credential{}).Where("connection_id = ?", cred.ConnectionID).
			Updates(map[string]any{"lease_owner": taken.Owner, "lease_until": now.Add(database.LeaseLife)}).Error
	})
	if err != nil {
		return lease{}, fmt.Errorf("take lease: %w", err)
	}
	return taken, nil
}

// end writes what comes after a renewal that brought nothing, and says whether it
// was ours to say. It is not if another has taken the lease since, or if an
// earlier holder has saved what they got meanwhile.
func (l lease) end(tx *gorm.DB, of credential, change map[string]any) (ours bool, err error) {
	result := tx.Model(&credential{}).
		Where("connection_id = ? AND lease_owner = ? AND generation = ?", of.ConnectionID, l.Owner, of.Generation).Updates(change)
	if result.Error != nil {
		return false, fmt.Errorf("end lease: %w", result.Error)
	}
	if result.RowsAffected > 0 {
		return true, nil
	}
	return false, l.letGo(tx, of.ConnectionID)
}

// letGo ends a lease, if it is still ours, and leaves its mark: the refresh token
// may be spent by what was sent under it.
func (l lease) letGo(tx *gorm.DB, connectionID uuid.UUID) error {
	if l.Owner == "" {
		return nil
	}
	err := tx.Model(&credential{}).Where("connection_id = ? AND lease_owner = ?", connectionID, l.Owner).Update("lease_until", nil).Error
	if err != nil {
		return fmt.Errorf("let go of lease: %w", err)
	}
	return nil
}

// dueRenewal is a credential whose time has come, under a lease.
type dueRenewal struct {
	Connection models.Connection
	Cred       credential
	Held       lease
}

// due leases credentials of a lane that are due, the longest due first. It skips those
// that other instances are about to lease.
func (k *Keeper) due(ctx context.Context, at Lane, limit int) ([]dueRenewal, error) {
	// Looking costs less than a write, and mostly nothing is due.
	if some, err := k.anythingDue(ctx, at); err != nil || !some {
		return nil, err
	}
	asked := time.Now()
	t, err := k.db.ProveAlive(ctx)
	if err != nil {
		return nil, fmt.Errorf("lease what is due: %w", err)
	}
	var list []dueRenewal
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		list = nil // of an earlier run
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		query := tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("environment = ? AND own_client = ? AND due_at <= ? AND (lease_until IS NULL OR lease_until <= ?)", at.Environment, at.OwnClient, now, now)
		var rows []credential
		if err := query.Order("due_at").Limit(limit).Find(&rows).Error; err != nil {
			return err
		}
		list, err = leaseAll(tx, rows, lease{Owner: t.NewOwner(), term: t, asked: asked}, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lease what is due: %w", err)
	}
	return list, nil
}

// leaseAll writes down that credentials are leased. The caller has locked them.
func leaseAll(tx *gorm.DB, rows []credential, to lease, now time.Time) ([]dueRenewal, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ConnectionID
	}
	var connections []models.Connection
	if err := tx.Where("id IN ?", ids).Find(&connections).Error; err != nil {
		return nil, err
	}
	byID := map[uuid.UUID]models.Connection{}
	for _, c := range connections {
		byID[c.ID] = c
	}
	list := make([]dueRenewal, len(rows))
	for i, row := range rows {
		held := to
		held.Abandoned = row.LeaseOwner != ""
		list[i] = dueRenewal{Connection: byID[row.ConnectionID], Cred: row, Held: held}
	}
	return list, tx.Model(&credential{}).Where("connection_id IN ?", ids).
		Updates(map[string]any{"lease_owner": to.Owner, "lease_until": now.Add(database.LeaseLife)}).Error
}

func (k *Keeper) anythingDue(ctx context.Context, at Lane) (bool, error) {
	db := k.db.Read(ctx)
	now, err := k.db.SharedNow(db)
	if err != nil {
		return false, err
	}
	k.db.Follow(now)
	var found []int
	err = db.Raw("SELECT 1 FROM credentials WHERE environment = ? AND own_client = ? AND due_at <= ? AND (lease_until IS NULL OR lease_until <= ?) LIMIT 1",
		at.Environment, at.OwnClient, now, now).Scan(&found).Error
	if err != nil {
		return false, fmt.Errorf("look for what is due: %w", err)
	}
	return len(found) > 0, nil
}
