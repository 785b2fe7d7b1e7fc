package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// Each kind of error has its status, its type, and its level in the log, however deep
// it is wrapped.
func TestProblemsOfErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		name   string
		level  slog.Level
	}{
		"throttled":         {&accounts.ThrottledError{}, 429, "too-many-requests", slog.LevelInfo},
		"not found":         {database.ErrNotFound, 404, "not-found", slog.LevelInfo},
		"locked":            {accounts.ErrLocked, 403, "company-locked", slog.LevelInfo},
		"foreign host":      {request.ErrForeignHost, 421, "wrong-host", slog.LevelInfo},
		"no scope":          {&accounts.ScopeError{Scope: accounts.ScopeProxy}, 403, "missing-scope", slog.LevelInfo},
		"no key":            {errNoKey, 401, "no-valid-key", slog.LevelInfo},
		"not connected":     {&models.ReasonError{Err: models.ErrNotConnected}, 409, "not-connected", slog.LevelInfo},
		"reconnect needed":  {&models.ReasonError{Reason: models.ReasonGrantRefused, Err: models.ErrReconnectNeeded}, 409, "reconnect-needed", slog.LevelInfo},
		"no token":          {&models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}, 503, "token-unavailable", slog.LevelError},
		"unavailable":       {database.ErrUnavailable, 503, "temporarily-unavailable", slog.LevelError},
		"anything else":     {errors.New("no such table"), 500, "internal-error", slog.LevelError},
		"echo: bad request": {invalidField("/tenant_id", "is not a number"), 400, "invalid-request", slog.LevelInfo},
		"echo: unavailable": {echo.NewHTTPError(http.StatusServiceUnavailable), 503, "temporarily-unavailable", slog.LevelError},
	} {
		err := fmt.Errorf("answer: %w", fmt.Errorf("ask: %w", tt.err))
		p := problemOf(err)
		if p.status != tt.status || p.name != tt.name || p.level != tt.level || p.title == "" {
			t.Errorf("%s: %+v", name, p)
		}
		body := New(Options{BaseURL: &url.URL{Scheme: "https", Host: "connect.example.com"}}).problemBody(p, err)
		if body.Type != "https://connect.example.com/api/problems/"+tt.name {
			t.Errorf("%s: the type is %s", name, body.Type)
		}
		if reason, ok := errors.AsType[*models.ReasonError](tt.err); ok && body.Reason != reason.Reason {
			t.Errorf("%s: the API gives the reason %q", name, body.Reason)
		}
	}
}

// The document has an example of each problem, and each of its examples is one.
func TestDocumentHasEveryProblem(t *testing.T) {
	doc, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]map[string]any{}
	for _, r := range doc.Components.Responses {
		for _, m := range r.Value.Content {
			for name, e := range m.Examples {
				described[name], _ = e.Value.Value.(map[string]any)
			}
		}
	}
	for _, p := range problems {
		d := described[p.name]
		if d["type"] != "https://connect.example.com"+ProblemsPath+p.name || d["title"] != p.title || fmt.Sprint(d["status"]) != fmt.Sprint(p.status) {
			t.Errorf("the document says of %s: %v", p.name, d)
		}
		if p.detail != "" && p.name != "missing-scope" && d["detail"] != p.detail {
			t.Errorf("the document says of %s: %v", p.name, d["detail"])
		}
		delete(described, p.name)
	}
	for name := range described {
		t.Errorf("there is no problem %s", name)
	}
}
