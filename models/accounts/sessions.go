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

// Limits of a session: how long it may be idle, how long it lives in all, and how
// many a user has. The time when it was last seen is stored at most once every
// sessionNoted, so that most reads cause no write.
const (
	sessionIdle     = 30 * time.Minute
	SessionLifetime = 12 * time.Hour
	sessionNoted    = 5 * time.Minute
	// Staff see every company, so their sessions are shorter.
	staffSessionIdle     = 15 * time.Minute
	staffSessionLifetime = 8 * time.Hour
	// sessionsPerUser is how many sessions a user may have at a time. A new session
	// beyond that ends the oldest.
	sessionsPerUser = 20

	// StrangersSessionsKept is how long sessions are kept in which nobody has signed
	// in. They are useless once they are idle, and there may be many.
	StrangersSessionsKept = sessionIdle
)

// Sessions is the store of browser sessions for scs, which passes hashed tokens.
//
// scs saves the whole session at the end of a request, so a slow request could
// bring back a session that was signed out in the meantime. Here a commit only
// updates a session that still exists. It inserts one only under a token that was
// made in the same request (see Track).
type Sessions struct{ db *database.DB }

// NewSessions returns the sessions in a database.
func NewSessions(db *database.DB) *Sessions { return &Sessions{db: db} }

type session struct {
	Token     string `gorm:"primaryKey"`
	Data      []byte
	ExpiresAt time.Time
	SeenAt    time.Time
	Staff     bool
	// Previous is the token that the session had before it was renewed.
	Previous *string
	// UserID is nil before anybody has signed in.
	UserID *uuid.UUID
	// ID is how pages refer to the session. It is not secret.
	ID              uuid.UUID
	Browser, System string
	// Epoch is the user's session epoch when the session began.
	Epoch int
}

type trackKey struct{}

// track is what the store remembers during a request.
type track struct {
	token string     // of the loaded session
	user  *uuid.UUID // of that session
	agent Agent      // of that session
	epoch int        // of that session
	staff bool       // whether the session that begins is one of staff
	// person is who the loaded session belongs to, as they were when it was loaded. It
	// is zero as soon as the request changes whose session it is, or how.
	person principal
	// begins is set if the request signs a person in.
	begins *Beginning
	// quiet says that the request does not show that somebody is there.
	quiet bool
	// asked is the token that the browser sent, even if its session no longer
	// exists.
	asked string
	// renews says that the session continues under another token. renewed is the
	// token that it had.
	renews  bool
	renewed string
}

// Track returns a context for one request. In it, the store remembers which session
// was loaded.
func (*Sessions) Track(ctx context.Context) context.Context {
	return context.WithValue(ctx, trackKey{}, new(track))
}

func tracked(ctx context.Context) *track {
	t, _ := ctx.Value(trackKey{}).(*track)
	return t
}

// ForStaff gives the session that this request begins the shorter limits of staff.
func (*Sessions) ForStaff(ctx context.Context) {
	if t := tracked(ctx); t != nil {
		t.staff = true
	}
}

// Quietly says that a page makes this request by itself. It does not keep the session
// from being idle.
func (*Sessions) Quietly(ctx context.Context) {
	if t := tracked(ctx); t != nil {
		t.quiet = true
	}
}

// GoOn continues the session of this request under another token. A session that
// was signed out in the meantime stays gone.
func (*Sessions) GoOn(ctx context.Context) {
	if t := tracked(ctx); t != nil {
		t.renews, t.person = true, principal{}
	}
}

// Beginning is the sign-in with which a session begins.
type Beginning struct {
	User  User
	Agent Agent
	// Known says that the person has signed in on this browser before.
	Known bool
}

// ForUser assigns the session that this request begins to a user who signs in.
func (*Sessions) ForUser(ctx context.Context, b Beginning) {
	if t := tracked(ctx); t != nil {
		t.user, t.agent, t.epoch, t.begins, t.person = &b.User.ID, b.Agent, b.User.SessionEpoch, &b, principal{}
	}
}

// live selects sessions that have neither expired nor been idle for too long.
func live(db *gorm.DB, now time.Time) *gorm.DB {
	return db.Where("expires_at > ? AND ((staff AND seen_at > ?) OR (NOT staff AND seen_at > ?))", now, now.Add(-staffSessionIdle), now.Add(-sessionIdle))
}

// alive reports whether the session has neither expired nor been idle for too long.
func (s session) alive(now time.Time) bool {
	idle := sessionIdle
	if s.Staff {
		idle = staffSessionIdle
	}
	return s.ExpiresAt.After(now) && s.SeenAt.After(now.Add(-idle))
}

// FindCtx returns the data of a session that has neither expired nor been idle for
// too long. The same query reads the person, for Visitor and Staff.
func (s *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	t := tracked(ctx)
	if t != nil {
		t.asked = token
	}
	now := s.db.Now()
	row, p, err := readSession(ctx, s.db, token)
	if err != nil || !row.alive(now) {
		return nil, false, err
	}
	if now.Sub(row.SeenAt) >= sessionNoted && (t == nil || !t.quiet) {
		if err := s.db.Write(ctx, func(tx *gorm.DB) error {
			_, err := database.Exec(tx, "UPDATE sessions SET seen_at = $1 WHERE token = $2", now, token)
			return err
		}); err != nil {
			return nil, false, fmt.Errorf("note session: %w", err)
		}
		p = principal{} // it may have waited long
	}
	if t != nil {
		t.token, t.user, t.agent, t.epoch, t.person = token, row.UserID, Agent{row.Browser, row.System}, row.Epoch, p
	}
	return row.Data, true, nil
}

// person returns a user as they were when this request loaded their session, or as
// they are now.
func (s *Sessions) person(ctx context.Context, userID uuid.UUID) (principal, error) {
	if t := tracked(ctx); t != nil && t.person.id == userID && userID != uuid.Nil {
		return t.person, nil
	}
	return readPrincipal(ctx, s.db, userID)
}

// Visitor is Accounts.Visitor for the entrance of a request. It needs no query for
// the person whose session the request has just loaded. Later in a request, use
// Accounts.Visitor.
func (s *Sessions) Visitor(ctx context.Context, userID, companyID uuid.UUID, epoch int) (Visitor, error) {
	p, err := s.person(ctx, userID)
	if err != nil {
		return Visitor{}, err
	}
	return p.visitor(companyID, epoch)
}

// Staff is Accounts.Staff for the entrance of a request, as Visitor is
// Accounts.Visitor.
func (s *Sessions) Staff(ctx context.Context, userID uuid.UUID, epoch int) (Staff, error) {
	p, err := s.person(ctx, userID)
	if err != nil {
		return Staff{}, err
	}
	return p.staff(epoch)
}

// CommitCtx saves a session. It ignores the expiry that scs computes with another
// clock: a new session lives for SessionLifetime by the database's clock, and one
// of staff for less. If its user then has too many sessions, the oldest one ends.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, _ time.Time) error {
	t := tracked(ctx)
	if t == nil {
		return errors.New("save session: the request is not tracked")
	}
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		if t.token == token {
			_, err := database.Exec(tx, "UPDATE sessions SET data = $1 WHERE token = $2", data, token)
			return err
		}
		if t.renewed != "" {
			return tx.Model(&session{}).Where("token = ?", t.renewed).Updates(map[string]any{"token": token, "previous": t.renewed, "data": data}).Error
		}
		now := s.db.Now()
		row := session{
			Token: token, Data: data, ExpiresAt: now.Add(SessionLifetime), SeenAt: now, Staff: t.staff, UserID: t.user,
			ID: database.NewID(), Browser: t.agent.Browser, System: t.agent.System, Epoch: t.epoch,
		}
		if t.staff {
			row.ExpiresAt = now.Add(staffSessionLifetime)
		}
		if err := lockUser(tx, t.user); err != nil {
			return err
		}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
			return err
		}
		if err := endOldest(tx, row); err != nil || t.begins == nil {
			return err
		}
		return noteSignIn(tx, *t.begins, now)
	})
	if err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	t.token, t.renewed, t.person = token, "", principal{}
	return nil
}

// lockUser makes a user's sessions begin one after another, so that their count is
// exact.
func lockUser(tx *gorm.DB, userID *uuid.UUID) error {
	if userID == nil {
		return nil
	}
	var locked []uuid.UUID
	return database.ForUpdate(tx.Model(&User{})).Where("id = ?", *userID).Pluck("id", &locked).Error
}

// endOldest ends the oldest sessions of a new session's user, down to
// sessionsPerUser.
func endOldest(tx *gorm.DB, row session) error {
	if row.UserID == nil {
		return nil
	}
	return tx.Exec(`DELETE FROM sessions WHERE token IN (
		SELECT token FROM sessions WHERE user_id = ? AND token <> ? ORDER BY expires_at DESC LIMIT 1000 OFFSET ?)`,
		*row.UserID, row.Token, sessionsPerUser-1).Error
}

// DeleteCtx ends a session. If the session was renewed after this browser sent the
// old token, it ends the renewed session too.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	tokens := []string{token}
	if t := tracked(ctx); t != nil {
		if t.renews && t.renewed == "" && t.token == token {
			t.renewed = token // CommitCtx gives it another token
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

// Find is FindCtx for the older interface of scs, which scs does not call if a
// store has the methods with contexts.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx for the older interface of scs.
func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(s.Track(context.Background()), token, data, expiry)
}

// Delete is DeleteCtx for the older interface of scs.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
