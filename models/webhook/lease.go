package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/outbound"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

const (
	// sendWithin is how long after a lease was asked for a request may begin, so that it
	// ends before the lease does.
	sendWithin = database.LeaseLife - outbound.Limit - 3*time.Second
	// extendAfter is when a lease is extended.
	extendAfter = sendWithin / 2
	// releaseWithin bounds how long the end of a lease may take.
	releaseWithin = 5 * time.Second
	// unreadableFor is how long an endpoint waits whose secret cannot be decrypted.
	unreadableFor = time.Minute
)

// errLeaseOver says that a lease has ended, or is about to.
var errLeaseOver = errors.New("the lease of the endpoint is over")

// lease is the sole right to send to an endpoint. One goroutine has it.
type lease struct {
	owner string
	// term is the term of the database lock that the lease was taken under.
	term database.Term
	// asked is when the lease was asked for, by a clock that keeps going while the
	// process is stopped.
	asked    time.Time
	endpoint Endpoint
	// secrets sign, the newest first.
	secrets []secret.Value
}

// free says whether nobody alive sends to an endpoint.
func (w *Webhooks) free(e Endpoint, now time.Time) bool {
	return e.LeaseUntil == nil || !e.LeaseUntil.After(now) || w.db.HolderDied(e.LeaseOwner, e.LeaseUntil.Add(-database.LeaseLife))
}

// takeLease takes the lease of an endpoint. It returns nil if another instance has it,
// or if the endpoint was disabled or removed.
func (w *Webhooks) takeLease(ctx context.Context, id uuid.UUID) (*lease, error) {
	asked := time.Now()
	term, err := w.db.ProveAlive(ctx)
	if err != nil {
		return nil, fmt.Errorf("take lease: %w", err)
	}
	held := &lease{owner: term.NewOwner(), term: term, asked: asked}
	taken := false
	err = w.db.Write(ctx, func(tx *gorm.DB) error {
		taken = false
		now, err := w.db.SharedNow(tx)
		if err != nil {
			return err
		}
		held.endpoint = Endpoint{}
		err = database.ForUpdate(tx).Where("id = ? AND disabled_at IS NULL", id).Take(&held.endpoint).Error
		if errors.Is(err, gorm.ErrRecordNotFound) || err == nil && !w.free(held.endpoint, now) {
			return nil
		}
		if err != nil {
			return err
		}
		taken = true
		return tx.Model(&Endpoint{}).Where("id = ?", id).
			Updates(map[string]any{"lease_owner": held.owner, "lease_until": now.Add(database.LeaseLife)}).Error
	})
	if err != nil {
		return nil, fmt.Errorf("take lease: %w", err)
	}
	if !taken {
		return nil, nil
	}
	return held, nil
}

// keepLease reads the endpoint again, and extends the lease if it is no longer fresh. It
// returns errLeaseOver if the lease has ended.
func (w *Webhooks) keepLease(ctx context.Context, held *lease) error {
	if time.Since(held.asked) > extendAfter {
		if err := w.extend(ctx, held); err != nil {
			return err
		}
	}
	err := w.db.Read(ctx).Where("id = ? AND lease_owner = ? AND disabled_at IS NULL", held.endpoint.ID, held.owner).Take(&held.endpoint).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return errLeaseOver
	}
	if err != nil {
		return fmt.Errorf("read endpoint: %w", err)
	}
	if held.secrets, err = w.secretsOf(held.endpoint); err != nil {
		return errors.Join(err, w.db.Write(ctx, func(tx *gorm.DB) error {
			return tx.Model(&Endpoint{}).Where("id = ?", held.endpoint.ID).Update("next_try_at", w.db.Now().Add(unreadableFor)).Error
		}))
	}
	return nil
}

func (w *Webhooks) extend(ctx context.Context, held *lease) error {
	asked := time.Now()
	term, err := w.db.ProveAlive(ctx)
	if err != nil {
		return fmt.Errorf("extend lease: %w", err)
	}
	if term != held.term {
		return errLeaseOver
	}
	err = w.db.Write(ctx, func(tx *gorm.DB) error {
		now, err := w.db.SharedNow(tx)
		if err != nil {
			return err
		}
		result := tx.Model(&Endpoint{}).Where("id = ? AND lease_owner = ?", held.endpoint.ID, held.owner).Update("lease_until", now.Add(database.LeaseLife))
		if result.Error == nil && result.RowsAffected == 0 {
			return errLeaseOver
		}
		return result.Error
	})
	if err != nil {
		return fmt.Errorf("extend lease: %w", err)
	}
	held.asked = asked
	return nil
}

// maySend returns an error unless a request may be sent under the lease now.
func (w *Webhooks) maySend(ctx context.Context, held *lease) error {
	if err := w.db.StillAlive(ctx, held.term); err != nil {
		return fmt.Errorf("%w: %w", errLeaseOver, err)
	}
	if time.Since(held.asked) > sendWithin { // checked last, because the check above may take long
		return errLeaseOver
	}
	return nil
}

// release ends the lease, if it is still ours.
func (w *Webhooks) release(ctx context.Context, held *lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	err := w.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Endpoint{}).Where("id = ? AND lease_owner = ?", held.endpoint.ID, held.owner).
			Updates(map[string]any{"lease_owner": "", "lease_until": nil}).Error
	})
	if err != nil {
		w.log.WarnContext(ctx, "cannot end the lease of a webhook endpoint; it ends by its time", "endpoint", held.endpoint.ID, "error", err)
	}
}

// secretsOf decrypts the secrets of an endpoint that sign now, the newest first.
func (w *Webhooks) secretsOf(e Endpoint) ([]secret.Value, error) {
	current, err := w.keys.Open(e.SecretSealed, e.place("secret_sealed"))
	if err != nil {
		return nil, err
	}
	secrets := []secret.Value{secret.New(current)}
	if e.OldSecretSealed != nil && e.OldSecretUntil != nil && e.OldSecretUntil.After(w.db.Now()) {
		old, err := w.keys.Open(e.OldSecretSealed, e.place("old_secret_sealed"))
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, secret.New(old))
	}
	return secrets, nil
}
