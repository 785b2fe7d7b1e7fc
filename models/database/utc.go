package database

import "time"

// InUTC returns a moment in UTC, as the database stores it. PostgreSQL returns it in its
// own zone. A moment that is nil stays nil.
func InUTC(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	utc := at.UTC()
	return &utc
}
