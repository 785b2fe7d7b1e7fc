package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

func staffCompanyPath(id uuid.UUID) string { return "/staff/companies/" + id.String() }

// staffCompany shows one company: its people, connections, and keys.
func (s *staffSite) staffCompany(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	return s.showStaffCompany(c, m, id, http.StatusOK, staff.CompanyPage{})
}

func (s *staffSite) showStaffCompany(c echo.Context, m accounts.Staff, id uuid.UUID, status int, page staff.CompanyPage) error {
	var err error
	if page.View, err = s.support.Company(c.Request().Context(), m, id); err != nil {
		return err
	}
	page.Staff, page.Clock = m, s.clock()
	page.Clock.Theirs = page.View.Company.Zone()
	return fieldbridge.Render(c, status, staff.Company(page))
}

// inviteFirstOwner invites the first owner of a company that a back end has made.
func (s *staffSite) inviteFirstOwner(c echo.Context, m admin, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := staff.CompanyPage{Email: f.Line("email")}
	email, ok := accounts.ParseEmail(page.Email)
	if !ok {
		page.EmailProblem = anEmail
		return s.showStaffCompany(c, m.Staff, id, http.StatusUnprocessableEntity, page)
	}
	err = s.support.InviteFirstOwner(c.Request().Context(), m.Staff, id, email)
	if err != nil && !errors.Is(err, accounts.ErrHasPeople) { // the page shows who belongs to it
		return err
	}
	return seeOther(c, staffCompanyPath(id)+"#invited")
}

// confirmLock says what locking means, and asks for the reason.
func (s *staffSite) confirmLock(c echo.Context, m admin, id uuid.UUID) error {
	return s.showLock(c, m, id, http.StatusOK, staff.LockPage{})
}

// confirmUnlock says what unlocking means, and asks for the reason.
func (s *staffSite) confirmUnlock(c echo.Context, m admin, id uuid.UUID) error {
	return s.showLock(c, m, id, http.StatusOK, staff.LockPage{Unlock: true})
}

func (s *staffSite) showLock(c echo.Context, m admin, id uuid.UUID, status int, page staff.LockPage) error {
	page.Staff = m.Staff
	view, err := s.support.Company(c.Request().Context(), m.Staff, id)
	if err != nil {
		return err
	}
	if page.Company = view.Company; page.Unlock != (page.Company.LockedAt != nil) {
		return seeOther(c, staffCompanyPath(id)) // the company already is in that state
	}
	return fieldbridge.Render(c, status, staff.Lock(page))
}

func (s *staffSite) lock(c echo.Context, m admin, id uuid.UUID) error {
	return s.changeLock(c, m, id, staff.LockPage{}, s.support.Lock)
}

func (s *staffSite) unlock(c echo.Context, m admin, id uuid.UUID) error {
	return s.changeLock(c, m, id, staff.LockPage{Unlock: true}, s.support.Unlock)
}

// changeLock locks or unlocks a company if a reason is given.
func (s *staffSite) changeLock(c echo.Context, m admin, id uuid.UUID, page staff.LockPage, change func(context.Context, accounts.Staff, uuid.UUID, string) error) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if page.Reason, page.Problem = support.ParseNote(f.Raw("text")); page.Problem != support.NoteFine {
		return s.showLock(c, m, id, http.StatusUnprocessableEntity, page)
	}
	if err := change(c.Request().Context(), m.Staff, id, page.Reason); err != nil {
		return err
	}
	return seeOther(c, staffCompanyPath(id))
}
