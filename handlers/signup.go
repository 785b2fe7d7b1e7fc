package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

func (s *site) signUpForm(c echo.Context) error {
	if in, ok := s.sessions.SignedIn(c.Request().Context()); ok {
		return seeOther(c, home(in.staff))
	}
	if s.NoMail {
		return fieldbridge.Render(c, http.StatusOK, views.SignUpClosed())
	}
	return fieldbridge.Render(c, http.StatusOK, views.SignUp(views.SignUpPage{}))
}

const (
	// yourName asks for a person's name.
	yourName = "Enter your name, up to 100 characters."
	// anEmail asks for an email address.
	anEmail = "Enter an email address, like name@company.com."
)

// signUp sends a mail to the address that was entered. The answer is the same for
// every address, whether or not it has an account.
func (s *site) signUp(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if s.NoMail {
		return fieldbridge.Render(c, http.StatusForbidden, views.SignUpClosed())
	}
	email, ok := accounts.ParseEmail(f.Raw("email"))
	if !ok {
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.SignUp(views.SignUpPage{Email: f.Line("email"), Error: anEmail}))
	}
	if err := s.requestMail(c, accounts.MailSignUp, accounts.ActionSignUp, email); err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.CheckEmail(email, "to continue"))
}

// requestMail queues a mail that somebody asked for. action is what they want to do.
func (s *site) requestMail(c echo.Context, kind accounts.AccountMailKind, action accounts.SignInAction, email string) error {
	err := s.Accounts.RequestMail(c.Request().Context(), accounts.MailRequest{
		Kind: kind, Email: email, Address: request.Address(c), Device: s.sessions.Device(c), NoStaff: s.StaffIssuer != nil,
	})
	s.recordRefusal(c, action, email, err)
	return err
}

// passwordProblem says what is wrong with a new password. It is empty if nothing
// is.
func passwordProblem(password secret.Value, of accounts.PasswordOf) string {
	switch accounts.CheckPassword(password, of) {
	case accounts.PasswordTooShort:
		return "Use at least 12 characters."
	case accounts.PasswordTooLong:
		return "Use at most 256 characters."
	case accounts.PasswordTooEasy:
		return "This password is easy to guess, or one that many people use. Use a short sentence without names, repeated characters, or rows of keys."
	case accounts.PasswordFine:
	}
	return ""
}
