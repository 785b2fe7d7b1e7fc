package keeper

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/retry"
)

// AccessToCheck is AccessOf for a scheduled check, which needs the whole connection. It
// does not count as use, or else every connection would be in use. It leaves the memory to
// tokens that back ends ask for again.
func (k *Keeper) AccessToCheck(ctx context.Context, connection models.Connection) (Access, error) {
	cred, err := k.credentialOf(ctx, connection)
	if err != nil {
		return Access{}, err
	}
	now := k.db.Now()
	if cred.ExpiresAt.Sub(now) > freshFor {
		return k.open(ctx, connection, cred)
	}
	if next := connection.NextRenewalAt; connection.Failures > 0 && next != nil && now.Before(*next) {
		return k.old(ctx, connection, cred, cmp.Or(connection.Reason, models.ReasonUnavailable), *next)
	}
	return k.renew(ctx, connection.CompanyID, connection.ID, cred.Generation)
}

// checkSooner brings the next check of a connection forward that was idle and is used now.
func (k *Keeper) checkSooner(tx *gorm.DB, connectionID uuid.UUID, now time.Time) error {
	within := k.options.CheckWithin
	if within == 0 {
		return nil
	}
	due := now.Add(within - retry.Spread(within/2))
	if _, err := database.Exec(tx, "UPDATE checks SET due_at = $1 WHERE due_at > $1 AND connection_id = $2", due, connectionID); err != nil {
		return fmt.Errorf("bring check forward: %w", err)
	}
	return nil
}
