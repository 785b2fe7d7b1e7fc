package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/views"
)

// Each kind of error has its status, its page, what the API says, and its level
// in the log, however deep it is wrapped.
func TestAnswersToErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		page   views.ErrorKind
		api    string
		level  slog.Level
	}{
		"throttled":            {&accounts.ThrottledError{}, 429, "", problemBlank, slog.LevelInfo},
		"busy":                 {&accounts.BusyError{}, 503, views.BusySigningIn, problemUnavailable, slog.LevelInfo},
		"not found":            {database.ErrNotFound, 404, "", problemBlank, slog.LevelInfo},
		"no role":              {accounts.ErrForbidden, 403, views.LacksRole, problemBlank, slog.LevelInfo},
		"no member":            {accounts.ErrNoMembership, 403, views.NoMembership, problemBlank, slog.LevelInfo},
		"locked":               {accounts.ErrLocked, 403, views.CompanyLocked, problemLocked, slog.LevelInfo},
		"foreign origin":       {errForeignOrigin, 403, views.ForeignOrigin, problemBlank, slog.LevelInfo},
		"foreign host":         {errForeignHost, 421, "", problemBlank, slog.LevelInfo},
		"no key":               {errNoKey, 401, "", problemBlank, slog.LevelInfo},
		"too many connections": {models.ErrTooManyConnections, 409, views.TooManyConnections, problemBlank, slog.LevelInfo},
		"not connected":        {&models.ReasonError{Err: models.ErrNotConnected}, 409, "", problemNotConnected, slog.LevelInfo},
		"reconnect needed":     {&models.ReasonError{Reason: models.ReasonGrantRefused, Err: models.ErrReconnectNeeded}, 409, "", problemReconnect, slog.LevelInfo},
		"no token":             {&models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}, 503, "", problemNoToken, slog.LevelError},
		"unavailable":          {database.ErrUnavailable, 503, "", problemUnavailable, slog.LevelError},
		"anything else":        {errors.New("no such table"), 500, "", problemBlank, slog.LevelError},
		"echo: bad request":    {echo.NewHTTPError(http.StatusBadRequest, "tenant_id is not a number"), 400, "", problemBlank, slog.LevelInfo},
		"echo: unavailable":    {echo.NewHTTPError(http.StatusServiceUnavailable), 503, "", problemUnavailable, slog.LevelError},
	} {
		err := fmt.Errorf("answer: %w", fmt.Errorf("ask: %w", tt.err))
		a := answerTo(err)
		if a.status != tt.status || a.page != tt.page || a.level != tt.level {
			t.Errorf("%s: %d, page %q, %s", name, a.status, a.page, a.level)
		}
		body := problemOf(a, err)
		if body.Type != tt.api || body.Title == "" || body.Status != tt.status {
			t.Errorf("%s: the API says %+v", name, body)
		}
		if reason, ok := errors.AsType[*models.ReasonError](tt.err); ok && body.Reason != reason.Reason {
			t.Errorf("%s: the API gives the reason %q", name, body.Reason)
		}
	}
	if body := problemOf(answerTo(echo.NewHTTPError(400, "tenant_id is not a number")), echo.NewHTTPError(400, "tenant_id is not a number")); body.Detail != "tenant_id is not a number" {
		t.Errorf("a bad request is told %q", body.Detail)
	}
}
