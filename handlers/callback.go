package handlers

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

// callback receives the browser when it returns from ServiceTitan.
func (s *site) callback(c echo.Context, v accounts.Visitor) error {
	if looksAhead(c) {
		return c.NoContent(http.StatusNoContent)
	}
	ctx := c.Request().Context()
	q, ok := readCallback(c.QueryParams())
	var result models.Result
	err := accounts.ErrUnknownState
	if ok {
		binding := s.sessions.Binding(ctx)
		v.SupportCode = models.AttemptCode(binding, q.State)
		request.RecordOf(ctx).SupportCode = v.SupportCode
		result, err = s.Connections.Complete(ctx, v, binding, q)
	}
	if errors.Is(err, accounts.ErrUnknownState) {
		request.NoteEvent(ctx, slog.LevelInfo, "callback refused")
		request.NoteError(ctx, slog.LevelInfo, err)
		result, err = models.Result{Outcome: models.OutcomeStartAgain}, nil
	}
	if err != nil {
		return err
	}
	// All others have a page of one kind.
	//exhaustive:ignore
	switch result.Outcome {
	case models.OutcomeConnected:
		return seeOther(c, connectionPath(result.ConnectionID)+"?done=connected")
	case models.OutcomeFinishing:
		return fieldbridge.Render(c, http.StatusAccepted, views.Finishing())
	}
	request.NoteNotConnected(ctx, result)
	page := views.NotConnectedPage{Result: result, SupportCode: v.SupportCode, Clock: s.clockOf(v)}
	if result.Choice.TenantID != 0 {
		page.ChoiceID = s.sessions.AddChoice(ctx, result.Choice)
	}
	request.SetRetryAfter(c.Response().Header(), result.RetryAt, s.Now())
	return fieldbridge.Render(c, result.Outcome.Status(), views.NotConnected(page))
}

// looksAhead says that the browser fetches the page before anybody has opened it.
// Such a request must not use up a code.
func looksAhead(c echo.Context) bool {
	return strings.Contains(c.Request().Header.Get("Sec-Purpose"), "prefetch")
}

// readCallback reads the query. A query without exactly one state belongs to no
// authorization.
func readCallback(query url.Values) (connect.CallbackQuery, bool) {
	if len(query["state"]) != 1 {
		return connect.CallbackQuery{}, false
	}
	q := connect.CallbackQuery{
		State:     secret.New(query.Get("state")),
		Code:      secret.New(query.Get("code")),
		Error:     query.Get("error"),
		Issuer:    query.Get("iss"),
		HasIssuer: query.Has("iss"),
	}
	for _, values := range query {
		q.Repeated = q.Repeated || len(values) > 1
	}
	return q, true
}
