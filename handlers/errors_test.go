package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/views"
)

// Each kind of error has its status, its page, and its level in the log,
// however deep it is wrapped.
func TestAnswersToErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		page   views.ErrorKind
		level  slog.Level
	}{
		"throttled":            {&accounts.ThrottledError{}, 429, "", slog.LevelInfo},
		"busy":                 {&accounts.BusyError{}, 503, views.BusySigningIn, slog.LevelInfo},
		"not found":            {database.ErrNotFound, 404, "", slog.LevelInfo},
		"no role":              {accounts.ErrForbidden, 403, views.LacksRole, slog.LevelInfo},
		"no member":            {accounts.ErrNoMembership, 403, views.NoMembership, slog.LevelInfo},
		"locked":               {accounts.ErrLocked, 403, views.CompanyLocked, slog.LevelInfo},
		"foreign origin":       {errForeignOrigin, 403, views.ForeignOrigin, slog.LevelInfo},
		"foreign host":         {request.ErrForeignHost, 421, "", slog.LevelInfo},
		"too many connections": {models.ErrTooManyConnections, 409, views.TooManyConnections, slog.LevelInfo},
		"not connected":        {&models.ReasonError{Err: models.ErrNotConnected}, 409, "", slog.LevelInfo},
		"reconnect needed":     {&models.ReasonError{Reason: models.ReasonGrantRefused, Err: models.ErrReconnectNeeded}, 409, "", slog.LevelInfo},
		"no token":             {&models.ReasonError{Reason: models.ReasonUnavailable, Err: database.ErrUnavailable}, 503, "", slog.LevelError},
		"unavailable":          {database.ErrUnavailable, 503, "", slog.LevelError},
		"anything else":        {errors.New("no such table"), 500, "", slog.LevelError},
		"echo: bad request":    {echo.NewHTTPError(http.StatusBadRequest, "tenant_id is not a number"), 400, "", slog.LevelInfo},
		"echo: unavailable":    {echo.NewHTTPError(http.StatusServiceUnavailable), 503, "", slog.LevelError},
	} {
		err := fmt.Errorf("answer: %w", fmt.Errorf("ask: %w", tt.err))
		a := answerTo(err)
		if a.status != tt.status || a.page != tt.page || a.level != tt.level {
			t.Errorf("%s: %d, page %q, %s", name, a.status, a.page, a.level)
		}
	}
}
