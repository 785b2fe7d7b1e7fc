package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

const accountPath = "/settings/account"

// notYourPassword says that the current password is wrong.
const notYourPassword = "This is not your password. Check it and try again." // #nosec G101 -- text of a page

// accountForm shows a member's own account.
func (s *site) accountForm(c echo.Context, v accounts.Visitor) error {
	return s.showAccountForm(c, http.StatusOK, views.AccountPage{Visitor: v, Name: v.Name, Done: views.AccountDone(c.QueryParam("done"))})
}

func (s *site) showAccountForm(c echo.Context, status int, page views.AccountPage) error {
	var err error
	if page.NewEmail, err = s.Accounts.NewEmail(c.Request().Context(), page.Visitor.UserID); err != nil {
		return err
	}
	return fieldbridge.Render(c, status, views.SettingsAccount(page))
}

// accountChanged answers a change of a member's own account. A session that ended
// while the request waited has changed nothing.
func (s *site) accountChanged(c echo.Context, done views.AccountDone, err error) error {
	if errors.Is(err, accounts.ErrSignedOut) {
		return s.endSession(c)
	}
	if err != nil {
		return err
	}
	return seeOther(c, accountPath+"?done="+string(done))
}

// rename changes a member's own name.
func (s *site) rename(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	name, problem := accounts.ParseName(f.Raw("name"))
	if says := nameProblem(problem, "your name", yourName); says != "" {
		return s.showAccountForm(c, http.StatusUnprocessableEntity, views.AccountPage{Visitor: v, Name: f.Line("name"), Errors: views.AccountErrors{Name: says}})
	}
	return s.accountChanged(c, views.NameSaved, s.Accounts.Rename(c.Request().Context(), v, name))
}

// changePassword changes a member's own password, and signs them out everywhere
// else.
func (s *site) changePassword(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, password := c.Request().Context(), secret.New(f.Raw("password"))
	page := views.AccountPage{Visitor: v, Name: v.Name}
	page.Errors.Password = passwordProblem(password, accounts.PasswordOf{Company: v.CompanyName, Name: v.Name, Email: v.Email})
	if page.Errors.Password != "" {
		return s.showAccountForm(c, http.StatusUnprocessableEntity, page)
	}
	epoch, err := s.Accounts.ChangePassword(ctx, v, secret.New(f.Raw("current")), password)
	s.recordRefusal(c, accounts.ActionPassword, v.Email, err)
	if errors.Is(err, accounts.ErrWrongCredentials) {
		page.Errors.Current = notYourPassword
		return s.showAccountForm(c, http.StatusUnprocessableEntity, page)
	}
	if err == nil {
		s.sessions.GoOn(ctx, epoch)
		s.recordSignIn(c, "password changed", accounts.SignInEvent{Action: accounts.ActionPassword, Outcome: accounts.OutcomeOK, UserID: v.UserID})
	}
	return s.accountChanged(c, views.PasswordSaved, err)
}

// askForEmail notes the address to which a member wants to move. The answer is the
// same whether or not the address has an account.
func (s *site) askForEmail(c echo.Context, v accounts.Visitor) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := views.AccountPage{Visitor: v, Name: v.Name, Email: f.Line("email")}
	email, ok := accounts.ParseEmail(page.Email)
	switch {
	case !ok:
		page.Errors.Email = "Enter an email address, like name@company.com."
	case email == v.Email:
		page.Errors.Email = "This is your address already."
	}
	if page.Errors.Email != "" {
		return s.showAccountForm(c, http.StatusUnprocessableEntity, page)
	}
	err = s.Accounts.AskForEmail(c.Request().Context(), v, secret.New(f.Raw("email-password")), email, request.Address(c))
	s.recordRefusal(c, accounts.ActionPassword, v.Email, err)
	if errors.Is(err, accounts.ErrWrongCredentials) {
		page.Errors.EmailPassword = notYourPassword
		return s.showAccountForm(c, http.StatusUnprocessableEntity, page)
	}
	return s.accountChanged(c, views.EmailAsked, err)
}

// resendNewEmail sends another mail to the address that a member has asked for.
func (s *site) resendNewEmail(c echo.Context, v accounts.Visitor) error {
	return s.accountChanged(c, views.EmailAsked, s.Accounts.ResendNewEmail(c.Request().Context(), v, request.Address(c)))
}

// cancelNewEmail keeps a member's old address.
func (s *site) cancelNewEmail(c echo.Context, v accounts.Visitor) error {
	return s.accountChanged(c, views.EmailKept, s.Accounts.CancelNewEmail(c.Request().Context(), v))
}
