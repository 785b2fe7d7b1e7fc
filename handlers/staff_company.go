package handlers

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

func staffCompanyPath(id uuid.UUID) string { return "/staff/companies/" + id.String() }

// staffCompany is one company: its people, connections and keys.
func (s *site) staffCompany(c echo.Context) error {
	id, err := connectionID(c)
	if err != nil {
		return err
	}
	page := views.StaffCompanyPage{Staff: staffMember(c), Clock: s.clock()}
	if page.View, err = s.Desk.Company(c.Request().Context(), page.Staff, id); err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.StaffCompany(page))
}

// confirmLock says what locking means, and asks why.
func (s *site) confirmLock(c echo.Context) error {
	return s.showLock(c, http.StatusOK, views.StaffLockPage{})
}

// confirmUnlock does the same the other way.
func (s *site) confirmUnlock(c echo.Context) error {
	return s.showLock(c, http.StatusOK, views.StaffLockPage{Unlock: true})
}

func (s *site) showLock(c echo.Context, status int, page views.StaffLockPage) error {
	id, err := connectionID(c)
	if err != nil {
		return err
	}
	page.Staff = staffMember(c)
	view, err := s.Desk.Company(c.Request().Context(), page.Staff, id)
	if err != nil {
		return err
	}
	if page.Company = view.Company; page.Unlock != (page.Company.LockedAt != nil) {
		return seeOther(c, staffCompanyPath(id)) // it is so already
	}
	return fieldbridge.Render(c, status, views.StaffLock(page))
}

func (s *site) lock(c echo.Context) error {
	return s.changeLock(c, views.StaffLockPage{}, s.Desk.Lock)
}

func (s *site) unlock(c echo.Context) error {
	return s.changeLock(c, views.StaffLockPage{Unlock: true}, s.Desk.Unlock)
}

// changeLock locks or unlocks a company, if it is said why.
func (s *site) changeLock(c echo.Context, page views.StaffLockPage, change func(context.Context, models.Staff, uuid.UUID, string) error) error {
	id, err := connectionID(c)
	if err != nil {
		return err
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if page.Reason, page.Problem = models.ParseNote(f.Raw("text")); page.Problem != models.NoteFine {
		return s.showLock(c, http.StatusUnprocessableEntity, page)
	}
	if err := change(c.Request().Context(), staffMember(c), id, page.Reason); err != nil {
		return err
	}
	return seeOther(c, staffCompanyPath(id))
}
