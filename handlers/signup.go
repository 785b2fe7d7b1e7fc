package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

func (s *site) signUpForm(c echo.Context) error {
	if in, ok := s.sessions.SignedIn(c.Request().Context()); ok {
		return seeOther(c, home(in.staff))
	}
	return fieldbridge.Render(c, http.StatusOK, views.SignUp(views.SignUpPage{}))
}

// yourName asks for a person's name.
const yourName = "Enter your name, up to 100 characters."

// readSignUp reads the sign-up form and returns its problems.
func readSignUp(f form) (accounts.SignUp, views.SignUpErrors) {
	in := accounts.SignUp{Password: secret.New(f.Raw("password"))}
	var wrong views.SignUpErrors
	var problem accounts.NameProblem
	in.Company, problem = accounts.ParseName(f.Raw("company"))
	wrong.Company = nameProblem(problem, "your company’s name", "Enter your company’s name, up to 100 characters.")
	in.Name, problem = accounts.ParseName(f.Raw("name"))
	wrong.Name = nameProblem(problem, "your name", yourName)
	var ok bool
	if in.Email, ok = accounts.ParseEmail(f.Raw("email")); !ok {
		wrong.Email = "Enter an email address, like name@company.com."
	}
	wrong.Password = passwordProblem(in.Password, accounts.PasswordOf{Company: in.Company, Name: in.Name, Email: in.Email})
	return in, wrong
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

// signUp creates a company and its first owner, and signs them in.
func (s *site) signUp(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	in, wrong := readSignUp(f)
	again := func() error {
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.SignUp(views.SignUpPage{
			Company: f.Line("company"), Name: f.Line("name"), Email: f.Line("email"), Errors: wrong,
		}))
	}
	if wrong != (views.SignUpErrors{}) {
		return again()
	}
	in.Address = address(c)
	user, company, err := s.Accounts.SignUp(c.Request().Context(), in)
	s.recordRefusal(c, accounts.ActionSignUp, f.Raw("email"), err)
	if errors.Is(err, accounts.ErrEmailTaken) {
		wrong.Email = "This email cannot be used for a new account. If it is yours, sign in instead."
		return again()
	}
	if err != nil {
		return err
	}
	if err := s.begin(c, accounts.SignedIn{User: user, CompanyID: company.ID}); err != nil {
		return err
	}
	s.recordSignIn(c, "signed up", accounts.SignInEvent{Action: accounts.ActionSignUp, Outcome: accounts.OutcomeOK, UserID: user.ID})
	return seeOther(c, "/connections")
}
