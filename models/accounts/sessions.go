package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/fieldbridge/fieldbridge/models/database"
)

// How long a session lives: since it was last seen, and in all. That it was
// seen is noted at most once every sessionNoted, so reading costs no write.
const (
	sessionIdle     = 30 * time.Minute
	SessionLifetime = 12 * time.Hour
	sessionNoted    = 5 * time.Minute
	// Staff see every company, so theirs are shorter.
	staffSessionIdle     = 15 * time.Minute
	staffSessionLifetime = 8 * time.Hour
	// sessionsPerUser is how many sessions a user has at once. A new one more ends
	// the oldest.
	sessionsPerUser = 20
)

// Sessions keeps browser sessions for scs, which hands it hashed tokens.
//
// scs writes a session back whole at the end of a request, so a slow request
// could revive a session that was signed out meanwhile. Here a commit only
// updates a session that still exists; it inserts only under a token that was
// made in the same request (see Track).
type Sessions struct{ db *database.DB }

// NewSessions returns the store.
func NewSessions(db *database.DB) *Sessions { return &Sessions{db: db} }

type session struct {
	Token     string `gorm:"primaryKey"`
	Data      []byte
	ExpiresAt time.Time
	SeenAt    time.Time
	Staff     bool
	// Previous is the token that the session had before it went on under this one.
	Previous *string
	// UserID is nil for a session of nobody yet.
	UserID *uuid.UUID
}

type trackKey struct{}

// track is what the store remembers of a request.
type track struct {
	token string     // of the session that was loaded
	user  *uuid.UUID // whose session it is
	staff bool       // the session that begins is one of staff
	// asked is the token that the browser sent, also if it has no session any more.
	asked string
	// renews says that the session goes on under another token, and renewed is the
	// token that it had.
	renews  bool
	renewed string
}

// Track returns a context for one request, in which the store remembers which
// session was loaded.
func (*Sessions) Track(ctx context.Context) context.Context {
	return context.WithValue(ctx, trackKey{}, new(track))
}

func tracked(ctx context.Context) *track {
	t, _ := ctx.Value(trackKey{}).(*track)
	return t
}

// ForStaff makes the session that this request begins one of staff.
func (*Sessions) ForStaff(ctx context.Context) {
	if t := tracked(ctx); t != nil {
		t.staff = true
	}
}

// GoOn makes the session of this request go on under another token, if it is
// still there when it is saved: one that was signed out meanwhile stays gone.
func (*Sessions) GoOn(ctx context.Context) {
	if t := tracked(ctx); t != nil {
		t.renews = true
	}
}

// ForUser makes the session that this request begins one of the user.
func (*Sessions) ForUser(ctx context.Context, userID uuid.UUID) {
	if t := tracked(ctx); t != nil {
		t.user = &userID
	}
}

// FindCtx loads a session that has neither expired nor been idle too long.
func (s *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var row session
	if t := tracked(ctx); t != nil {
		t.asked = token
	}
	now := s.db.Now()
	err := s.db.Read(ctx).Where("token = ? AND expires_at > ? AND ((staff AND seen_at > ?) OR (NOT staff AND seen_at > ?))",
		token, now, now.Add(-staffSessionIdle), now.Add(-sessionIdle)).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("load session: %w", err)
	}
	if now.Sub(row.SeenAt) >= sessionNoted {
		if err := s.db.Write(ctx, func(tx *gorm.DB) error {
			return tx.Model(&session{}).Where("token = ?", token).Update("seen_at", now).Error
		}); err != nil {
			return nil, false, fmt.Errorf("note session: %w", err)
		}
	}
	if t := tracked(ctx); t != nil {
		t.token, t.user = token, row.UserID
	}
	return row.Data, true, nil
}

// CommitCtx saves a session. A new one lives for SessionLifetime by our clock;
// what scs says of its end is by another. One too many of its user ends the
// oldest.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, _ time.Time) error {
	t := tracked(ctx)
	if t == nil {
		return errors.New("save session: the request is not tracked")
	}
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		if t.token == token {
			return tx.Model(&session{}).Where("token = ?", token).Update("data", data).Error
		}
		if t.renewed != "" {
			return tx.Model(&session{}).Where("token = ?", t.renewed).Updates(map[string]any{"token": token, "previous": t.renewed, "data": data}).Error
		}
		now := s.db.Now()
		row := session{Token: token, Data: data, ExpiresAt: now.Add(SessionLifetime), SeenAt: now, Staff: t.staff, UserID: t.user}
		if t.staff {
			row.ExpiresAt = now.Add(staffSessionLifetime)
		}
		if err := lockUser(tx, t.user); err != nil {
			return err
		}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
			return err
		}
		return endOldest(tx, row)
	})
	if err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	t.token, t.renewed = token, ""
	return nil
}

// lockUser lets the sessions of a user begin one after the other, so that their
// count is exact.
func lockUser(tx *gorm.DB, userID *uuid.UUID) error {
	if userID == nil {
		return nil
	}
	var locked []uuid.UUID
	return database.ForUpdate(tx.Model(&User{})).Where("id = ?", *userID).Pluck("id", &locked).Error
}

// endOldest ends what the user of a new session has beyond sessionsPerUser.
func endOldest(tx *gorm.DB, row session) error {
	if row.UserID == nil {
		return nil
	}
	return tx.Exec(`DELETE FROM sessions WHERE token IN (
		SELECT token FROM sessions WHERE user_id = ? AND token <> ? ORDER BY expires_at DESC LIMIT 1000 OFFSET ?)`,
		*row.UserID, row.Token, sessionsPerUser-1).Error
}

// DeleteCtx ends a session. It also ends one that has gone on under another token
// since this browser sent the old one.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	tokens := []string{token}
	if t := tracked(ctx); t != nil {
		if t.renews && t.renewed == "" && t.token == token {
			t.renewed = token // it is given another token when it is saved
			return nil
		}
		tokens = append(tokens, t.asked, t.renewed)
		tokens = slices.DeleteFunc(tokens, func(token string) bool { return token == "" })
	}
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Where("token IN ? OR previous IN ?", tokens, tokens).Delete(&session{}).Error
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Find is FindCtx for scs's older interface, which it never calls on a store
// with contexts.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx for scs's older interface.
func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(s.Track(context.Background()), token, data, expiry)
}

// Delete is DeleteCtx for scs's older interface.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// endSessions ends all sessions of a user, on all devices.
func endSessions(tx *gorm.DB, userID uuid.UUID) error {
	if err := tx.Exec("UPDATE users SET session_epoch = session_epoch + 1 WHERE id = ?", userID).Error; err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}
