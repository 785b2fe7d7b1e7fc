package keeper

import (
	"context"
	"errors"

	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// errNotConfigured says that this instance does not have the environment of a
// connection.
var errNotConfigured = errors.New("the environment is not configured here")

// environments are those that are configured here, and an empty name, because a
// list in SQL must not be empty.
func (k *Keeper) environments() []servicetitan.EnvironmentName {
	list := []servicetitan.EnvironmentName{""}
	for _, c := range k.clients {
		list = append(list, c.Environment().Name)
	}
	return list
}

// tellOfNotConfigured logs which connections this instance does not renew because
// their environment is not configured. Another instance may have it; if none has,
// their access lapses.
func (k *Keeper) tellOfNotConfigured(ctx context.Context) {
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
