package handlers

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

// confirmReconnectMail says to whom the reconnect mail goes, before it goes.
func (s *staffSite) confirmReconnectMail(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	mail, err := s.support.ReconnectMail(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return s.showReconnectMail(c, m, http.StatusOK, mail)
}

// sendReconnectMail sends the mail that tells people of the company to reconnect.
func (s *staffSite) sendReconnectMail(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	mail, err := s.support.SendReconnectMail(c.Request().Context(), m, id)
	if err != nil {
		return err
	}
	if mail.Problem != support.MailFine {
		return s.showReconnectMail(c, m, http.StatusConflict, mail)
	}
	return seeOther(c, staffConnectionPath(id)+"?did=mailed")
}

func (s *staffSite) showReconnectMail(c echo.Context, m accounts.Staff, status int, mail support.ReconnectMail) error {
	clock := s.clock()
	clock.Theirs = mail.Company.Zone()
	return fieldbridge.Render(c, status, staff.ReconnectMail(staff.ReconnectMailPage{Staff: m, Mail: mail, Clock: clock}))
}
