package connect

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
)

// HealthDays is the number of days that the health strip shows.
const HealthDays = 30

// RenewalDay counts a connection's renewals and checks on a day (UTC).
type RenewalDay struct {
	ConnectionID uuid.UUID `gorm:"primaryKey"`
	// Day has the form 2006-01-02.
	Day string `gorm:"primaryKey"`
	// OK and Failed count the renewals that worked and failed.
	OK, Failed int
	// ChecksOK and ChecksFailed count the checks that worked and failed.
	ChecksOK, ChecksFailed int
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
	first := firstHealthDay(c.db.Now())
	var rows []RenewalDay
	err := c.db.Read(ctx).Where("connection_id = ? AND day >= ?", connection.ID, first.Format(time.DateOnly)).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read health: %w", err)
	}
	days := newHealthDays(connection, first)
	for _, row := range rows {
		if day := dayOf(days, row.Day); day != nil {
			day.OK, day.Failed, day.ChecksOK, day.ChecksFailed = row.OK, row.Failed, row.ChecksOK, row.ChecksFailed
		}
	}
	changes, err := c.changes(ctx, connection)
	if err != nil {
		return nil, err
	}
	markDowntimes(days, first, downtimesOf(connection, changes))
	return days, nil
}

// firstHealthDay returns the first of the days that the health strip shows.
func firstHealthDay(now time.Time) time.Time {
	return now.UTC().AddDate(0, 0, 1-HealthDays).Truncate(24 * time.Hour)
}

// newHealthDays returns the days that the health strip shows from the first on, without
// any renewals.
func newHealthDays(connection models.Connection, first time.Time) []RenewalDay {
	const length = len(time.DateOnly)
	days, dates := make([]RenewalDay, HealthDays), make([]byte, 0, HealthDays*length)
	for i := range days {
		dates = first.AddDate(0, 0, i).AppendFormat(dates, time.DateOnly)
	}
	text := string(dates)
	for i := range days {
		days[i] = RenewalDay{ConnectionID: connection.ID, Day: text[i*length : (i+1)*length]}
	}
	return days
}

// dayOf returns the day with a date; nil if there is none.
func dayOf(days []RenewalDay, date string) *RenewalDay {
	i, found := slices.BinarySearchFunc(days, date, func(d RenewalDay, date string) int { return strings.Compare(d.Day, date) })
	if !found {
		return nil
	}
	return &days[i]
}

// countDay sets the counts of the day with a date. They are renewals that worked and
// failed, and then checks that worked and failed, such as "20 4 24 0".
func countDay(days []RenewalDay, date, counts string) (err error) {
	day := dayOf(days, date)
	if day == nil {
		return nil
	}
	for _, n := range []*int{&day.OK, &day.Failed, &day.ChecksOK, &day.ChecksFailed} {
		var count string
		count, counts, _ = strings.Cut(counts, " ")
		if *n, err = strconv.Atoi(count); err != nil {
			return fmt.Errorf("read counts of %s: %w", date, err)
		}
	}
	return nil
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

// changesOfDowntime are the kinds of events with which a downtime begins or ends.
var changesOfDowntime = []models.EventKind{models.EventReconnectNeeded, models.EventConnected, models.EventReconnected, models.EventDisconnected}

// changes returns the connection's events with which downtimes begin or end, newest
// first.
func (c *Connections) changes(ctx context.Context, connection models.Connection) ([]models.Event, error) {
	var changes []models.Event
	err := c.db.Read(ctx).Select("kind", "at").
		Where("connection_id = ? AND company_id = ? AND kind IN ?", connection.ID, connection.CompanyID, changesOfDowntime).
		Order("id DESC").Limit(changesRead).Find(&changes).Error
	if err != nil {
		return nil, fmt.Errorf("read downtimes: %w", err)
	}
	return changes, nil
}

// downtimesOf returns the connection's downtimes, oldest first. Past ones come from
// its changes, which are given newest first. The current one begins at the time that
// the connection's pages show.
func downtimesOf(connection models.Connection, changes []models.Event) []downtime {
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
	return downtimes
}

// markDowntimes marks the days, from the first on, that downtimes touch.
func markDowntimes(days []RenewalDay, first time.Time, downtimes []downtime) {
	for _, down := range downtimes {
		for i := range days {
			days[i].mark(down, first.AddDate(0, 0, i))
		}
	}
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
