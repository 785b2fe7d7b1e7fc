package handlers

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/views"
)

// errOtherCompany refuses a form of a page that belongs to another company. The
// person has switched in another tab since that page was opened.
var errOtherCompany = errors.New("page belongs to another company")

// companyError says who was refused because of their company, for the error page.
type companyError struct {
	error
	visitor accounts.Visitor
}

// Unwrap returns the error without the person.
func (e *companyError) Unwrap() error { return e.error }

// sameCompany returns errOtherCompany for a form of a page that belongs to another
// company than the session. Pages that change something without an ID in the
// address name their company in the form (see views.InCompany).
func sameCompany(c echo.Context, v accounts.Visitor) error {
	if c.Request().Method != http.MethodPost {
		return nil
	}
	f, err := readForm(c)
	if e, ok := errors.AsType[*echo.HTTPError](err); ok && e.Code == http.StatusUnsupportedMediaType {
		return nil // the handler refuses it if it takes a form
	}
	if err != nil {
		return err
	}
	if of := f.Raw(views.CompanyField); of != "" && of != v.CompanyID.String() {
		return errOtherCompany
	}
	return nil
}

// withoutCompany answers a person who does not belong to the session's company. A
// page is replaced by the home page of another company of theirs. Without one, and
// for anything that would change something, the error says it.
func (s *site) withoutCompany(c echo.Context, v accounts.Visitor, err error) error {
	ctx := c.Request().Context()
	if c.Request().Method == http.MethodGet {
		other, findErr := s.Accounts.LastCompany(ctx, v.UserID)
		if findErr != nil {
			return findErr
		}
		if other != uuid.Nil {
			return s.goOnIn(c, other)
		}
	}
	return &companyError{error: err, visitor: v}
}

// goOnIn makes the session go on in another company, at its home page.
func (s *site) goOnIn(c echo.Context, companyID uuid.UUID) error {
	if err := s.sessions.Switch(c.Request().Context(), companyID); err != nil {
		return err
	}
	return seeOther(c, home(false))
}

// switchCompany switches to another company of the person. The ID in the form is
// only a choice among their own.
func (s *site) switchCompany(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	id, ok := request.ParseID(f.Raw("to"))
	if !ok {
		return database.ErrNotFound
	}
	if err := s.Accounts.UseCompany(c.Request().Context(), v.UserID, id); err != nil {
		return err
	}
	request.NoteEvent(c.Request().Context(), slog.LevelInfo, "company switched", slog.Any("by", v.UserID), slog.Any("company", id))
	return s.goOnIn(c, id)
}

// companyForm asks for the name of another company.
func (s *site) companyForm(c echo.Context, v accounts.Visitor) error {
	return fieldbridge.Render(c, http.StatusOK, views.AddCompany(views.AddCompanyPage{Proven: v.Proven}))
}

// addCompany creates another company, and goes on in it.
func (s *site) addCompany(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	name, problem := accounts.ParseName(f.Raw("company"))
	page := views.AddCompanyPage{
		Proven: v.Proven, Company: f.Line("company"),
		Err: nameProblem(problem, "the company’s name", "Enter the company’s name, up to 100 characters."),
	}
	again := func() error { return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.AddCompany(page)) }
	if page.Err != "" || !v.Proven {
		return again()
	}
	company, err := s.Accounts.AddCompany(c.Request().Context(), v, accounts.NewCompany{Name: name, TimeZone: f.Line("zone"), Address: request.Address(c)})
	if errors.Is(err, accounts.ErrTooManyCompanies) {
		page.Err = "You belong to as many companies as one person can. Leave one of them first."
		return again()
	}
	if err != nil {
		return err
	}
	request.NoteEvent(c.Request().Context(), slog.LevelInfo, "company added", slog.Any("by", v.UserID), slog.Any("company", company.ID))
	return s.goOnIn(c, company.ID)
}
