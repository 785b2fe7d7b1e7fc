package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

// errForeignOrigin refuses what another site's page made the browser send.
var errForeignOrigin = errors.New("request comes from another site")

// statusOf is the one place where kinds of errors become statuses.
func statusOf(err error) int {
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		return e.Code
	}
	if _, ok := errors.AsType[*models.ThrottledError](err); ok {
		return http.StatusTooManyRequests
	}
	if _, ok := errors.AsType[*models.BusyError](err); ok {
		return http.StatusServiceUnavailable
	}
	switch {
	case models.Gone(err):
		return http.StatusNotFound
	case errors.Is(err, models.ErrForbidden), errors.Is(err, models.ErrNoMembership), errors.Is(err, models.ErrLocked), errors.Is(err, errForeignOrigin):
		return http.StatusForbidden
	case errors.Is(err, errForeignHost):
		return http.StatusMisdirectedRequest
	case errors.Is(err, errNoKey):
		return http.StatusUnauthorized
	case errors.Is(err, models.ErrTooManyConnections), errors.Is(err, models.ErrNotConnected), errors.Is(err, models.ErrReconnectNeeded):
		return http.StatusConflict
	case models.Unavailable(err):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

const (
	// retrySoon is how long a 503 asks to wait where nothing says when the next try
	// may be made.
	retrySoon = 5 * time.Second
	// longestRetry bounds what a 503 asks to wait.
	longestRetry = time.Hour
)

// retryAt is when to ask again after an error; zero if asking again is no use.
func (s *site) retryAt(status int, err error) time.Time {
	if e, ok := errors.AsType[*models.ThrottledError](err); ok {
		return e.Until
	}
	if e, ok := errors.AsType[*models.BusyError](err); ok {
		return e.Until
	}
	if status != http.StatusServiceUnavailable {
		return time.Time{}
	}
	now := s.Now()
	if e, ok := errors.AsType[*models.ReasonError](err); ok && !e.RetryAt.IsZero() {
		return now.Add(min(max(e.RetryAt.Sub(now), time.Second), longestRetry))
	}
	return now.Add(retrySoon)
}

// setRetryAfter says in a header when to ask again (RFC 9110, section 10.2.3).
func (s *site) setRetryAfter(h http.Header, at time.Time) {
	if !at.IsZero() {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(at.Sub(s.Now()).Seconds())))))
	}
}

// showError answers with the page of an error. What went wrong goes into the
// request's line of the log, beside the support code that the page shows.
func (s *site) showError(err error, c echo.Context) {
	status := statusOf(err)
	ctx := c.Request().Context()
	busy, _ := errors.AsType[*models.BusyError](err)
	if status >= http.StatusInternalServerError && busy == nil {
		noteError(ctx, slog.LevelError, err)
	} else {
		noteError(ctx, slog.LevelInfo, err)
	}
	if c.Response().Committed {
		return
	}
	if strings.HasPrefix(c.Request().URL.Path, apiPrefix) {
		s.showProblem(c, status, err)
		return
	}
	if errors.Is(err, errForeignHost) {
		s.showAddress(c)
		return
	}
	if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
		s.showAccountAnywhere(c)
		ctx = c.Request().Context()
	}
	page := views.ErrorPage{Status: status, SupportCode: supportCode(c), Clock: s.clock()}
	h := c.Response().Header()
	setPolicy(h, "")
	page.RetryAt, page.Busy = s.retryAt(status, err), busy != nil
	s.setRetryAfter(h, page.RetryAt)
	if refused, ok := errors.AsType[*roleError](err); ok {
		page.Visitor, page.Staff = refused.visitor, refused.member
		page.CanHelp, _ = s.whoCanHelp(ctx, refused) // without the names the page still says what to do
	}
	page.ForeignOrigin = errors.Is(err, errForeignOrigin)
	page.NoMembership = errors.Is(err, models.ErrNoMembership)
	page.TooMany = errors.Is(err, models.ErrTooManyConnections)
	page.Locked = errors.Is(err, models.ErrLocked)
	if err := fieldbridge.Render(c, status, views.Error(page)); err != nil {
		noteError(ctx, slog.LevelError, fmt.Errorf("show error page: %w", err))
	}
}

// sessionError answers when a session cannot be loaded or saved.
func (s *site) sessionError(w http.ResponseWriter, r *http.Request, err error) {
	noteError(r.Context(), slog.LevelError, fmt.Errorf("session: %w", err))
	page := views.ErrorPage{Status: http.StatusServiceUnavailable, SupportCode: recordOf(r.Context()).supportCode, Clock: s.clock(), RetryAt: s.Now().Add(retrySoon)}
	s.setRetryAfter(w.Header(), page.RetryAt)
	w.Header().Set("Content-Type", echo.MIMETextHTMLCharsetUTF8)
	w.WriteHeader(http.StatusServiceUnavailable)
	if err := views.Error(page).Render(r.Context(), w); err != nil {
		noteError(r.Context(), slog.LevelError, fmt.Errorf("show error page: %w", err))
	}
}
