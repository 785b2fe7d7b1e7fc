package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

const passwordPath = "/password/reset"

// passwordForm shows the form to which a one-time link leads. It takes the link's
// secret out of the address at once and keeps it in a cookie for the form. Opening
// the link does not use it up.
func (s *site) passwordForm(c echo.Context) error {
	if c.QueryParams().Has("token") {
		return s.takeLink(c, secret.New(c.QueryParam("token")))
	}
	name := c.QueryParam("link")
	link, ok := s.sessions.Link(c, name)
	if name != "" && !ok {
		return fieldbridge.Render(c, http.StatusNotFound, views.PasswordFormExpired())
	}
	user, purpose, err := s.choosingPassword(c.Request().Context(), link)
	if errors.Is(err, database.ErrNotFound) {
		return s.linkSpent(c)
	}
	if err != nil {
		return err
	}
	page := views.PasswordPage{Email: user.Email, Link: name, Named: purpose == accounts.LinkStaffSetup}
	if user.Name != user.Email {
		page.Name = user.Name
	}
	return fieldbridge.Render(c, http.StatusOK, views.Password(page))
}

// takeLink exchanges a link's secret for a cookie and goes on to the form.
func (s *site) takeLink(c echo.Context, link secret.Value) error {
	_, _, err := s.choosingPassword(c.Request().Context(), link)
	if errors.Is(err, database.ErrNotFound) {
		return s.linkSpent(c)
	}
	if err != nil {
		return err
	}
	return seeOther(c, passwordPath+"?"+url.Values{"link": {s.sessions.KeepLink(c, link)}}.Encode())
}

// choosingPassword returns the user that the link belongs to, and the link's
// purpose. Staff who sign in at their own issuer have no password.
func (s *site) choosingPassword(ctx context.Context, link secret.Value) (accounts.User, accounts.LinkPurpose, error) {
	user, purpose, err := s.Accounts.ChoosingPassword(ctx, link)
	if err == nil && user.StaffRole != "" && s.StaffIssuer != nil {
		return accounts.User{}, "", database.ErrNotFound
	}
	return user, purpose, err
}

// choosePassword uses up the link. Staff who begin go on to their second factor.
// Everybody else signs in, with every step that a sign-in has.
func (s *site) choosePassword(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	name := f.Raw("link")
	link, ok := s.sessions.Link(c, name)
	if name != "" && !ok {
		return fieldbridge.Render(c, http.StatusNotFound, views.PasswordFormExpired())
	}
	ctx, password := c.Request().Context(), secret.New(f.Raw("password"))
	user, purpose, err := s.choosingPassword(ctx, link)
	page := views.PasswordPage{Email: user.Email, Name: f.Line("name"), Link: name, Named: purpose == accounts.LinkStaffSetup}
	if err == nil {
		var person string
		if page.Named {
			var problem accounts.NameProblem
			person, problem = accounts.ParseName(page.Name)
			page.Errors.Name = nameProblem(problem, "your name", yourName)
		} else {
			page.Name = user.Name
		}
		if page.Errors.Password = passwordProblem(password, accounts.PasswordOf{Name: page.Name, Email: user.Email}); page.Errors != (views.PasswordErrors{}) {
			return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.Password(page))
		}
		user, err = s.Accounts.SetPassword(ctx, link, person, password)
		s.recordRefusal(c, accounts.ActionPassword, page.Email, err)
	}
	if errors.Is(err, database.ErrNotFound) {
		return s.linkSpent(c)
	}
	if err != nil {
		return err
	}
	s.sessions.DropLink(c, name)
	if !page.Named {
		if err := s.sessions.SignOut(ctx); err != nil {
			return err
		}
		s.recordSignIn(c, "password chosen", accounts.SignInEvent{Action: accounts.ActionPassword, Outcome: accounts.OutcomeOK, UserID: user.ID})
		return seeOther(c, "/signin?password=set")
	}
	if err := s.begin(c, accounts.SignedIn{User: user, CompanyID: uuid.Nil}); err != nil {
		return err
	}
	s.recordSignIn(c, "password chosen", accounts.SignInEvent{Action: accounts.ActionPassword, Outcome: accounts.OutcomeOK, UserID: user.ID})
	return seeOther(c, home(user.StaffRole != ""))
}

// linkSpent says that a link no longer works.
func (s *site) linkSpent(c echo.Context) error {
	s.recordSignIn(c, "link refused", accounts.SignInEvent{Action: accounts.ActionPassword, Outcome: outcomeLinkSpent})
	return fieldbridge.Render(c, http.StatusNotFound, views.PasswordLinkSpent())
}
