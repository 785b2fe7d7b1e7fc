package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// Device is a browser in which a person is signed in.
type Device struct {
	// ID identifies the session. It is not secret.
	ID            uuid.UUID
	Agent         Agent
	Began, SeenAt time.Time
	// This says that the request comes from this browser.
	This bool
}

// Devices returns where a person is signed in: first the browser of this request,
// and then the others, the one that was seen last first.
func (a *Accounts) Devices(ctx context.Context, userID uuid.UUID) ([]Device, error) {
	var rows []session
	err := live(a.db.Read(ctx), a.db.Now()).Omit("data").
		Where("user_id = ? AND epoch = (SELECT session_epoch FROM users WHERE id = ?)", userID, userID).
		Order("seen_at DESC, id DESC").Limit(sessionsPerUser).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	devices := make([]Device, 0, len(rows))
	t := tracked(ctx)
	for _, row := range rows {
		d := Device{ID: row.ID, Agent: Agent{row.Browser, row.System}, Began: row.began(), SeenAt: row.SeenAt}
		if t != nil && t.token == row.Token {
			d.This = true
			devices = append([]Device{d}, devices...)
			continue
		}
		devices = append(devices, d)
	}
	return devices, nil
}

// began returns when the person signed in. Renewing a session does not prolong it.
func (s session) began() time.Time {
	if s.Staff {
		return s.ExpiresAt.Add(-staffSessionLifetime)
	}
	return s.ExpiresAt.Add(-SessionLifetime)
}

// EndDevice ends one session of a person. It returns ErrNotFound if the person has
// no such session.
func (a *Accounts) EndDevice(ctx context.Context, userID, id uuid.UUID) error {
	err := a.db.Write(ctx, func(tx *gorm.DB) error {
		ended := tx.Where("user_id = ? AND id = ?", userID, id).Delete(&session{})
		if ended.Error == nil && ended.RowsAffected == 0 {
			return database.ErrNotFound
		}
		return ended.Error
	})
	if err != nil {
		return fmt.Errorf("end device: %w", err)
	}
	return nil
}

// EndOtherDevices ends all sessions of a person except that of this request. It
// returns the person's new session epoch.
func (a *Accounts) EndOtherDevices(ctx context.Context, userID uuid.UUID) (epoch int, err error) {
	err = a.db.Write(ctx, func(tx *gorm.DB) error {
		if _, err := stillSignedIn(tx, userID); err != nil {
			return err
		}
		epoch, err = endOtherSessions(tx, userID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("end other devices: %w", err)
	}
	return epoch, nil
}

// stillSignedIn locks and returns a user. It returns ErrSignedOut if the session of
// this request has ended since the request began, for example because the person
// has chosen another password elsewhere. A request can wait long for its turn to
// hash a password.
func stillSignedIn(tx *gorm.DB, userID uuid.UUID) (User, error) {
	var user User
	t := tracked(tx.Statement.Context)
	if t == nil {
		return user, ErrSignedOut
	}
	users := database.ForUpdate(tx)
	if err := users.Where("id = ? AND disabled_at IS NULL", userID).Limit(1).Find(&user).Error; err != nil {
		return user, fmt.Errorf("find user: %w", err)
	}
	var there int64
	if err := tx.Model(&session{}).Where("token = ? AND user_id = ?", t.token, userID).Count(&there).Error; err != nil {
		return user, fmt.Errorf("find session: %w", err)
	}
	if user.ID == uuid.Nil || there == 0 {
		return user, ErrSignedOut
	}
	return user, nil
}
