package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// openAsk shows the page to which a link leads. Opening it changes nothing: mail
// programs and chats open links, too.
func (s *site) openAsk(c echo.Context) error {
	if token := c.Param("token"); guestSecret.MatchString(token) {
		return seeOther(c, guestPage{askedByOwner, s.sessions.KeepLink(c, secret.New(token))}.path())
	} else if !linkName.MatchString(token) {
		return s.showNoAsk(c, connect.ErrLinkOver)
	}
	link, name, ok := s.linkIn(c)
	if binding := s.sessions.GuestBinding(c, guestPage{askedByOwner, name}); !binding.IsZero() {
		return s.showAsked(c, name, binding)
	}
	if !ok {
		return fieldbridge.Render(c, http.StatusNotFound, views.AskOpenAgain())
	}
	asked, err := s.Connections.AskedByLink(c.Request().Context(), link)
	if err != nil {
		return s.showNoAsk(c, err)
	}
	return fieldbridge.Render(c, http.StatusOK, views.AskStart(views.AskedPage{Asked: asked, Name: name, Clock: s.clock()}))
}

// showNoAsk says why a link does not work.
func (s *site) showNoAsk(c echo.Context, err error) error {
	switch {
	case errors.Is(err, connect.ErrLinkOpened):
		return fieldbridge.Render(c, http.StatusConflict, views.AskElsewhere())
	case errors.Is(err, connect.ErrLinkOver):
		return fieldbridge.Render(c, http.StatusNotFound, views.AskOver())
	}
	return err
}

// startAsk binds a link to this browser, and keeps the person's name.
func (s *site) startAsk(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	link, name, ok := s.linkIn(c)
	if !ok || name == "" {
		return fieldbridge.Render(c, http.StatusNotFound, views.AskOpenAgain())
	}
	at := guestPage{askedByOwner, name}
	if binding := s.sessions.GuestBinding(c, at); !binding.IsZero() {
		return seeOther(c, at.path()) // a double click
	}
	person, problem := accounts.ParseName(f.Raw("name"))
	if wrong := nameProblem(problem, "your name", "Enter your name, with 100 characters at most."); wrong != "" {
		asked, err := s.Connections.AskedByLink(ctx, link)
		if err != nil {
			return s.showNoAsk(c, err)
		}
		page := views.AskedPage{Asked: asked, Name: name, AdminName: f.Raw("name"), NameError: wrong, Clock: s.clock()}
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.AskStart(page))
	}
	binding := newGuestBinding()
	if err := s.Connections.StartAsk(ctx, link, binding, person, request.Address(c)); err != nil {
		return s.showNoAsk(c, err)
	}
	s.sessions.KeepGuestBinding(c, at, binding, accounts.LinkAsk.Life())
	s.sessions.DropLink(c, name)
	return seeOther(c, at.path())
}

// asked admits the browser to which a link of an owner is bound.
func (s *site) asked(handle func(c echo.Context, name string, binding secret.Value) error) entrance {
	return s.guest(askedByOwner, handle)
}

// showAsked shows the steps of the person who was asked.
func (s *site) showAsked(c echo.Context, name string, binding secret.Value) error {
	page, err := s.askedPage(c, name, binding)
	if err != nil {
		return s.showNoAsk(c, err)
	}
	if page.Asked.Ended == connect.AskUsed {
		return fieldbridge.Render(c, http.StatusOK, views.AskedDone(page))
	}
	switch page.Asked.Way {
	case servicetitan.SignIn:
		if environment, ok := s.environment(page.Asked.Environment); ok {
			setPolicy(c.Response().Header(), environment.AuthURL.Scheme+"://"+environment.AuthURL.Host)
		}
		return fieldbridge.Render(c, http.StatusOK, views.AskedSignIn(page))
	case servicetitan.OwnCredentials:
		return fieldbridge.Render(c, http.StatusOK, views.AskedCredentials(page))
	case servicetitan.Guided:
	}
	return fieldbridge.Render(c, http.StatusOK, views.AskedGuided(page))
}

func (s *site) askedPage(c echo.Context, name string, binding secret.Value) (views.AskedPage, error) {
	asked, err := s.Connections.Asked(c.Request().Context(), binding)
	if err != nil {
		return views.AskedPage{}, err
	}
	request.NoteCompany(c.Request().Context(), asked.CompanyID)
	page := views.AskedPage{Asked: asked, Name: name, Clock: s.clock()}
	if environment, ok := s.environment(asked.Environment); ok {
		page.Scopes, page.AppURL = environment.Scopes, environment.AppURL()
	}
	return page, nil
}

// authorizeAsked sends the person to ServiceTitan. The page before has named the
// company that will get the access.
func (s *site) authorizeAsked(c echo.Context, _ string, binding secret.Value) error {
	if _, err := readForm(c); err != nil {
		return err
	}
	to, err := s.Connections.BeginAsked(c.Request().Context(), binding)
	if err != nil {
		return s.showNoAsk(c, err)
	}
	return seeOther(c, to)
}

// allowAsked records the person's statement that the app is allowed.
func (s *site) allowAsked(c echo.Context, name string, binding secret.Value) error {
	err := s.Connections.AllowAsked(c.Request().Context(), binding, request.SupportCode(c))
	if err := ignoreClosed(err); err != nil {
		return s.showNoAsk(c, err)
	}
	return seeOther(c, "/ask/"+name)
}

// tryAsked tries the client ID and secret that the person typed.
func (s *site) tryAsked(c echo.Context, name string, binding secret.Value) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page, err := s.askedPage(c, name, binding)
	if err == nil && (page.Asked.Ended != "" || page.Asked.Way != servicetitan.OwnCredentials) {
		return seeOther(c, "/ask/"+name)
	}
	if err != nil {
		return s.showNoAsk(c, err)
	}
	own := servicetitan.OwnClient{ID: pasted(f.Raw("client")), Secret: secret.New(pasted(f.Raw("secret")))}
	page.ClientID, page.Errors = shownAgain(own.ID), missingClient(own)
	if page.Errors != (views.CredentialsErrors{}) {
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.AskedCredentials(page))
	}
	result, err := s.Connections.TryAsked(c.Request().Context(), binding, own, request.SupportCode(c))
	if err != nil {
		return s.showNoAsk(c, err)
	}
	if result.Outcome == models.OutcomeConnected {
		return seeOther(c, "/ask/"+name)
	}
	if !besideForm(result.Outcome) {
		return s.showGuestFailed(c, guestPage{askedByOwner, name}, result)
	}
	var status int
	page.Errors, page.Result, status = s.tellBesideForm(c, own, page.Asked.Environment, result)
	return fieldbridge.Render(c, status, views.AskedCredentials(page))
}
