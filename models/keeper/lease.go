package keeper

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
)

const (
	// leasePause is the wait before the keeper looks again at a lease that another
	// instance holds, or for a free slot.
	leasePause = 100 * time.Millisecond
	// sendWithin is how long after the request for a lease a token request may be sent,
	// so that the token request ends before the lease does.
	sendWithin = 15 * time.Second
)

// lease is the sole right to renew a credential.
type lease struct {
	Owner string
	// term is the term of the database lock that the lease was taken under.
	term database.Term
	// TakenOver says that the previous holder died. Abandoned says that an earlier holder
	// never finished or that an answer was lost, so the refresh token may be spent.
	TakenOver, Abandoned bool
	// asked is when the lease was requested, by a clock that keeps going while the process
	// is stopped.
	asked time.Time
}

// errLeaseOld says that a lease is about to end, because its holder was stopped or waited
// for a long time. Another instance may be renewing, so the refresh token may be spent.
var errLeaseOld = errors.New("the lease is about to end")

// old says that nothing more may be sent under the lease.
func (l lease) old() bool { return time.Since(l.asked) > sendWithin }

// maySend returns an error unless a request may be sent under the lease now.
func (k *Keeper) maySend(ctx context.Context, held lease) error {
	if err := k.db.StillAlive(ctx, held.term); err != nil {
		return fmt.Errorf("%w: %w", errLeaseOld, err)
	}
	if held.old() { // checked last, because the check above may take long
		return errLeaseOld
	}
	return nil
}

// takeLease records that a renewal begins, before anything is sent. If the database
// cannot be written, no token is spent. The lease is empty if another instance that is
// alive holds one, or if the credential has another generation by now.
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

// end writes what follows a renewal that got no tokens, and says whether it was written.
// Nothing is written if another instance has taken the lease since, or if an earlier
// holder has saved new tokens in the meantime.
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

// letGo ends the lease if it is still ours. The owner stays as a mark, because a request
// under this lease may have spent the refresh token.
func (l lease) letGo(tx *gorm.DB, connectionID uuid.UUID) error {
	if l.Owner == "" {
		return nil
	}
	err := tx.Model(&credential{}).Where("connection_id = ? AND lease_owner = ?", connectionID, l.Owner).Update("lease_until", nil).Error
	if err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}

// dueRenewal is a credential that is due, and the lease to renew it. Of the connection,
// it has what readDue reads.
type dueRenewal struct {
	Connection models.Connection
	Cred       credential
	Held       lease
}

// due leases credentials of a lane that are due, the longest due first. It skips those
// that other instances are about to lease.
func (k *Keeper) due(ctx context.Context, at Lane, limit int) ([]dueRenewal, error) {
	// A read costs less than a write, and most of the time nothing is due.
	if some, err := k.anythingDue(ctx, at); err != nil || !some {
		return nil, err
	}
	asked := time.Now()
	t, err := k.db.ProveAlive(ctx)
	if err != nil {
		return nil, fmt.Errorf("lease due renewals: %w", err)
	}
	var leased []dueRenewal
	err = k.db.Write(ctx, func(tx *gorm.DB) error {
		leased = nil // the transaction may run more than once
		now, err := k.db.SharedNow(tx)
		if err != nil {
			return err
		}
		leased, err = readDue(tx, at, limit, now)
		if err != nil || len(leased) == 0 {
			return err
		}
		return leaseThese(tx, leased, lease{Owner: t.NewOwner(), term: t, asked: asked}, now)
	})
	if err != nil {
		return nil, fmt.Errorf("lease due renewals: %w", err)
	}
	return leased, nil
}

// leaseAll leases credentials whose rows the caller has locked.
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
	renewals := make([]dueRenewal, len(rows))
	for i, row := range rows {
		renewals[i] = dueRenewal{Connection: byID[row.ConnectionID], Cred: row}
	}
	return renewals, leaseThese(tx, renewals, to, now)
}

// leaseThese leases credentials whose rows the caller has locked, with one statement.
func leaseThese(tx *gorm.DB, these []dueRenewal, to lease, now time.Time) error {
	ids := make([]uuid.UUID, len(these))
	for i := range these {
		ids[i] = these[i].Cred.ConnectionID
		these[i].Held = to
		these[i].Held.Abandoned = these[i].Cred.LeaseOwner != ""
	}
	return tx.Model(&credential{}).Where("connection_id IN ?", ids).
		Updates(map[string]any{"lease_owner": to.Owner, "lease_until": now.Add(database.LeaseLife)}).Error
}

// dueCredentials is the query of readDue. It locks nothing but credentials: whoever
// takes a lease must not go back to the connection.
const dueCredentials = `SELECT r.connection_id, r.company_id, r.access_sealed, r.refresh_sealed, r.client_id, r.secret_sealed, r.expires_at, r.due_at,
	r.generation, r.lease_owner, r.lease_until, c.scopes, c.upgrade_needed, c.generation, c.connected_at, c.last_used_at, c.failing_since
	FROM credentials r JOIN connections c ON c.id = r.connection_id
	WHERE r.environment = $1 AND r.own_client = $2 AND r.due_at <= $3 AND (r.lease_until IS NULL OR r.lease_until <= $4) ORDER BY r.due_at LIMIT $5`

// readDue reads the credentials of a lane that are due, the longest due first, with what
// a renewal needs of their connections. It locks them, and skips those that other
// instances have locked.
func readDue(tx *gorm.DB, at Lane, limit int, now time.Time) (list []dueRenewal, err error) {
	query := dueCredentials
	if database.IsPostgres(tx) {
		query += " FOR UPDATE OF r SKIP LOCKED"
	}
	err = database.Query(tx, query, []any{at.Environment, at.OwnClient, now, now, limit}, func(rows *sql.Rows) error {
		list = append(list, dueRenewal{})
		r, c := &list[len(list)-1].Cred, &list[len(list)-1].Connection
		err := rows.Scan(&r.ConnectionID, &r.CompanyID, &r.AccessSealed, &r.RefreshSealed, &r.ClientID, &r.SecretSealed, &r.ExpiresAt, &r.DueAt,
			&r.Generation, &r.LeaseOwner, &r.LeaseUntil, &c.Scopes, &c.UpgradeNeeded, &c.Generation, &c.ConnectedAt, &c.LastUsedAt, &c.FailingSince)
		r.Environment, r.OwnClient = at.Environment, at.OwnClient
		c.ID, c.CompanyID, c.Environment = r.ConnectionID, r.CompanyID, at.Environment
		return err
	})
	return list, err
}

// anythingDue says whether a credential of a lane is due and not leased.
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
		return false, fmt.Errorf("look for due renewals: %w", err)
	}
	return len(found) > 0, nil
}
