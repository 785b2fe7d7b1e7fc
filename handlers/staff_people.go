package handlers

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

func staffPersonPath(company, person uuid.UUID) string {
	return staffCompanyPath(company) + "/people/" + person.String()
}

// withIDs parses the two IDs in the path for a handler that takes the IDs of a
// company and of what belongs to it, whose name in the path is below.
func withIDs[Who any](below string, handle func(echo.Context, Who, uuid.UUID, uuid.UUID) error) func(echo.Context, Who) error {
	return withID(func(c echo.Context, who Who, company uuid.UUID) error {
		id, ok := request.ParseID(c.Param(below))
		if !ok {
			return database.ErrNotFound
		}
		return handle(c, who, company, id)
	})
}

// staffPerson shows a person of a company, and what staff can do for them.
func (s *staffSite) staffPerson(c echo.Context, m accounts.Staff, company, person uuid.UUID) error {
	view, err := s.support.Person(c.Request().Context(), m, company, person)
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, staff.Person(staff.PersonPage{Staff: m, View: view, Did: c.QueryParam("did"), Clock: s.clock()}))
}

// signPersonOut ends all sessions of a person.
func (s *staffSite) signPersonOut(c echo.Context, m accounts.Staff, company, person uuid.UUID) error {
	if err := s.support.EndSessions(c.Request().Context(), m, company, person); err != nil {
		return err
	}
	return seeOther(c, staffPersonPath(company, person)+"?did="+staff.DidSignOut)
}

// startReset has a link mailed to a person, by which they choose a new password.
func (s *staffSite) startReset(c echo.Context, m accounts.Staff, company, person uuid.UUID) error {
	if err := s.support.StartReset(c.Request().Context(), m, company, person); err != nil {
		return err
	}
	return seeOther(c, staffPersonPath(company, person)+"?did="+staff.DidReset)
}

// resendFor sends a company's invitation again.
func (s *staffSite) resendFor(c echo.Context, m accounts.Staff, company, invitation uuid.UUID) error {
	if err := s.support.ResendInvitation(c.Request().Context(), m, company, invitation); err != nil {
		return err
	}
	return seeOther(c, staffCompanyPath(company)+"#invited")
}

// confirmDisable says what disabling an account means, and asks for the reason.
func (s *staffSite) confirmDisable(c echo.Context, m admin, company, person uuid.UUID) error {
	return s.showAccess(c, m, company, person, http.StatusOK, staff.AccessPage{})
}

// confirmEnable says what enabling an account means, and asks for the reason.
func (s *staffSite) confirmEnable(c echo.Context, m admin, company, person uuid.UUID) error {
	return s.showAccess(c, m, company, person, http.StatusOK, staff.AccessPage{Enable: true})
}

func (s *staffSite) showAccess(c echo.Context, m admin, company, person uuid.UUID, status int, page staff.AccessPage) error {
	var err error
	page.Staff = m.Staff
	if page.View, err = s.support.Person(c.Request().Context(), m.Staff, company, person); err != nil {
		return err
	}
	if page.Enable != (page.View.DisabledAt != nil) {
		return seeOther(c, staffPersonPath(company, person)) // the account already is in that state
	}
	return fieldbridge.Render(c, status, staff.Access(page))
}

func (s *staffSite) disablePerson(c echo.Context, m admin, company, person uuid.UUID) error {
	return s.changeAccess(c, m, company, person, staff.AccessPage{}, s.support.Disable)
}

func (s *staffSite) enablePerson(c echo.Context, m admin, company, person uuid.UUID) error {
	return s.changeAccess(c, m, company, person, staff.AccessPage{Enable: true}, s.support.Enable)
}

// changeAccess disables or enables an account if a reason is given.
func (s *staffSite) changeAccess(c echo.Context, m admin, company, person uuid.UUID, page staff.AccessPage, change func(context.Context, accounts.Staff, uuid.UUID, uuid.UUID, string) error) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if page.Reason, page.Problem = support.ParseNote(f.Raw("text")); page.Problem != support.NoteFine {
		return s.showAccess(c, m, company, person, http.StatusUnprocessableEntity, page)
	}
	if err := change(c.Request().Context(), m.Staff, company, person, page.Reason); err != nil {
		return err
	}
	return seeOther(c, staffPersonPath(company, person))
}
