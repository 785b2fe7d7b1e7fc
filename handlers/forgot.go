package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views"
)

func (s *site) forgotForm(c echo.Context) error {
	if s.NoMail {
		return fieldbridge.Render(c, http.StatusOK, views.ForgotClosed())
	}
	return fieldbridge.Render(c, http.StatusOK, views.Forgot(views.ForgotPage{}))
}

// forgot sends a link by which a person chooses a new password. The answer is the
// same for every address, whether or not it has an account.
func (s *site) forgot(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if s.NoMail {
		return fieldbridge.Render(c, http.StatusForbidden, views.ForgotClosed())
	}
	email, ok := accounts.ParseEmail(f.Raw("email"))
	if !ok {
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.Forgot(views.ForgotPage{Email: f.Line("email"), Error: anEmail}))
	}
	if err := s.requestMail(c, accounts.MailReset, accounts.ActionPassword, email); err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.CheckEmail(email, "within 30 minutes to choose a new password"))
}
