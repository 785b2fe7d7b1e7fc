package connect

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
)

// HealthDays is the number of days that the health strip shows.
const HealthDays = 30

// RenewalDay counts a connection's renewals on a day (UTC).
type RenewalDay struct {
	ConnectionID uuid.UUID `gorm:"primaryKey"`
	// Day has the form 2006-01-02.
	Day string `gorm:"primaryKey"`
	// OK and Failed count the renewals that worked and failed.
	OK, Failed int
	// DownFrom is when the day's last downtime began, or the start of the day if it
	// began earlier; nil if the day has none. A connection is down while somebody has
	// to reconnect it.
	DownFrom *time.Time `gorm:"-"`
	// UpAgain says that this downtime ended on the same day.
	UpAgain bool `gorm:"-"`
}

// Health returns the connection's last HealthDays days, oldest first. Days without
// renewals have zeros. A connection that is down is not renewed, so the days also
// say when it was down.
func (c *Connections) Health(ctx context.Context, connection models.Connection) ([]RenewalDay, error) {
	today := c.db.Now().UTC()
	first := today.AddDate(0, 0, 1-HealthDays)
	var rows []RenewalDay
	err := c.db.Read(ctx).Where("connection_id = ? AND day >= ?", connection.ID, first.Format(time.DateOnly)).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read health: %w", err)
	}
	counted := map[string]RenewalDay{}
	for _, row := range rows {
		counted[row.Day] = row
	}
	downtimes, err := c.downtimes(ctx, connection)
	if err != nil {
		return nil, err
	}
	days := make([]RenewalDay, HealthDays)
	for i := range days {
		begins := first.AddDate(0, 0, i).Truncate(24 * time.Hour)
		day := begins.Format(time.DateOnly)
		days[i] = counted[day]
		days[i].ConnectionID, days[i].Day = connection.ID, day
		for _, down := range downtimes {
			days[i].mark(down, begins)
		}
	}
	return days, nil
}

// downtime is a period in which somebody had to reconnect a connection.
type downtime struct {
	from time.Time
	// until is when the connection was reconnected or disconnected; zero while the
	// downtime lasts.
	until time.Time
}

// changesRead is the most changes of a connection that downtimes reads. Nobody
// reconnects that often within HealthDays.
const changesRead = 200

// downtimes returns the connection's downtimes, oldest first. Past ones come from
// its events. The current one begins at the time that the connection's pages show.
func (c *Connections) downtimes(ctx context.Context, connection models.Connection) ([]downtime, error) {
	var changes []models.Event
	err := c.db.Read(ctx).Select("kind", "at").
		Where("connection_id = ? AND company_id = ? AND kind IN ?", connection.ID, connection.CompanyID,
			[]models.EventKind{models.EventReconnectNeeded, models.EventConnected, models.EventReconnected, models.EventDisconnected}).
		Order("id DESC").Limit(changesRead).Find(&changes).Error
	if err != nil {
		return nil, fmt.Errorf("read downtimes: %w", err)
	}
	var downtimes []downtime
	var begun *time.Time
	for _, e := range slices.Backward(changes) {
		switch {
		case e.Kind != models.EventReconnectNeeded && begun != nil:
			downtimes, begun = append(downtimes, downtime{*begun, e.At}), nil
		case e.Kind == models.EventReconnectNeeded && begun == nil:
			begun = &e.At
		}
	}
	if connection.State == models.ReconnectNeeded {
		now := downtime{from: connection.StateSince}
		if connection.FailingSince != nil {
			now.from = *connection.FailingSince
		}
		downtimes = append(downtimes, now)
	}
	return downtimes, nil
}

// mark marks the day, which begins at begins, if the downtime touches it.
func (d *RenewalDay) mark(down downtime, begins time.Time) {
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
