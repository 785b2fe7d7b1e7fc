package support

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// Lock locks a company. Its people and API keys are refused from their next request
// on, and its mails wait. Its connections are still renewed, so that none is lost. The
// reason is kept as a note; the caller has checked it with ParseNote. Lock returns
// ErrForbidden if the staff member is not an admin. Locking twice has no further
// effect.
func (s *Support) Lock(ctx context.Context, staff accounts.Staff, companyID uuid.UUID, reason string) error {
	return s.setLock(ctx, staff, companyID, reason, models.EventLocked, func(c *accounts.Company, now time.Time) bool {
		was := c.LockedAt
		c.LockedAt, c.LockedByName, c.LockReason = &now, staff.Name, reason
		return was == nil
	})
}

// keepAfterLock is how long owners can at least keep a company whose deletion waited
// for the end of a lock.
const keepAfterLock = 3 * 24 * time.Hour

// Unlock ends the effect of Lock. It needs the same role and keeps the reason in the
// same way.
func (s *Support) Unlock(ctx context.Context, staff accounts.Staff, companyID uuid.UUID, reason string) error {
	return s.setLock(ctx, staff, companyID, reason, models.EventUnlocked, func(c *accounts.Company, now time.Time) bool {
		was := c.LockedAt
		c.LockedAt, c.LockedByName, c.LockReason = nil, "", ""
		if least := now.Add(keepAfterLock); c.DeletionAt != nil && c.DeletionAt.Before(least) {
			c.DeletionAt = &least
		}
		return was != nil
	})
}

// setLock changes whether a company is locked, keeps the reason as a note,
// records the event, and tells back ends. If change returns false, nothing is recorded.
func (s *Support) setLock(ctx context.Context, staff accounts.Staff, companyID uuid.UUID, reason string, kind models.EventKind, change func(*accounts.Company, time.Time) bool) error {
	if staff.Role != accounts.Admin {
		return accounts.ErrForbidden
	}
	db := s.db
	err := db.Write(ctx, func(tx *gorm.DB) error {
		var company accounts.Company
		if err := database.ForUpdate(tx).Where("id = ?", companyID).Take(&company).Error; err != nil {
			return database.Found(err, "find company")
		}
		if err := accounts.HoldAdmin(tx, staff); err != nil {
			return err
		}
		now := db.Now()
		if !change(&company, now) {
			return nil
		}
		if err := tx.Select("LockedAt", "LockedByName", "LockReason", "DeletionAt").Updates(&company).Error; err != nil {
			return err
		}
		if err := addNote(tx, staff, Note{CompanyID: companyID, Text: reason, CreatedAt: now}); err != nil {
			return err
		}
		notice := webhook.CompanyLocked
		if company.LockedAt == nil {
			notice = webhook.CompanyUnlocked
		}
		if err := models.NoteCompany(tx, notice, company, now); err != nil {
			return err
		}
		return RecordForAll(tx, models.Event{
			CompanyID: companyID, Kind: kind, ActorName: ActorName, StaffName: staff.Name, SupportCode: staff.SupportCode, At: now,
		})
	})
	if err != nil {
		return fmt.Errorf("%s company: %w", kind, err)
	}
	return nil
}

// RecordForAll adds an event to the company's own timeline and to the timeline of
// each of its connections.
func RecordForAll(tx *gorm.DB, e models.Event) error {
	var ids []uuid.UUID
	if err := tx.Model(&models.Connection{}).Where("company_id = ?", e.CompanyID).Order("id").Pluck("id", &ids).Error; err != nil {
		return fmt.Errorf("find timelines: %w", err)
	}
	e.ID = database.NewID()
	events := []models.Event{e}
	for _, id := range ids {
		e.ID, e.ConnectionID = database.NewID(), &id
		events = append(events, e)
	}
	if err := tx.CreateInBatches(&events, 500).Error; err != nil {
		return fmt.Errorf("record %s: %w", e.Kind, err)
	}
	return nil
}
