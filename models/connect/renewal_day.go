package connect

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
)

// HealthDays is how many days the health strip shows.
const HealthDays = 30

// RenewalDay counts a connection's renewals of a day (UTC).
type RenewalDay struct {
	ConnectionID uuid.UUID `gorm:"primaryKey"`
	// Day is in the form 2006-01-02.
	Day        string `gorm:"primaryKey"`
	OK, Failed int
	// DownFrom is from when on, on this day, somebody had to reconnect the
	// connection; nil if nobody had to. Of several times it is the last one.
	DownFrom *time.Time `gorm:"-"`
	// UpAgain says that this was over on the same day.
	UpAgain bool `gorm:"-"`
}

// Health is the connection's last 30 days, oldest first; a day without any
// renewal has zeros. Of a connection that somebody has to reconnect nothing is
// renewed, so a day knows of that too.
func (c *Connections) Health(ctx context.Context, connection models.Connection) ([]RenewalDay, error) {
	today := c.db.Now().UTC()
	first := today.AddDate(0, 0, 1-HealthDays)
	var rows []RenewalDay
	err := c.db.Read(ctx).Where("connection_id = ? AND day >= ?", connection.ID, first.Format(time.DateOnly)).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("show health: %w", err)
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
			days[i].meet(down, begins)
		}
	}
	return days, nil
}
