package keeper

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// errNotOrdinary rolls back what saveOrdinary has written.
var errNotOrdinary = errors.New("the renewal is not an ordinary one")

// saveConnection writes models.RenewalColumns as models.Apply does for a renewal that has
// no event, no mail, and no task. It changes no row if the connection has changed since it
// was read in a way that matters to its renewal, or if the credential has.
const saveConnection = `UPDATE connections SET scopes = $1, upgrade_needed = $2, generation = $3, renewed_at = $4, expires_at = $5,
	next_renewal_at = $6, updated_at = $7, failures = 0, failing_since = NULL
	WHERE id = $8 AND state IN ('connected') AND reason = '' AND generation = $9 AND upgrade_needed = $10 AND last_used_at IS NOT DISTINCT FROM $11
	AND EXISTS (SELECT 1 FROM credentials r WHERE r.connection_id = connections.id AND r.generation = connections.generation AND r.lease_owner = $12)`

// saveSealed writes the new tokens and ends the lease.
const saveSealed = `UPDATE credentials SET access_sealed = $1, refresh_sealed = $2, secret_sealed = $3, expires_at = $4, generation = $5,
	due_at = $6, lease_owner = '', lease_until = NULL WHERE connection_id = $7 AND generation = $8 AND lease_owner = $9`

// saveOrdinary saves new tokens if nothing has happened since the lease but the renewal
// itself, as is the case for nearly every renewal. It needs three statements instead of
// six, and no GORM. Otherwise it writes nothing and returns false. Its error is
// errNotOrdinary if something happens between its statements.
func (k *Keeper) saveOrdinary(tx *gorm.DB, a *answered, now time.Time) (bool, error) {
	before := a.connection
	if before.Generation != a.cred.Generation {
		return false, nil
	}
	after := before
	after.ExpiresAt = a.fresh.ExpiresAt
	due := nextRenewal(&after, k.options.KeepAlive, now)
	after.Generation = a.fresh.Generation
	after.Granted(a.tokens, a.client.Environment().Scopes, due, now)
	if after.UpgradeNeeded != before.UpgradeNeeded || !models.SameScopes(after.Scopes, before.Scopes) {
		return false, nil
	}
	rows, err := database.Exec(tx, saveConnection, after.Scopes, after.UpgradeNeeded, after.Generation, after.RenewedAt, after.ExpiresAt,
		after.NextRenewalAt, after.UpdatedAt, before.ID, before.Generation, before.UpgradeNeeded, before.LastUsedAt, a.held.Owner)
	if err != nil || rows == 0 {
		return false, err
	}
	rows, err = database.Exec(tx, saveSealed, a.fresh.AccessSealed, a.fresh.RefreshSealed, a.fresh.SecretSealed, a.fresh.ExpiresAt, a.fresh.Generation,
		due, before.ID, before.Generation, a.held.Owner)
	if err == nil && rows == 0 {
		err = errNotOrdinary
	}
	if err != nil {
		return false, fmt.Errorf("save credential: %w", err)
	}
	return true, models.CountRenewal(tx, before.ID, 1, 0, now)
}
