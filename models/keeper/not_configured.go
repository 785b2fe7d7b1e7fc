package keeper

import (
	"context"
	"errors"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// errNotConfigured says that a connection's environment is not configured on this
// instance.
var errNotConfigured = errors.New("the environment is not configured here")

// environments returns the names of the environments that are configured here, and an
// empty name, because a list in SQL must not be empty.
func (k *Keeper) environments() []servicetitan.EnvironmentName {
	names := []servicetitan.EnvironmentName{""}
	for _, c := range k.clients {
		names = append(names, c.Environment().Name)
	}
	return names
}

// logNotConfigured logs how many connections this instance does not renew because their
// environment is not configured. Another instance may have it. If none does, their access
// expires.
func (k *Keeper) logNotConfigured(ctx context.Context) {
	ctx, cancel := k.db.LimitWork(ctx)
	defer cancel()
	var others []struct {
		Environment servicetitan.EnvironmentName
		N           int64
	}
	err := k.db.Read(ctx).Raw("SELECT environment, count(*) AS n FROM credentials WHERE due_at IS NOT NULL AND environment NOT IN ? GROUP BY environment", k.environments()).
		Scan(&others).Error
	if err != nil && ctx.Err() == nil {
		k.log.WarnContext(ctx, "connections of other environments cannot be counted", "error", err)
	}
	for _, o := range others {
		k.log.WarnContext(ctx, "connections are not renewed here", "environment", o.Environment, "count", o.N, "error", errNotConfigured)
	}
}
