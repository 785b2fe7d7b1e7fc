package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// passwordForm is where a one-time link leads.
func (s *site) passwordForm(c echo.Context) error {
	user, err := s.settingUp(c.Request().Context(), servicetitan.NewSecret(c.QueryParam("token")))
	if errors.Is(err, models.ErrNotFound) {
		return fieldbridge.Render(c, http.StatusNotFound, views.PasswordLinkSpent())
	}
	if err != nil {
		return err
	}
	page := views.PasswordPage{Email: user.Email, Token: servicetitan.NewSecret(c.QueryParam("token"))}
	if user.Name != user.Email {
		page.Name = user.Name
	}
	return fieldbridge.Render(c, http.StatusOK, views.Password(page))
}

// settingUp is whose link it is. Staff who sign in elsewhere have no password.
func (s *site) settingUp(ctx context.Context, link models.Secret) (models.User, error) {
	user, err := s.Accounts.SettingUp(ctx, link)
	if err == nil && user.StaffRole != "" && s.StaffIssuer != nil {
		return models.User{}, models.ErrNotFound
	}
	return user, err
}

// choosePassword spends the link and signs the person in.
func (s *site) choosePassword(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	link, password := servicetitan.NewSecret(f.Raw("token")), servicetitan.NewSecret(f.Raw("password"))
	user, err := s.settingUp(ctx, link)
	page := views.PasswordPage{Email: user.Email, Name: f.Line("name"), Token: link}
	if err == nil {
		if !goodName(page.Name) {
			page.Errors.Name = "Enter your name, up to 100 characters."
		}
		if page.Errors.Password = passwordProblem(password); page.Errors != (views.PasswordErrors{}) {
			return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.Password(page))
		}
		user, err = s.Accounts.SetUp(ctx, link, page.Name, password)
	}
	if errors.Is(err, models.ErrNotFound) {
		return fieldbridge.Render(c, http.StatusNotFound, views.PasswordLinkSpent())
	}
	if err != nil {
		return err
	}
	if err := s.begin(c, models.SignedIn{User: user, CompanyID: uuid.Nil}); err != nil {
		return err
	}
	return seeOther(c, home(user.StaffRole != ""))
}
