package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

// connected returns the tenants of the company's connections that are not
// disconnected.
func (s *site) connected(c echo.Context, v owner) ([]int64, error) {
	list, err := s.Connections.List(c.Request().Context(), v.CompanyID)
	if err != nil {
		return nil, err
	}
	var tenants []int64
	for _, connection := range list {
		if connection.State != models.Disconnected && connection.State != models.Pending {
			tenants = append(tenants, connection.TenantID)
		}
	}
	return tenants, nil
}

// confirmDeletion says what deleting the company means, and asks for its name and
// the owner's password.
func (s *site) confirmDeletion(c echo.Context, v owner) error {
	if v.DeletionAt != nil {
		return seeOther(c, settingsPath) // the page says so
	}
	return s.showDeletion(c, v, http.StatusOK, views.DeleteCompanyPage{})
}

func (s *site) showDeletion(c echo.Context, v owner, status int, page views.DeleteCompanyPage) error {
	tenants, err := s.connected(c, v)
	if err != nil {
		return err
	}
	page.Visitor, page.Connections, page.Clock = v.Visitor, len(tenants), s.clockOf(v.Visitor)
	return fieldbridge.Render(c, status, views.DeleteCompany(page))
}

// wrongCompanyName is the message for a name that is not the company’s.
const wrongCompanyName = "This is not the company’s name. Type it as it is shown."

// deleteCompany makes the company end after 14 days.
func (s *site) deleteCompany(c echo.Context, v owner) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := views.DeleteCompanyPage{Name: f.Line("name")}
	if !accounts.IsNameOf(v.CompanyName, page.Name) {
		page.Errors.Name = wrongCompanyName
		return s.showDeletion(c, v, http.StatusUnprocessableEntity, page)
	}
	ctx := c.Request().Context()
	err = s.Accounts.ConfirmPassword(ctx, v.UserID, secret.New(f.Raw("password")))
	if errors.Is(err, accounts.ErrWrongCredentials) {
		page.Errors.Password = "This is not your password."
		return s.showDeletion(c, v, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return err
	}
	tenants, err := s.connected(c, v)
	if err != nil {
		return err
	}
	err = s.Accounts.AskDeletion(ctx, v.Visitor, page.Name, tenants)
	if errors.Is(err, accounts.ErrOtherName) { // another owner has just renamed it
		page.Errors.Name = wrongCompanyName
		return s.showDeletion(c, v, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return err
	}
	return seeOther(c, settingsPath+"?done=deleted")
}

// keepCompany undoes deleteCompany.
func (s *site) keepCompany(c echo.Context, v owner) error {
	if err := s.Accounts.KeepCompany(c.Request().Context(), v.Visitor); err != nil {
		return err
	}
	return seeOther(c, settingsPath+"?done=kept")
}
