package handlers

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// guidedForm shows the second step of a setup by our staff: what will happen.
func (s *site) guidedForm(c echo.Context, v accounts.Visitor) error {
	id, choice, ok := s.sessions.Choice(c.Request().Context(), c.QueryParam("choice"))
	if !ok || choice.Way != servicetitan.Guided {
		return seeOther(c, "/connect")
	}
	page := views.GuidedPage{Choice: choice, ChoiceID: id, CanAsk: v.Owns(), OneWay: s.oneWay(), Read: c.QueryParam(readQuery) != ""}
	if environment, ok := s.environment(choice.Environment); ok && choice.Reconnects() {
		page.Others = otherWays(environment, choice.Way)
	}
	return fieldbridge.Render(c, http.StatusOK, views.Guided(page))
}

// requestSetup asks our staff for a setup.
func (s *site) requestSetup(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	_, choice, ok := s.sessions.Choice(ctx, f.Raw("choice"))
	if !ok || choice.Way != servicetitan.Guided {
		return seeOther(c, "/connect")
	}
	id, err := s.Connections.RequestSetup(ctx, v, choice)
	if err != nil {
		return err
	}
	return seeOther(c, connectionPath(id))
}

// accessAllowed records the contractor's statement that the app is allowed.
func (s *site) accessAllowed(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	connection, err := s.Connections.Get(c.Request().Context(), v.CompanyID, id)
	if err != nil {
		return err
	}
	err = s.Connections.AccessAllowed(c.Request().Context(), v, connection.ID)
	return s.afterSetup(c, connection, err)
}

// withdrawSetup cancels a setup.
func (s *site) withdrawSetup(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	connection, err := s.Connections.Get(c.Request().Context(), v.CompanyID, id)
	if err != nil {
		return err
	}
	err = s.Connections.WithdrawSetup(c.Request().Context(), v, connection.ID)
	return s.afterSetup(c, connection, err)
}

// afterSetup shows the connection, even if the setup ended in the meantime.
func (s *site) afterSetup(c echo.Context, connection models.Connection, err error) error {
	if err := ignoreClosed(err); err != nil {
		return err
	}
	return seeOther(c, connectionPath(connection.ID))
}

// guide shows the steps for the person who administers ServiceTitan. That person
// may have no account here, so the page shows nothing about any company.
func (s *site) guide(c echo.Context, environment servicetitan.Environment) error {
	return fieldbridge.Render(c, http.StatusOK, views.Guide(views.GuidePage{Environment: string(environment.Name), OpenURL: environment.AppURL()}))
}
