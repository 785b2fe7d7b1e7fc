package outage

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
)

const (
	// Kept is how long an outage stays in the table after its end.
	Kept = 400 * 24 * time.Hour
	// mostKept is how many outages that have ended stay at most.
	mostKept = 1000
	// listed is how many outages History returns at most.
	listed = 50
)

// recent reads the outages that go on or ended a short time ago.
func (m *Monitor) recent(ctx context.Context, now time.Time) ([]Outage, error) {
	var list []Outage
	err := m.db.Read(ctx).Omit("Samples").Where("ended_at IS NULL").Or("ended_at > ?", now.Add(-AnnouncedFor)).Order("began_at").Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("read outages: %w", err)
	}
	return list, nil
}

// History returns the outages that went on after a time, the newest first.
func (m *Monitor) History(ctx context.Context, after time.Time) ([]Outage, error) {
	if m == nil {
		return nil, nil
	}
	var list []Outage
	err := m.db.Read(ctx).Omit("Samples").Where("ended_at IS NULL").Or("ended_at > ?", after).Order("began_at DESC").Limit(listed).Find(&list).Error
	if err != nil {
		return nil, fmt.Errorf("list outages: %w", err)
	}
	return list, nil
}

// OpenWithSamples returns the outages that go on, with their samples, the oldest first.
func (m *Monitor) OpenWithSamples(ctx context.Context) ([]Outage, error) {
	if len(m.Open()) == 0 {
		return nil, nil
	}
	var list []Outage
	if err := m.db.Read(ctx).Where("ended_at IS NULL").Order("began_at").Find(&list).Error; err != nil {
		return nil, fmt.Errorf("read outages with samples: %w", err)
	}
	return list, nil
}

// insert inserts an outage that begins. It returns false if its place has one already.
func (m *Monitor) insert(ctx context.Context, o *Outage) (inserted bool, err error) {
	o.ID = database.NewID()
	err = m.db.Write(ctx, func(tx *gorm.DB) error {
		result := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(o)
		inserted = result.RowsAffected > 0
		if result.Error != nil || !inserted {
			return result.Error
		}
		return tx.Exec("DELETE FROM outages WHERE ended_at IS NOT NULL AND id NOT IN (SELECT id FROM outages ORDER BY began_at DESC LIMIT ?)", mostKept).Error
	})
	if err != nil {
		return false, fmt.Errorf("begin outage: %w", err)
	}
	return inserted, nil
}

// update writes the size of an outage. Of several instances, one does so in a turn.
func (m *Monitor) update(ctx context.Context, o *Outage, now time.Time) error {
	o.UpdatedAt = now
	_, err := m.save(ctx, o, "updated_at <= ?", now.Add(-turnEvery*4/5))
	return err
}

// saveEnd writes the end of an outage. It returns false if another instance has done so.
func (m *Monitor) saveEnd(ctx context.Context, o *Outage) (bool, error) {
	o.UpdatedAt = *o.EndedAt
	return m.save(ctx, o, "1 = 1")
}

func (m *Monitor) save(ctx context.Context, o *Outage, condition string, values ...any) (saved bool, err error) {
	err = m.db.Write(ctx, func(tx *gorm.DB) error {
		saved = false
		var current []Outage
		err := database.ForUpdate(tx).Where("id = ? AND ended_at IS NULL", o.ID).Where(condition, values...).Find(&current).Error
		if err != nil || len(current) == 0 {
			return err
		}
		saved, o.Samples, o.Peak = true, current[0].Samples, max(o.Peak, current[0].Peak)
		o.addSample(o.UpdatedAt)
		return tx.Select("EndedAt", "Tenants", "Failing", "Peak", "Kinds", "Samples", "TriedAt", "UpdatedAt").Updates(o).Error
	})
	if err != nil {
		return false, fmt.Errorf("save outage: %w", err)
	}
	return saved, nil
}
