package handlers

import (
	"bytes"
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
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/views"
)

// errForeignOrigin refuses requests that another site's page made the browser send.
var errForeignOrigin = errors.New("request comes from another site")

// errorAnswer describes how an error is answered.
type errorAnswer struct {
	// is says whether the row describes the error.
	is     func(error) bool
	status int
	// page is the kind of the error page. It is empty for the page of the status.
	page views.ErrorKind
	// api is the API's description. It is empty for the description of the status.
	api apiProblem
	// level is the level of the request's log line.
	level slog.Level
}

// errorAnswers is the one place that maps kinds of errors to statuses, pages, and
// problems of the API. The first row that fits counts.
var errorAnswers = []errorAnswer{
	{is: kind[*accounts.ThrottledError], status: http.StatusTooManyRequests},
	{is: kind[*accounts.BusyError], status: http.StatusServiceUnavailable, page: views.BusySigningIn},
	{is: database.Gone, status: http.StatusNotFound},
	{is: exactly(accounts.ErrForbidden), status: http.StatusForbidden, page: views.LacksRole},
	{is: exactly(accounts.ErrNoMembership), status: http.StatusForbidden, page: views.NoMembership},
	{is: exactly(accounts.ErrLocked), status: http.StatusForbidden, page: views.CompanyLocked, api: apiProblem{
		problemLocked, "Company locked",
		"Fieldbridge support has locked this company. Fieldbridge keeps its access, which can be read again once the company is unlocked.",
	}},
	{is: exactly(errOtherCompany), status: http.StatusConflict, page: views.OtherCompany},
	{is: exactly(errForeignOrigin), status: http.StatusForbidden, page: views.ForeignOrigin},
	{is: exactly(errForeignHost), status: http.StatusMisdirectedRequest},
	{is: exactly(errNoKey), status: http.StatusUnauthorized},
	{is: exactly(models.ErrTooManyConnections), status: http.StatusConflict, page: views.TooManyConnections},
	{is: exactly(models.ErrNotConnected), status: http.StatusConflict, api: apiProblem{
		problemNotConnected, "Not connected", "This connection is disconnected, or still being set up.",
	}},
	{is: exactly(models.ErrReconnectNeeded), status: http.StatusConflict, api: apiProblem{
		problemReconnect, "Reconnect needed",
		"ServiceTitan has refused this connection for good. Someone at the company has to reconnect it in Fieldbridge.",
	}},
	{is: noToken, status: http.StatusServiceUnavailable, level: slog.LevelError, api: apiProblem{
		problemNoToken, "No access token right now",
		"The access token of this connection has expired, and it cannot be renewed right now. Fieldbridge keeps trying. Retry after the time in Retry-After.",
	}},
	{is: database.Unavailable, status: http.StatusServiceUnavailable, level: slog.LevelError},
}

// answerTo returns how an error is answered. An error without a row is a mistake of
// ours.
func answerTo(err error) errorAnswer {
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		a := errorAnswer{status: e.Code}
		if e.Code >= http.StatusInternalServerError {
			a.level = slog.LevelError
		}
		return a
	}
	for _, a := range errorAnswers {
		if a.is(err) {
			return a
		}
	}
	return errorAnswer{status: http.StatusInternalServerError, level: slog.LevelError}
}

func kind[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func exactly(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// noToken says that a connection has no token for now.
func noToken(err error) bool { return kind[*models.ReasonError](err) && database.Unavailable(err) }

const (
	// retrySoon is the Retry-After of a 503 when the time of the next attempt is
	// unknown.
	retrySoon = 5 * time.Second
	// longestRetry is the longest Retry-After of a 503.
	longestRetry = time.Hour
)

// retryAt returns when to retry after an error. It is zero if a retry is no use.
func (s *site) retryAt(status int, err error) time.Time {
	if e, ok := errors.AsType[*accounts.ThrottledError](err); ok {
		return e.Until
	}
	if e, ok := errors.AsType[*accounts.BusyError](err); ok {
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

// setRetryAfter sets the header that says when to retry (RFC 9110, section 10.2.3).
func (s *site) setRetryAfter(h http.Header, at time.Time) {
	if !at.IsZero() {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(at.Sub(s.Now()).Seconds())))))
	}
}

// showError answers with the page of an error. The error itself goes into the
// request's log line, next to the support code that the page shows.
func (s *site) showError(err error, c echo.Context) {
	a := answerTo(err)
	status := a.status
	ctx := c.Request().Context()
	noteError(ctx, a.level, err)
	if c.Response().Committed {
		return
	}
	if strings.HasPrefix(c.Request().URL.Path, apiPrefix) {
		s.showProblem(c, a, err)
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
	page := views.ErrorPage{Status: status, Kind: a.page, SupportCode: supportCode(c), Clock: s.clockIn(ctx)}
	h := c.Response().Header()
	setPolicy(h, "")
	page.RetryAt = s.retryAt(status, err)
	s.setRetryAfter(h, page.RetryAt)
	if refused, ok := errors.AsType[*roleError](err); ok {
		page.Visitor, page.Staff = refused.visitor, refused.member
		page.CanHelp, _ = s.whoCanHelp(ctx, refused) // without the names, the page still says what to do
	}
	if refused, ok := errors.AsType[*companyError](err); ok {
		page.Visitor = refused.visitor
	}
	if err := fieldbridge.Render(c, status, views.Error(page)); err != nil {
		noteError(ctx, slog.LevelError, fmt.Errorf("show error page: %w", err))
	}
}

// sessionError answers when a session cannot be loaded or saved.
func (s *site) sessionError(w http.ResponseWriter, r *http.Request, err error) {
	noteError(r.Context(), slog.LevelError, fmt.Errorf("session: %w", err))
	page := views.ErrorPage{Status: http.StatusServiceUnavailable, SupportCode: recordOf(r.Context()).supportCode, Clock: s.clock(), RetryAt: s.Now().Add(retrySoon)}
	s.setRetryAfter(w.Header(), page.RetryAt)
	var body bytes.Buffer
	err = views.Error(page).Render(r.Context(), &body)
	// The page that could not be sent may have set these already. The length also keeps
	// the rest of it from being sent after this one.
	w.Header().Del("Content-Encoding")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.Header().Set("Content-Type", echo.MIMETextHTMLCharsetUTF8)
	w.WriteHeader(http.StatusServiceUnavailable)
	if _, wrong := w.Write(body.Bytes()); err != nil || wrong != nil {
		err = errors.Join(err, wrong)
		noteError(r.Context(), slog.LevelError, fmt.Errorf("show error page: %w", err))
	}
}
