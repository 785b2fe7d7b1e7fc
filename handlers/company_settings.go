package handlers

import (
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views"
)

const settingsPath = "/settings"

// companySettings shows the settings of a company. Owners change them there.
func (s *site) companySettings(c echo.Context, v accounts.Visitor) error {
	page := views.CompanySettingsPage{Name: v.CompanyName, TimeZone: v.Zone().String(), Done: c.QueryParam("done")}
	return s.showCompanySettings(c, v, http.StatusOK, page)
}

func (s *site) showCompanySettings(c echo.Context, v accounts.Visitor, status int, page views.CompanySettingsPage) error {
	page.Visitor, page.Clock = v, s.clockOf(v)
	if page.Recipients == nil {
		var err error
		if page.Recipients, err = s.Accounts.Recipients(c.Request().Context(), v.CompanyID); err != nil {
			return err
		}
	}
	return fieldbridge.Render(c, status, views.CompanySettings(page))
}

// changeCompany changes the name and the time zone.
func (s *site) changeCompany(c echo.Context, v owner) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := views.CompanySettingsPage{Name: f.Line("name"), TimeZone: f.Raw("zone")}
	name, problem := accounts.ParseName(page.Name)
	page.Errors.Name = nameProblem(problem, "the company name", "Enter the company name, with 100 characters at most.")
	if !accounts.IsTimeZone(page.TimeZone) {
		page.Errors.TimeZone = "Choose one of the time zones."
	}
	if page.Errors != (views.CompanySettingsErrors{}) {
		return s.showCompanySettings(c, v.Visitor, http.StatusUnprocessableEntity, page)
	}
	if err := s.Accounts.ChangeCompany(c.Request().Context(), v.Visitor, name, page.TimeZone); err != nil {
		return err
	}
	return seeOther(c, settingsPath+"?done=saved")
}

// chooseRecipients decides who gets mails about incidents. It leaves alone people
// whom the form did not list, because they joined after it was opened.
func (s *site) chooseRecipients(c echo.Context, v owner) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	chosen := map[uuid.UUID]bool{}
	for name := range f.values {
		text, listed := strings.CutPrefix(name, "listed-")
		if id, ok := request.ParseID(text); listed && ok {
			chosen[id] = f.Raw("mails-"+text) != ""
		}
	}
	ctx := c.Request().Context()
	err = s.Accounts.ChooseRecipients(ctx, v.Visitor, chosen)
	if errors.Is(err, accounts.ErrNoRecipient) {
		page := views.CompanySettingsPage{Name: v.CompanyName, TimeZone: v.Zone().String()}
		page.Errors.Recipients = "Choose at least one person who has confirmed their email address."
		if page.Recipients, err = s.Accounts.Recipients(ctx, v.CompanyID); err != nil {
			return err
		}
		for i, r := range page.Recipients {
			if gets, decided := chosen[r.UserID]; decided {
				page.Recipients[i].Gets = gets
			}
		}
		return s.showCompanySettings(c, v.Visitor, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return err
	}
	return seeOther(c, settingsPath+"?done=mails")
}
