package models

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

const (
	// seriesLength is how long after its first event a series can grow.
	seriesLength = time.Hour
	// seriesWithin is how many of a timeline's newest entries are searched for the
	// series that an event belongs to.
	seriesWithin = 20
)

// RecordSeries adds an event that people can cause again and again. Equal events
// within an hour are one counted entry of the timeline, at the place of the last
// one. This keeps somebody who presses a button repeatedly from adding rows
// without limit.
func RecordSeries(tx *gorm.DB, e Event) error {
	timeline := tx.Where("company_id = ? AND connection_id IS NULL", e.CompanyID)
	if e.ConnectionID != nil {
		timeline = tx.Where("connection_id = ?", *e.ConnectionID)
	}
	var newest []Event
	err := timeline.Select("id", "kind", "actor_name", "staff_name", "reason", "outcome", "detail", "at", "first_at").
		Order("id DESC").Limit(seriesWithin).Find(&newest).Error
	if err != nil {
		return fmt.Errorf("look for equal events: %w", err)
	}
	for _, last := range newest {
		if !e.continues(last) {
			continue
		}
		result := tx.Exec(`UPDATE events SET id = ?, at = ?, first_at = coalesce(first_at, at), repeats = repeats + 1, millis = ?, support_code = ?
			WHERE id = ?`, database.NewID(), e.At, e.Millis, e.SupportCode, last.ID)
		if result.Error != nil {
			return fmt.Errorf("record %s: %w", e.Kind, result.Error)
		}
		if result.RowsAffected == 1 {
			return nil
		}
		break // another request extended the series in the meantime
	}
	return Record(tx, e)
}

// continues reports whether the event belongs to the series that ends with last.
func (e Event) continues(last Event) bool {
	return e.Kind == last.Kind && e.ActorName == last.ActorName && e.StaffName == last.StaffName && e.Reason == last.Reason &&
		e.Outcome == last.Outcome && e.Detail == last.Detail && e.At.Sub(last.Began()) < seriesLength
}

// Began returns the time of the first event of the series.
func (e Event) Began() time.Time {
	if e.FirstAt != nil {
		return *e.FirstAt
	}
	return e.At
}
