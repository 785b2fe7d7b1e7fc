package handlers

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// askOwner admits the owners of a company to one of its asks. An ask of another
// company is not found, whatever the visitor's role.
func (s *site) askOwner(handle func(echo.Context, owner, connect.Ask) error) entrance {
	e := s.member(withID(func(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
		ask, err := s.Connections.Ask(c.Request().Context(), v.CompanyID, id)
		if err != nil {
			return err
		}
		if !v.Owns() {
			return accounts.ErrForbidden
		}
		return handle(c, owner{v}, ask)
	}))
	e.who = forOwners
	return e
}

// askForChoice makes a link for the choice of the wizard: one that was made before, or
// the answers to its questions.
func (s *site) askForChoice(c echo.Context, v owner) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	_, choice, ok := s.sessions.Choice(c.Request().Context(), f.Raw("choice"))
	read := false
	if f.Raw("choice") == "" && f.Raw("env") != "" {
		page := views.ConnectPage{Offers: s.offers(), Ask: true}
		reading := s.answer(&page, f.choice(), f.Line("tenant"))
		if page.Errors != (views.ConnectErrors{}) {
			return s.showConnect(c, v.Visitor, http.StatusUnprocessableEntity, page)
		}
		choice, ok, read = page.Choice, true, !reading.Plain
	}
	if !ok {
		return seeOther(c, "/connect")
	}
	ask, link, err := s.Connections.MakeAsk(c.Request().Context(), v.Visitor, choice)
	return s.showAskLink(c, v, ask, link, read, err)
}

// askForConnection makes a link for a connection: for the step of an open setup, or
// to reconnect.
func (s *site) askForConnection(c echo.Context, v owner, id uuid.UUID) error {
	ctx := c.Request().Context()
	connection, err := s.Connections.Get(ctx, v.CompanyID, id)
	if err != nil {
		return err
	}
	choice := s.choiceAgain(connection, "")
	if connection.SettingUp {
		choice.Way = servicetitan.Guided
	}
	ask, link, err := s.Connections.MakeAsk(ctx, v.Visitor, choice)
	return s.showAskLink(c, v, ask, link, false, err)
}

// askAgain makes a new link for an ask. The old one ends.
func (s *site) askAgain(c echo.Context, v owner, ask connect.Ask) error {
	again, link, err := s.Connections.AskAgain(c.Request().Context(), v.Visitor, ask.ID)
	return s.showAskLink(c, v, again, link, false, err)
}

// showAskLink answers the request that made a link. The link is on no other page.
func (s *site) showAskLink(c echo.Context, v owner, ask connect.Ask, link secret.Value, read bool, err error) error {
	switch {
	case errors.Is(err, connect.ErrUnproven):
		return fieldbridge.Render(c, http.StatusConflict, views.AskUnproven())
	case errors.Is(err, connect.ErrTooManyAsks):
		return fieldbridge.Render(c, http.StatusConflict, views.TooManyAsks())
	case err != nil:
		return err
	}
	return fieldbridge.RenderSecret(c, http.StatusOK, views.AskLink(views.AskLinkPage{
		Ask: ask, Base: s.BaseURL.JoinPath("/ask/").String(), Link: link, Read: read, Clock: s.clockOf(v.Visitor),
	}))
}

// showAsk shows how far an ask has come.
func (s *site) showAsk(c echo.Context, v owner, ask connect.Ask) error {
	return fieldbridge.Render(c, http.StatusOK, views.Ask(views.AskPage{Ask: ask, Live: c.QueryParam("live") != "", Clock: s.clockOf(v.Visitor)}))
}

// withdrawAsk ends an ask.
func (s *site) withdrawAsk(c echo.Context, v owner, ask connect.Ask) error {
	if err := s.Connections.WithdrawAsk(c.Request().Context(), v.Visitor, ask.ID); err != nil {
		return err
	}
	return seeOther(c, views.AskPath(ask.ID))
}

// openAsks returns the asks that an owner's page lists.
func (s *site) openAsks(c echo.Context, v accounts.Visitor) ([]connect.Ask, error) {
	if !v.Owns() {
		return nil, nil
	}
	return s.Connections.OpenAsks(c.Request().Context(), v.CompanyID)
}
