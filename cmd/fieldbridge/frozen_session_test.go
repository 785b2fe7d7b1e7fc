package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// frozenCheck is the product's session check of 30 November 2026, copied so that
// BenchmarkStatusPage's floor does not move when the product's check changes. It reads
// the session and the member with GORM, in two queries, and decodes the session with
// gob. It has sessions of its own, because the product's may change their form.
type frozenCheck struct{ db *gorm.DB }

const frozenSchema = `CREATE TABLE frozen_sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expires_at DATETIME NOT NULL,
	seen_at DATETIME NOT NULL, staff INTEGER NOT NULL DEFAULT 0, user_id TEXT, previous TEXT, id TEXT,
	browser TEXT NOT NULL DEFAULT '', system TEXT NOT NULL DEFAULT '', epoch INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID`

type frozenSession struct {
	Token           string `gorm:"primaryKey"`
	Data            []byte
	ExpiresAt       time.Time
	SeenAt          time.Time
	Staff           bool
	Previous        *string
	UserID          *uuid.UUID
	ID              uuid.UUID
	Browser, System string
	Epoch           int
}

// openFrozenCheck opens the product's SQLite database as the product did.
func openFrozenCheck(path string) (frozenCheck, error) {
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{
		"_journal_mode": {"WAL"}, "_busy_timeout": {"5000"}, "_foreign_keys": {"on"}, "_secure_delete": {"on"},
		"_synchronous": {"FULL"}, "_query_only": {"true"},
	}.Encode()}).String()
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard, SkipDefaultTransaction: true, PrepareStmt: true, TranslateError: true})
	if err != nil {
		return frozenCheck{}, err
	}
	pool, err := db.DB()
	if err != nil {
		return frozenCheck{}, err
	}
	pool.SetMaxOpenConns(4)
	pool.SetMaxIdleConns(4)
	return frozenCheck{db}, nil
}

func (f frozenCheck) now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// FindCtx returns the data of a session.
func (f frozenCheck) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var row frozenSession
	now := f.now()
	err := f.db.WithContext(ctx).Where("expires_at > ? AND ((staff AND seen_at > ?) OR (NOT staff AND seen_at > ?))",
		now, now.Add(-15*time.Minute), now.Add(-30*time.Minute)).Where("token = ?", token).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("load session: %w", err)
	}
	return row.Data, true, nil
}

// CommitCtx fails, because the floor only reads.
func (f frozenCheck) CommitCtx(context.Context, string, []byte, time.Time) error {
	return errors.ErrUnsupported
}

// DeleteCtx fails, because the floor only reads.
func (f frozenCheck) DeleteCtx(context.Context, string) error { return errors.ErrUnsupported }

// Find is FindCtx without a context.
func (f frozenCheck) Find(token string) ([]byte, bool, error) {
	return f.FindCtx(context.Background(), token)
}

// Commit fails, because the floor only reads.
func (f frozenCheck) Commit(string, []byte, time.Time) error { return errors.ErrUnsupported }

// Delete fails, because the floor only reads.
func (f frozenCheck) Delete(string) error { return errors.ErrUnsupported }

// visitor returns the person behind a session.
func (f frozenCheck) visitor(ctx context.Context, userID, companyID uuid.UUID, epoch int) (accounts.Visitor, error) {
	var row struct {
		Name, Email  string
		SessionEpoch int
		DisabledAt   *time.Time
		ProvenAt     *time.Time
		CompanyName  *string
		LockedAt     *time.Time
		TimeZone     *string
		DeletionAt   *time.Time
		DeletedAt    *time.Time
		Role         *accounts.Role
		Companies    int
		HasFactor    bool
	}
	err := f.db.WithContext(ctx).Raw(`SELECT u.name, u.email, u.session_epoch, u.disabled_at, u.proven_at, c.name AS company_name,
			c.locked_at, c.time_zone, c.deletion_at, c.deleted_at, m.role,
			f.confirmed_at IS NOT NULL AS has_factor, (SELECT count(*) FROM memberships every WHERE every.user_id = u.id) AS companies
		FROM users u
		LEFT JOIN memberships m ON m.user_id = u.id AND m.company_id = ?
		LEFT JOIN companies c ON c.id = m.company_id
		LEFT JOIN second_factors f ON f.user_id = u.id
		WHERE u.id = ?`, companyID, userID).Take(&row).Error
	switch {
	case err != nil:
		return accounts.Visitor{}, fmt.Errorf("load visitor: %w", err)
	case row.DisabledAt != nil || row.SessionEpoch != epoch:
		return accounts.Visitor{}, accounts.ErrSignedOut
	case row.Companies > 1 || row.Role == nil || row.CompanyName == nil || row.DeletedAt != nil || row.LockedAt != nil:
		return accounts.Visitor{}, errFloor
	}
	return accounts.Visitor{
		UserID: userID, Name: row.Name, Email: row.Email, Proven: row.ProvenAt != nil, CompanyID: companyID, HasFactor: row.HasFactor,
		Epoch: epoch, CompanyName: *row.CompanyName, Role: *row.Role, TimeZone: *row.TimeZone, DeletionAt: row.DeletionAt,
	}, nil
}

// route answers a fixed page to people who are signed in.
func (f frozenCheck) route(page []byte) http.Handler {
	sessions := scs.New()
	sessions.Store = f
	sessions.HashTokenInStore = true
	sessions.Cookie.Name = frozenCookie
	e := echo.New()
	e.Use(echo.WrapMiddleware(sessions.LoadAndSave))
	e.GET("/connections/:id", func(c echo.Context) error {
		ctx := c.Request().Context()
		user, err := uuid.Parse(sessions.GetString(ctx, "user"))
		if err != nil {
			return echo.NewHTTPError(http.StatusUnauthorized)
		}
		company, err := uuid.Parse(sessions.GetString(ctx, "company"))
		if err != nil {
			return echo.NewHTTPError(http.StatusUnauthorized)
		}
		if _, err := f.visitor(ctx, user, company, sessions.GetInt(ctx, "epoch")); err != nil {
			return err
		}
		return c.HTMLBlob(http.StatusOK, page)
	})
	return e
}

const frozenCookie = "fieldbridge_session"

// frozenClients returns clients of the floor at base for the same people, with sessions
// that hold what the product's held.
func frozenClients(b testing.TB, db *database.DB, people []*client, base string) []*client {
	b.Helper()
	change(b, db, frozenSchema)
	clients := make([]*client, len(people))
	for i, p := range people {
		token := rand.Text() + rand.Text()
		data, err := scs.GobCodec{}.Encode(time.Now().Add(accounts.SessionLifetime).UTC(), map[string]any{
			"user": p.user.ID.String(), "company": p.company.String(), "epoch": p.user.SessionEpoch, "binding": rand.Text() + rand.Text(),
			"choices": fmt.Sprintf(`[{"ID":"ABCDEFGH","Choice":{"Environment":"production","Way":"sign_in","TenantID":%d,"ConnectionID":"%s"}}]`, 1_000_000_000+i, uuid.Nil),
		})
		if err != nil {
			b.Fatal(err)
		}
		sum, now := sha256.Sum256([]byte(token)), db.Now()
		change(b, db, `INSERT INTO frozen_sessions (token, data, expires_at, seen_at, user_id, id, browser, system) VALUES (?, ?, ?, ?, ?, ?, '', '')`,
			base64.RawURLEncoding.EncodeToString(sum[:]), data, now.Add(accounts.SessionLifetime), now, p.user.ID, uuid.New())
		clients[i] = newClient(base)
		clients[i].cookies = frozenCookie + "=" + token
		b.Cleanup(clients[i].transport.CloseIdleConnections)
	}
	return clients
}
