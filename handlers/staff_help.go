package handlers

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

// staffRefresh renews a connection's access now, and shows the result.
func (s *staffSite) staffRefresh(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	err := s.support.Refresh(c.Request().Context(), m, id)
	if errors.Is(err, models.ErrReconnectNeeded) || errors.Is(err, models.ErrNotConnected) {
		return seeOther(c, staffConnectionPath(id)) // the connection's page says why a renewal cannot help
	}
	if err != nil {
		return err
	}
	return seeOther(c, staffConnectionPath(id)+"?did=refreshed")
}

// reconnectLink shows the address of the company's own page, to be passed on. It is
// not a secret: the person who opens it has to sign in first.
func (s *staffSite) reconnectLink(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	if err := s.support.LinkGiven(c.Request().Context(), m, id); err != nil {
		return err
	}
	return seeOther(c, staffConnectionPath(id)+"?did=link")
}

// addNote keeps a note that staff wrote.
func (s *staffSite) addNote(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	text, problem := support.ParseNote(f.Raw("text"))
	if problem != support.NoteFine {
		return s.showStaffConnection(c, m, id, http.StatusUnprocessableEntity, staff.ConnectionPage{Note: text, NoteProblem: problem})
	}
	if err := s.support.AddNote(c.Request().Context(), m, id, text); err != nil {
		return err
	}
	return seeOther(c, staffConnectionPath(id)+"#notes")
}

// staffConfirmDisconnect says what disconnecting means, and asks for the reason.
func (s *staffSite) staffConfirmDisconnect(c echo.Context, m admin, id uuid.UUID) error {
	return s.showStaffDisconnect(c, m, id, http.StatusOK, staff.DisconnectPage{})
}

func (s *staffSite) showStaffDisconnect(c echo.Context, m admin, id uuid.UUID, status int, page staff.DisconnectPage) error {
	var err error
	page.Staff = m.Staff
	if page.View, err = s.support.View(c.Request().Context(), m.Staff, id, support.TimelinePlace{}); err != nil {
		return err
	}
	if state := page.View.Connection.State; state == models.Disconnected || state == models.Pending {
		return seeOther(c, staffConnectionPath(id))
	}
	return fieldbridge.Render(c, status, staff.Disconnect(page))
}

// staffDisconnect ends a connection on behalf of the company.
func (s *staffSite) staffDisconnect(c echo.Context, m admin, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	reason, problem := support.ParseNote(f.Raw("text"))
	if problem != support.NoteFine {
		return s.showStaffDisconnect(c, m, id, http.StatusUnprocessableEntity, staff.DisconnectPage{Reason: reason, Problem: problem})
	}
	if err := s.support.Disconnect(c.Request().Context(), m.Staff, id, reason); err != nil {
		return err
	}
	return seeOther(c, staffConnectionPath(id))
}
