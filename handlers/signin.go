package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

// front shows the short page that explains Fieldbridge. People who are signed in go
// on to their connections.
func (s *site) front(c echo.Context) error {
	if in, ok := s.sessions.SignedIn(c.Request().Context()); ok {
		return seeOther(c, home(in.staff))
	}
	return fieldbridge.Render(c, http.StatusOK, views.Front())
}

func (s *site) signInForm(c echo.Context) error {
	if in, ok := s.sessions.SignedIn(c.Request().Context()); ok {
		return seeOther(c, destination(in.staff, c.QueryParam("next")))
	}
	return s.showSignIn(c, http.StatusOK, views.SignInPage{Next: c.QueryParam("next"), PasswordSet: c.QueryParam("password") == "set"})
}

func (s *site) showSignIn(c echo.Context, status int, page views.SignInPage) error {
	if destination(false, page.Next) == home(false) && destination(true, page.Next) == home(true) {
		page.Next = "" // an unknown page name leads nowhere
	}
	page.StaffSignIn, page.Passkeys = s.StaffIssuer != nil, s.passkeys != nil
	if s.Demo != nil {
		page.Demo = s.Demo.Accounts
	}
	return fieldbridge.Render(c, status, views.SignIn(page))
}

// signIn checks the email and password and starts a session.
func (s *site) signIn(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	in, err := s.Accounts.SignIn(ctx, accounts.SignIn{
		Email: f.Raw("email"), Password: secret.New(f.Raw("password")),
		Address: request.Address(c), Device: s.sessions.Device(c), NoStaff: s.StaffIssuer != nil,
	})
	s.recordRefusal(c, accounts.ActionSignIn, f.Raw("email"), err)
	if errors.Is(err, accounts.ErrWrongCredentials) {
		return s.showSignIn(c, http.StatusUnprocessableEntity, views.SignInPage{
			Email: f.Line("email"), Next: f.Raw("next"),
			Errors: views.SignInErrors{Password: "That email and password don’t match. Check both and try again."},
		})
	}
	if err != nil {
		return err
	}
	if err := s.begin(c, in); err != nil {
		return err
	}
	s.recordSignIn(c, "signed in", accounts.SignInEvent{Action: accounts.ActionSignIn, Outcome: accounts.OutcomeOK, UserID: in.User.ID})
	return seeOther(c, destination(in.User.StaffRole != "", f.Raw("next")))
}

// begin starts the session of a person who has just signed in, in whatever way.
func (s *site) begin(c echo.Context, in accounts.SignedIn) error {
	cookie, known, err := s.Accounts.DeviceCookie(in.User.ID, s.sessions.Device(c))
	if err != nil {
		return err
	}
	b := accounts.Beginning{User: in.User, Agent: accounts.ParseAgent(c.Request().UserAgent()), Known: known}
	if err := s.sessions.SignIn(c.Request().Context(), b, in.CompanyID); err != nil {
		return err
	}
	s.sessions.KeepDevice(c, cookie)
	return nil
}

func (s *site) signOut(c echo.Context) error {
	in, signedIn := s.sessions.SignedIn(c.Request().Context())
	if err := s.sessions.SignOut(c.Request().Context()); err != nil {
		return err
	}
	if signedIn {
		s.recordSignIn(c, "signed out", accounts.SignInEvent{Action: accounts.ActionSignOut, Outcome: accounts.OutcomeOK, UserID: in.userID})
	}
	// Browsers that support it drop the pages that Back would show. Chromium
	// supports it with https and on localhost, but not with http elsewhere.
	c.Response().Header().Set("Clear-Site-Data", `"cache"`)
	return seeOther(c, signedOutNext(c.QueryParams()))
}
