package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

// mostHappened limits how many events Happened reads.
const mostHappened = 2000

// Happening is an event of the connections to a tenant. ByPerson says that a person did
// it, and not Fieldbridge by itself.
type Happening struct {
	TenantID int64
	Kind     models.EventKind
	ByPerson bool
}

// Happened returns what has happened to the connections of some tenants since the demo
// began, and when each thing happened last. An event by a person counts as an event by
// anybody too.
func (d *Demo) Happened(ctx context.Context, tenants []int64) (map[Happening]time.Time, error) {
	var rows []struct {
		TenantID  int64
		Kind      models.EventKind
		ActorName string
		At        time.Time
	}
	err := d.db.Read(ctx).Raw(`SELECT c.tenant_id, e.kind, e.actor_name, e.at
		FROM demo AS d JOIN events AS e ON e.at > d.begun_at JOIN connections AS c ON c.id = e.connection_id
		WHERE c.environment = ? AND c.tenant_id IN ? ORDER BY e.at DESC LIMIT ?`, d.options.Environment, tenants, mostHappened).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("look what happened in the demo: %w", err)
	}
	last := make(map[Happening]time.Time)
	for _, row := range rows {
		for _, byPerson := range []bool{false, row.ActorName != ""} {
			h := Happening{row.TenantID, row.Kind, byPerson}
			if row.At.After(last[h]) {
				last[h] = row.At
			}
		}
	}
	return last, nil
}
