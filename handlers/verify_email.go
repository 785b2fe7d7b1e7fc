package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

// confirmEmailPath is followed by the name of the link.
const confirmEmailPath = "/settings/email/"

// openEmailLink takes the secret of a mailed link out of the address, and goes on to
// the page for the person whose link it is. They may have to sign in first.
func (s *site) openEmailLink(c echo.Context) error {
	value := secret.New(c.Param("token"))
	if _, err := s.Accounts.EmailLink(c.Request().Context(), value); err != nil {
		return s.emailLinkRefused(c, err)
	}
	return seeOther(c, confirmEmailPath+s.sessions.KeepLink(c, value))
}

// emailLinkRefused answers a link that does not work.
func (s *site) emailLinkRefused(c echo.Context, err error) error {
	if errors.Is(err, database.ErrNotFound) {
		return fieldbridge.Render(c, http.StatusNotFound, views.EmailLinkSpent())
	}
	return err
}

// emailLink returns the secret that this browser keeps under the name in the path,
// and the name.
func (s *site) emailLink(c echo.Context) (value secret.Value, name string, err error) {
	name = c.Param("token")
	value, ok := s.sessions.Link(c, name)
	if !ok {
		return value, "", database.ErrNotFound
	}
	return value, name, nil
}

// confirmEmailForm asks the member whether they want to move to the address.
func (s *site) confirmEmailForm(c echo.Context, v accounts.Visitor) error {
	value, name, err := s.emailLink(c)
	if err != nil {
		return s.emailLinkRefused(c, err)
	}
	link, err := s.Accounts.EmailLink(c.Request().Context(), value)
	if err == nil && (link.UserID == nil || *link.UserID != v.UserID) {
		err = database.ErrNotFound
	}
	if err != nil {
		return s.emailLinkRefused(c, err)
	}
	return fieldbridge.Render(c, http.StatusOK, views.ConfirmEmail(v.Email, link.Email, name))
}

// confirmEmail uses up the link and moves the member to the address.
func (s *site) confirmEmail(c echo.Context, v accounts.Visitor) error {
	value, name, err := s.emailLink(c)
	if err != nil {
		return s.emailLinkRefused(c, err)
	}
	ctx := c.Request().Context()
	epoch, err := s.Accounts.ConfirmEmail(ctx, v, value, models.MoveMails)
	if errors.Is(err, accounts.ErrEmailTaken) {
		return fieldbridge.Render(c, http.StatusConflict, views.EmailTaken())
	}
	if errors.Is(err, database.ErrNotFound) {
		return s.emailLinkRefused(c, err)
	}
	if err == nil {
		s.sessions.DropLink(c, name)
		s.sessions.GoOn(ctx, epoch)
	}
	return s.accountChanged(c, views.EmailMoved, err)
}
