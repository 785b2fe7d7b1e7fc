package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/api"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/views"
)

// errForeignOrigin refuses requests that another site's page made the browser send.
var errForeignOrigin = errors.New("request comes from another site")

// errorAnswer describes how an error is answered.
type errorAnswer struct {
	// is says whether the row describes the error.
	is     func(error) bool
	status int
	// kind is what support finds by the page's code.
	kind failure.Kind
	// page is the kind of the error page. It is empty for the page of the status.
	page views.ErrorKind
	// level is the level of the request's log line.
	level slog.Level
}

// errorAnswers is the one place that maps kinds of errors to statuses and pages. The first
// row that fits counts. The API has a table of its own.
var errorAnswers = []errorAnswer{
	{is: request.Kind[*accounts.ThrottledError], kind: failure.TooManyRequests, status: http.StatusTooManyRequests},
	{is: request.Kind[*accounts.BusyError], kind: failure.Busy, status: http.StatusServiceUnavailable, page: views.BusySigningIn},
	{is: database.Gone, kind: failure.NotFound, status: http.StatusNotFound},
	{is: request.Exactly(accounts.ErrForbidden), kind: failure.LacksRole, status: http.StatusForbidden, page: views.LacksRole},
	{is: request.Exactly(accounts.ErrNoMembership), kind: failure.NoMembership, status: http.StatusForbidden, page: views.NoMembership},
	{is: request.Exactly(accounts.ErrLocked), kind: failure.CompanyLocked, status: http.StatusForbidden, page: views.CompanyLocked},
	{is: request.Exactly(errOtherCompany), kind: failure.OtherCompany, status: http.StatusConflict, page: views.OtherCompany},
	{is: request.Exactly(errForeignOrigin), kind: failure.ForeignOrigin, status: http.StatusForbidden, page: views.ForeignOrigin},
	{is: request.Exactly(request.ErrForeignHost), kind: failure.WrongHost, status: http.StatusMisdirectedRequest},
	{is: request.Exactly(models.ErrTooManyConnections), kind: failure.TooManyConnections, status: http.StatusConflict, page: views.TooManyConnections},
	{is: request.Exactly(models.ErrNotConnected), kind: failure.ConnectionEnded, status: http.StatusConflict},
	{is: request.Exactly(models.ErrReconnectNeeded), kind: failure.ReconnectNeeded, status: http.StatusConflict},
	{is: request.NoToken, kind: failure.TokenUnavailable, status: http.StatusServiceUnavailable, level: slog.LevelError},
	{is: database.Unavailable, kind: failure.TemporarilyUnavailable, status: http.StatusServiceUnavailable, level: slog.LevelError},
}

// answerTo returns how an error is answered. An error without a row is a mistake of
// ours.
func answerTo(err error) errorAnswer {
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		a := errorAnswer{status: e.Code, kind: kindOfStatus(e.Code)}
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
	return errorAnswer{status: http.StatusInternalServerError, kind: failure.Internal, level: slog.LevelError}
}

// kindOfStatus returns what a status alone says.
func kindOfStatus(status int) failure.Kind {
	switch {
	case status == http.StatusNotFound:
		return failure.NotFound
	case status == http.StatusMethodNotAllowed:
		return failure.MethodNotAllowed
	case status == http.StatusRequestEntityTooLarge:
		return failure.TooLarge
	case status == http.StatusUnsupportedMediaType:
		return failure.UnsupportedMediaType
	case status == http.StatusServiceUnavailable:
		return failure.TemporarilyUnavailable
	case status >= http.StatusInternalServerError:
		return failure.Internal
	}
	return failure.InvalidRequest
}

// showError answers with the page of an error. The error itself goes into the
// request's log line, next to the support code that the page shows.
func (s *site) showError(err error, c echo.Context) {
	if api.Answers(c.Request().URL.Path) {
		s.api.ShowError(c, err)
		return
	}
	a := answerTo(err)
	status := a.status
	ctx := c.Request().Context()
	request.NoteError(ctx, a.level, err)
	request.NoteFailure(ctx, a.kind, err)
	if c.Response().Committed {
		return
	}
	if errors.Is(err, request.ErrForeignHost) {
		s.showAddress(c)
		return
	}
	if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
		s.showAccountAnywhere(c)
		ctx = c.Request().Context()
	}
	page := views.ErrorPage{Status: status, Kind: a.page, SupportCode: request.SupportCode(c), Clock: s.clockIn(ctx)}
	h := c.Response().Header()
	setPolicy(h, "")
	page.RetryAt = request.RetryAt(status, err, s.Now())
	request.SetRetryAfter(h, page.RetryAt, s.Now())
	if refused, ok := errors.AsType[*roleError](err); ok {
		page.Visitor, page.Staff = refused.visitor, refused.member
		page.CanHelp, _ = s.whoCanHelp(ctx, refused) // without the names, the page still says what to do
	}
	if refused, ok := errors.AsType[*companyError](err); ok {
		page.Visitor = refused.visitor
	}
	if err := fieldbridge.Render(c, status, views.Error(page)); err != nil {
		request.NoteError(ctx, slog.LevelError, fmt.Errorf("show error page: %w", err))
	}
}

// sessionError answers when a session cannot be loaded or saved.
func (s *site) sessionError(w http.ResponseWriter, r *http.Request, err error) {
	request.NoteError(r.Context(), slog.LevelError, fmt.Errorf("session: %w", err))
	request.NoteFailure(r.Context(), failure.TemporarilyUnavailable, nil)
	page := views.ErrorPage{Status: http.StatusServiceUnavailable, SupportCode: request.RecordOf(r.Context()).SupportCode, Clock: s.clock(), RetryAt: s.Now().Add(request.RetrySoon)}
	request.SetRetryAfter(w.Header(), page.RetryAt, s.Now())
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
		request.NoteError(r.Context(), slog.LevelError, fmt.Errorf("show error page: %w", err))
	}
}
