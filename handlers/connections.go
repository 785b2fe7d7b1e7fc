package handlers

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

func connectionPath(id uuid.UUID) string { return "/connections/" + id.String() }

// listConnections shows the home page of a company.
func (s *site) listConnections(c echo.Context, v accounts.Visitor) error {
	list, err := s.Connections.Overview(c.Request().Context(), v.CompanyID)
	if err != nil {
		return err
	}
	asks, err := s.openAsks(c, v)
	if err != nil {
		return err
	}
	connections, apps := make([]models.Connection, len(list)), make(map[servicetitan.EnvironmentName]string)
	for i, listed := range list {
		connections[i] = listed.Connection
	}
	for _, environment := range s.Connections.Environments() {
		apps[environment.Name] = environment.AppURL()
	}
	return fieldbridge.Render(c, http.StatusOK, views.Connections(views.ConnectionsPage{
		Visitor: v, Connections: list, AppURLs: apps, Asks: asks, Outages: s.outageNotices(connections...), Clock: s.clockOf(v),
	}))
}

// showConnection shows one connection.
func (s *site) showConnection(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	ctx := c.Request().Context()
	shown, err := s.Connections.Page(ctx, v, id)
	if err != nil {
		return err
	}
	if connection := shown.Connection; c.QueryParam("done") == "connected" && connection.State == models.Connected {
		return fieldbridge.Render(c, http.StatusOK, views.Connected(views.ConnectedPage{Connection: connection, Again: connection.Generation > 1, OneWay: s.oneWay()}))
	}
	page, err := s.connectionPage(c, v, shown)
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.Connection(page))
}

// connectionPage returns the page of one connection.
func (s *site) connectionPage(c echo.Context, v accounts.Visitor, shown connect.Page) (views.ConnectionPage, error) {
	connection, part := shown.Connection, models.ParseTimelinePart(c.QueryParam("show"))
	history, err := s.Connections.History(c.Request().Context(), shown, part)
	if err != nil {
		return views.ConnectionPage{}, err
	}
	page := views.ConnectionPage{
		Visitor: v, Connection: connection, Check: shown.Check, Setup: shown.Setup, Events: history.Events, Part: part, Tested: c.QueryParam("done") == "tested",
		GuideURL: s.BaseURL.JoinPath("/guide", string(connection.Environment)).String(), Outages: s.outageNotices(connection), Ask: shown.Ask, Calls: shown.Calls, Owners: shown.Owners, Clock: s.clockOf(v),
	}
	if environment, ok := s.environment(connection.Environment); ok {
		page.AppURL = environment.AppURL()
		page.Missing = models.MissingAreas(connection.ScopeList(), environment.Scopes)
	}
	if !connection.ConnectedAt.IsZero() {
		page.Days = history.Days
	}
	page.Version = shownVersion(connection, shown.Check, history.Events, part == models.WholeTimeline)
	return page, nil
}

// testConnection tests the connection now and shows the result.
func (s *site) testConnection(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	err := s.Connections.Test(c.Request().Context(), v, id)
	if errors.Is(err, models.ErrNotConnected) {
		return seeOther(c, connectionPath(id)) // the connection's page says why
	}
	if err != nil {
		return err
	}
	return seeOther(c, connectionPath(id)+"?done=tested")
}

// tryAgain asks ServiceTitan again after somebody has allowed the app there, and shows the
// result.
func (s *site) tryAgain(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	if err := s.Connections.TryAgain(c.Request().Context(), v, id); err != nil {
		return err
	}
	return seeOther(c, connectionPath(id)+"?done=tested")
}

// reconnect starts the wizard for an existing connection.
func (s *site) reconnect(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	connection, err := s.Connections.Get(c.Request().Context(), v.CompanyID, id)
	if err != nil {
		return err
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	return s.review(c, s.choiceAgain(connection, servicetitan.Way(f.Line("how"))), false)
}

// choiceAgain returns the choice that reconnects a connection, in the way it was
// connected if none is given.
func (s *site) choiceAgain(connection models.Connection, way servicetitan.Way) models.Choice {
	choice := models.Choice{
		Environment: connection.Environment, Way: connection.Way, TenantID: connection.TenantID, ConnectionID: connection.ID,
	}
	if way != "" {
		choice.Way = way
	}
	// The recommended way replaces a way that is no longer offered.
	if environment, ok := s.environment(choice.Environment); ok {
		if !environment.Offers(choice.Way) && len(environment.Ways) > 0 {
			choice.Way = environment.Ways[0]
		}
	}
	return choice
}

// confirmDisconnect says what disconnecting means and asks for confirmation.
func (s *site) confirmDisconnect(c echo.Context, v owner, id uuid.UUID) error {
	connection, err := s.Connections.Get(c.Request().Context(), v.CompanyID, id)
	if err != nil {
		return err
	}
	if connection.State == models.Disconnected || connection.State == models.Pending {
		return seeOther(c, connectionPath(connection.ID))
	}
	return fieldbridge.Render(c, http.StatusOK, views.Disconnect(views.DisconnectPage{Connection: connection}))
}

func (s *site) disconnect(c echo.Context, v owner, id uuid.UUID) error {
	if err := s.Connections.Disconnect(c.Request().Context(), v.Visitor, id); err != nil {
		return err
	}
	return seeOther(c, connectionPath(id))
}
