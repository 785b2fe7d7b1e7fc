package handlers

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

const verifyPath = "/verify/"

// verifyForm shows what the link in a mail leads to: the form that creates an
// account, or the question whether an account's address is right. It takes the
// link's secret out of the address first. Opening the link does not use it up.
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
	if name == "" {
		return seeOther(c, verifyPath+s.sessions.KeepLink(c, value))
	}
	if link.UserID != nil {
		v, err := s.proving(c, link)
		if errors.Is(err, accounts.ErrSignedOut) {
			return fieldbridge.Render(c, http.StatusOK, views.ProveSignedOut())
		}
		if err != nil {
			return err
		}
		return fieldbridge.Render(c, http.StatusOK, views.Prove(v.Email, name))
	}
	return fieldbridge.Render(c, http.StatusOK, views.Verify(views.VerifyPage{Email: link.Email, Company: link.CompanyName, Link: name}))
}

// verify uses up the link. It creates an account and signs its owner in, or notes
// that an account's address is proven.
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
	if err == nil {
		switch {
		case link.UserID != nil:
			err = s.prove(c, value, name, link)
		default:
			err = s.finishSignUp(c, f, value, name, link)
		}
	}
	if errors.Is(err, database.ErrNotFound) {
		return s.verifyLinkSpent(c)
	}
	return err
}

// finishSignUp creates the account that the form describes and signs its owner in.
func (s *site) finishSignUp(c echo.Context, f form, value secret.Value, name string, link accounts.Link) error {
	ctx := c.Request().Context()
	in := accounts.SignUp{Password: secret.New(f.Raw("password")), Address: address(c)}
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

// proving returns the visitor if they are the person whom a link is for. Otherwise
// it returns ErrSignedOut. Nobody else can prove an address for them.
func (s *site) proving(c echo.Context, link accounts.Link) (accounts.Visitor, error) {
	ctx := c.Request().Context()
	in, ok := s.sessions.SignedIn(ctx)
	if !ok || in.staff || in.userID == uuid.Nil || in.userID != *link.UserID {
		return accounts.Visitor{}, accounts.ErrSignedOut
	}
	v, err := s.Accounts.Visitor(ctx, in.userID, in.companyID, in.epoch)
	if err == nil {
		showAccount(c, views.Account{ID: v.UserID, Name: v.Name, Company: v.CompanyName})
	}
	return v, err
}

// prove notes that the address of the person who is signed in is proven.
func (s *site) prove(c echo.Context, value secret.Value, name string, link accounts.Link) error {
	v, err := s.proving(c, link)
	if errors.Is(err, accounts.ErrSignedOut) {
		return fieldbridge.Render(c, http.StatusForbidden, views.ProveSignedOut())
	}
	if err != nil {
		return err
	}
	if err := s.Accounts.ProveAddress(c.Request().Context(), value, v); err != nil {
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
	return fieldbridge.Render(c, http.StatusOK, views.CheckEmail(v.Email, "in this browser"))
}

// verifyLinkSpent says that a link no longer works.
func (s *site) verifyLinkSpent(c echo.Context) error {
	s.recordSignIn(c, "link refused", accounts.SignInEvent{Action: accounts.ActionSignUp, Outcome: outcomeLinkSpent})
	return fieldbridge.Render(c, http.StatusNotFound, views.VerifyLinkSpent())
}
