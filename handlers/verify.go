package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

const (
	verifyPath = "/verify/"
	// proofPath is followed by the name of the link.
	proofPath = "/settings/proof/"
)

// verifyForm shows the form that creates an account. It takes the link's secret out
// of the address first. Opening the link does not use it up. A link that proves the
// address of an account goes on to the page for the person whose account it is.
func (s *site) verifyForm(c echo.Context) error {
	value, name, ok := s.linkIn(c)
	if !ok {
		return fieldbridge.Render(c, http.StatusNotFound, views.PasswordFormExpired())
	}
	link, err := s.Accounts.SigningUp(c.Request().Context(), value)
	if errors.Is(err, database.ErrNotFound) {
		return s.verifyLinkSpent(c)
	}
	if err != nil {
		return err
	}
	if link.UserID != nil {
		return seeOther(c, proofPath+s.sessions.KeepLink(c, value))
	}
	if name == "" {
		return seeOther(c, verifyPath+s.sessions.KeepLink(c, value))
	}
	return fieldbridge.Render(c, http.StatusOK, views.Verify(views.VerifyPage{Email: link.Email, Company: link.CompanyName, Link: name}))
}

// verify uses up the link, creates an account, and signs its owner in.
func (s *site) verify(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	value, name, ok := s.linkIn(c)
	if !ok {
		return fieldbridge.Render(c, http.StatusNotFound, views.PasswordFormExpired())
	}
	ctx := c.Request().Context()
	link, err := s.Accounts.SigningUp(ctx, value)
	if err == nil && link.UserID != nil {
		err = database.ErrNotFound // it creates no account
	}
	if err == nil {
		err = s.finishSignUp(c, f, value, name, link)
	}
	if errors.Is(err, database.ErrNotFound) {
		return s.verifyLinkSpent(c)
	}
	return err
}

// finishSignUp creates the account that the form describes and signs its owner in.
func (s *site) finishSignUp(c echo.Context, f form, value secret.Value, name string, link accounts.Link) error {
	ctx := c.Request().Context()
	in := accounts.SignUp{Password: secret.New(f.Raw("password")), TimeZone: f.Line("zone"), Address: request.Address(c)}
	page := views.VerifyPage{Email: link.Email, Company: f.Line("company"), Name: f.Line("name"), Link: name}
	var problem accounts.NameProblem
	in.Company, problem = accounts.ParseName(f.Raw("company"))
	page.Errors.Company = nameProblem(problem, "your company’s name", "Enter your company’s name, up to 100 characters.")
	in.Name, problem = accounts.ParseName(f.Raw("name"))
	page.Errors.Name = nameProblem(problem, "your name", yourName)
	page.Errors.Password = passwordProblem(in.Password, accounts.PasswordOf{Company: in.Company, Name: in.Name, Email: link.Email})
	if page.Errors != (views.VerifyErrors{}) {
		if name == "" {
			page.Link = s.sessions.KeepLink(c, value)
		}
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.Verify(page))
	}
	user, company, err := s.Accounts.FinishSignUp(ctx, value, in)
	s.recordRefusal(c, accounts.ActionSignUp, link.Email, err)
	if errors.Is(err, accounts.ErrEmailTaken) {
		return fieldbridge.Render(c, http.StatusConflict, views.HasAccount(link.Email))
	}
	if err != nil {
		return err
	}
	if name != "" {
		s.sessions.DropLink(c, name)
	}
	if err := s.begin(c, accounts.SignedIn{User: user, CompanyID: company.ID}); err != nil {
		return err
	}
	s.recordSignIn(c, "signed up", accounts.SignInEvent{Action: accounts.ActionSignUp, Outcome: accounts.OutcomeOK, UserID: user.ID})
	return seeOther(c, home(false))
}

// proveForm asks a person who is signed in to confirm that their address is theirs.
// They may have to sign in first: nobody else's click proves an address for them.
func (s *site) proveForm(c echo.Context, v accounts.Visitor) error {
	_, name, err := s.proofLink(c, v)
	if errors.Is(err, database.ErrNotFound) {
		return fieldbridge.Render(c, http.StatusNotFound, views.ProofSpent())
	}
	if err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.Prove(v.Email, name))
}

// proofLink returns the secret of the visitor's own link that this browser keeps
// under the name in the path, and the name.
func (s *site) proofLink(c echo.Context, v accounts.Visitor) (value secret.Value, name string, err error) {
	name = c.Param("token")
	value, ok := s.sessions.Link(c, name)
	if !ok {
		return value, "", database.ErrNotFound
	}
	link, err := s.Accounts.SigningUp(c.Request().Context(), value)
	if err == nil && (link.UserID == nil || *link.UserID != v.UserID) {
		err = database.ErrNotFound
	}
	return value, name, err
}

// prove notes that the visitor's address is proven.
func (s *site) prove(c echo.Context, v accounts.Visitor) error {
	value, name, err := s.proofLink(c, v)
	if err == nil {
		err = s.Accounts.ProveAddress(c.Request().Context(), value, v)
	}
	if errors.Is(err, database.ErrNotFound) {
		return fieldbridge.Render(c, http.StatusNotFound, views.ProofSpent())
	}
	if err != nil {
		return err
	}
	s.sessions.DropLink(c, name)
	return seeOther(c, home(false))
}

// sendProof sends the visitor a link that proves their address.
func (s *site) sendProof(c echo.Context, v accounts.Visitor) error {
	if s.NoMail {
		return database.ErrNotFound
	}
	if err := s.Accounts.SendProof(c.Request().Context(), v); err != nil {
		return err
	}
	return fieldbridge.Render(c, http.StatusOK, views.CheckEmail(v.Email, "to confirm the address"))
}

// verifyLinkSpent says that a link no longer works.
func (s *site) verifyLinkSpent(c echo.Context) error {
	s.recordSignIn(c, "link refused", accounts.SignInEvent{Action: accounts.ActionSignUp, Outcome: outcomeLinkSpent})
	return fieldbridge.Render(c, http.StatusNotFound, views.VerifyLinkSpent())
}
