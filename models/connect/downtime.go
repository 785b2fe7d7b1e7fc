package connect

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

// downtime is a time in which a connection needed somebody to reconnect it.
type downtime struct {
	from time.Time
	// until is when it was reconnected or ended; zero while it goes on.
	until time.Time
}

// changesRead bounds from how many changes of a connection its downtimes are
// told; nobody reconnects so often in the days that are shown.
const changesRead = 200

// downtimes are a connection's, oldest first. Those that are over are told from
// its timeline; the one that goes on begins where its pages say that it does.
func (c *Connections) downtimes(ctx context.Context, connection models.Connection) ([]downtime, error) {
	var changes []models.Event
	err := c.db.Read(ctx).Select("kind", "at").
		Where("connection_id = ? AND company_id = ? AND kind IN ?", connection.ID, connection.CompanyID,
			[]models.EventKind{models.EventReconnectNeeded, models.EventConnected, models.EventReconnected, models.EventDisconnected}).
		Order("id DESC").Limit(changesRead).Find(&changes).Error
	if err != nil {
		return nil, fmt.Errorf("read downtimes: %w", err)
	}
	var list []downtime
	var begun *time.Time
	for _, e := range slices.Backward(changes) {
		switch {
		case e.Kind != models.EventReconnectNeeded && begun != nil:
			list, begun = append(list, downtime{*begun, e.At}), nil
		case e.Kind == models.EventReconnectNeeded && begun == nil:
			begun = &e.At
		}
	}
	if connection.State == models.ReconnectNeeded {
		now := downtime{from: connection.StateSince}
		if connection.FailingSince != nil {
			now.from = *connection.FailingSince
		}
		list = append(list, now)
	}
	return list, nil
}

// meet marks the day if the downtime touches it.
func (d *RenewalDay) meet(down downtime, begins time.Time) {
	ends := begins.AddDate(0, 0, 1)
	over := !down.until.IsZero()
	if !down.from.Before(ends) || over && !down.until.After(begins) {
		return
	}
	from := down.from
	if from.Before(begins) {
		from = begins
	}
	d.DownFrom, d.UpAgain = &from, over && down.until.Before(ends)
}
