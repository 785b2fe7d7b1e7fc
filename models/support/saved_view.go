package support

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// SavedPage is a page whose filters can be saved.
type SavedPage string

// The pages.
const (
	ConnectionsSaved SavedPage = "connections"
	QueueSaved       SavedPage = "queue"
)

// SavedView is a filter that a staff member saved under a name. Only they see it.
type SavedView struct {
	ID      uuid.UUID `gorm:"primaryKey"`
	StaffID uuid.UUID
	Page    SavedPage
	Name    string
	// Query is the filter as the query of the page's URL.
	Query     string
	CreatedAt time.Time
}

const (
	// SavedAtMost is the most filters that a staff member can save.
	SavedAtMost = 20
	// LongestViewName is the most characters in the name of a filter.
	LongestViewName = 40
)

var (
	// ErrTooManyViews says that a staff member has saved SavedAtMost filters.
	ErrTooManyViews = errors.New("too many saved filters")
	// ErrViewName says that a name is empty, too long, or cannot be shown.
	ErrViewName = errors.New("filter cannot have this name")
	// ErrNothingToSave says that a filter selects everything.
	ErrNothingToSave = errors.New("no filter to save")
)

// SaveView saves the filter of a page's URL under a name, in place of an earlier one with
// that name. It keeps only what it knows of the filter. The error is ErrNothingToSave,
// ErrViewName, or ErrTooManyViews.
func (s *Support) SaveView(ctx context.Context, staff accounts.Staff, page SavedPage, name string, v url.Values) (SavedView, error) {
	if page != ConnectionsSaved && page != QueueSaved {
		return SavedView{}, database.ErrNotFound
	}
	view := SavedView{ID: database.NewID(), StaffID: staff.UserID, Page: page, Query: ParseFilter(v).Values().Encode(), CreatedAt: s.db.Now()}
	if page == QueueSaved {
		view.Query = ParseQueueFilter(v).Values().Encode()
	}
	if view.Query == "" || !searchable(v.Get("q")) {
		return view, ErrNothingToSave
	}
	cleaned, problem := accounts.ParseName(name)
	if problem != accounts.NameFine || utf8.RuneCountInString(cleaned) > LongestViewName {
		return view, ErrViewName
	}
	view.Name = cleaned
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		// The lock makes two requests count one after the other.
		var locked []uuid.UUID
		if err := database.ForUpdate(tx).Model(&accounts.User{}).Where("id = ?", staff.UserID).Pluck("id", &locked).Error; err != nil {
			return fmt.Errorf("lock staff member: %w", err)
		}
		if err := tx.Where("staff_id = ? AND page = ? AND name = ?", staff.UserID, page, cleaned).Delete(&SavedView{}).Error; err != nil {
			return fmt.Errorf("replace filter: %w", err)
		}
		var n int64
		if err := tx.Model(&SavedView{}).Where("staff_id = ?", staff.UserID).Count(&n).Error; err != nil {
			return fmt.Errorf("count filters: %w", err)
		}
		if n >= SavedAtMost {
			return ErrTooManyViews
		}
		return tx.Create(&view).Error
	})
	if err != nil {
		return view, fmt.Errorf("save filter: %w", err)
	}
	return view, nil
}

// DeleteView deletes a filter that a staff member saved, or returns ErrNotFound if they have
// none with that ID.
func (s *Support) DeleteView(ctx context.Context, staff accounts.Staff, id uuid.UUID) error {
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		result := tx.Where("id = ? AND staff_id = ?", id, staff.UserID).Delete(&SavedView{})
		if result.Error == nil && result.RowsAffected == 0 {
			return database.ErrNotFound
		}
		return result.Error
	})
	if err != nil {
		return fmt.Errorf("delete filter: %w", err)
	}
	return nil
}

// SavedViews returns the filters that a staff member saved for a page, by name.
func (s *Support) SavedViews(ctx context.Context, staff accounts.Staff, page SavedPage) ([]SavedView, error) {
	return savedViews(s.db.Read(ctx), staff, page)
}

func savedViews(db *gorm.DB, staff accounts.Staff, page SavedPage) ([]SavedView, error) {
	var list []SavedView
	if err := db.Where("staff_id = ? AND page = ?", staff.UserID, page).Order("name").Limit(SavedAtMost).Find(&list).Error; err != nil {
		return nil, fmt.Errorf("list saved filters: %w", err)
	}
	return list, nil
}
