package handlers

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views"
)

// nextInvitation is the page of an invitation after sign-in, followed by the name
// under which the browser keeps its link.
const nextInvitation = "invitation-"

// invitationNext returns the address of the invitation to which a sign-in or a
// sign-out leads, if it leads to one.
func invitationNext(next string) (string, bool) {
	if len(next) != len(nextInvitation)+16 || next[:len(nextInvitation)] != nextInvitation || !linkName.MatchString(next[len(nextInvitation):]) {
		return "", false
	}
	return invitationPath(next[len(nextInvitation):]), true
}

func invitationPath(name string) string { return "/invitations/" + name }

// openInvitation shows an invitation to the person who opens its link. Opening the
// link does not use it up.
func (s *site) openInvitation(c echo.Context) error {
	link, name, open, err := s.invitationIn(c)
	if err != nil {
		return s.noInvitation(c, err)
	}
	if name == "" {
		return seeOther(c, invitationPath(s.sessions.KeepLink(c, link)))
	}
	return s.showInvitation(c, http.StatusOK, views.InvitationPage{Open: open, Link: name})
}

// errOpenAgain says that this browser no longer keeps the link of a page.
var errOpenAgain = errors.New("link is not kept in this browser")

// invitationIn returns the invitation that the path's token names. name is empty
// for the token in the mail.
func (s *site) invitationIn(c echo.Context) (link secret.Value, name string, open accounts.OpenInvitation, err error) {
	link, name, ok := s.linkIn(c)
	if !ok {
		return link, name, open, errOpenAgain
	}
	open, err = s.Accounts.OpenedInvitation(c.Request().Context(), link)
	return link, name, open, err
}

// noInvitation says that a link does not work, or does not work here.
func (s *site) noInvitation(c echo.Context, err error) error {
	switch {
	case errors.Is(err, errOpenAgain):
		return fieldbridge.Render(c, http.StatusNotFound, views.InvitationOpenAgain())
	case errors.Is(err, database.ErrNotFound), errors.Is(err, accounts.ErrLocked):
		return fieldbridge.Render(c, http.StatusNotFound, views.InvitationSpent())
	}
	return err
}

// showInvitation shows an invitation. What the page offers depends on who is signed
// in.
func (s *site) showInvitation(c echo.Context, status int, page views.InvitationPage) error {
	var err error
	if page.Reader, page.SignedInAs, err = s.readerOf(c, page.Open); err != nil {
		return s.noReader(c, page.Link, err)
	}
	page.Next = nextInvitation + page.Link
	return fieldbridge.Render(c, status, views.Invitation(page))
}

// readerOf says how the person at the browser relates to an invitation. It returns
// the address of the person who is signed in, if anybody is.
func (s *site) readerOf(c echo.Context, open accounts.OpenInvitation) (views.InvitationReader, string, error) {
	v, err := s.invitedVisitor(c)
	switch {
	case err != nil:
		return "", "", err
	case v.UserID != uuid.Nil && v.UserID == open.HolderID:
		return views.InvitedPerson, v.Email, nil
	case v.UserID != uuid.Nil:
		return views.OtherPerson, v.Email, nil
	case open.HolderProven:
		return views.SignedOutPerson, "", nil
	}
	return views.NewPerson, "", nil
}

// errCodeFirst says that the session has yet to pass the person's second factor.
var errCodeFirst = errors.New("second factor is not passed")

// noReader answers if it cannot be said who is at the browser. A person who has only
// entered the password comes back to the invitation after the code.
func (s *site) noReader(c echo.Context, name string, err error) error {
	if errors.Is(err, errCodeFirst) {
		return seeOther(c, codePath+"?"+url.Values{"next": {nextInvitation + name}}.Encode())
	}
	return err
}

// invitedVisitor returns the person who is signed in, even without a company. It is
// zero if nobody is. It returns errCodeFirst until the person has passed the second
// factor that they have.
func (s *site) invitedVisitor(c echo.Context) (accounts.Visitor, error) {
	ctx := c.Request().Context()
	in, ok := s.sessions.SignedIn(ctx)
	if !ok {
		return accounts.Visitor{}, nil
	}
	if in.staff {
		m, err := s.Accounts.Staff(ctx, in.userID, in.epoch)
		if errors.Is(err, accounts.ErrSignedOut) {
			return accounts.Visitor{}, nil
		}
		return accounts.Visitor{UserID: m.UserID, Name: m.Name, Email: m.Email}, err
	}
	v, err := s.Accounts.Visitor(ctx, in.userID, in.companyID, in.epoch)
	if errors.Is(err, accounts.ErrSignedOut) {
		return accounts.Visitor{}, nil
	}
	if errors.Is(err, accounts.ErrNoMembership) || errors.Is(err, accounts.ErrLocked) {
		err = nil
	}
	if err == nil && v.HasFactor && !in.factor {
		err = errCodeFirst
	}
	v.SupportCode = request.SupportCode(c)
	return v, err
}

// acceptInvitation makes the invited person a member, and signs them in.
func (s *site) acceptInvitation(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	link, name, open, err := s.invitationIn(c)
	if err != nil {
		return s.noInvitation(c, err)
	}
	if name == "" {
		name = s.sessions.KeepLink(c, link)
	}
	page := views.InvitationPage{Open: open, Link: name, Name: f.Line("name")}
	reader, _, err := s.readerOf(c, open)
	if err != nil {
		return s.noReader(c, name, err)
	}
	switch reader {
	case views.InvitedPerson:
		return s.join(c, link, page)
	case views.NewPerson:
		return s.joinNew(c, link, page, secret.New(f.Raw("password")))
	case views.OtherPerson, views.SignedOutPerson:
	}
	return seeOther(c, invitationPath(name)) // the page says what to do
}

// join adds the person who is signed in. The session goes on in the new company.
func (s *site) join(c echo.Context, link secret.Value, page views.InvitationPage) error {
	v, err := s.invitedVisitor(c)
	if err != nil {
		return err
	}
	in, err := s.Accounts.Join(c.Request().Context(), v, link)
	if page.Problem = joinProblem(err); page.Problem != "" {
		return s.showInvitation(c, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return s.noInvitation(c, err)
	}
	s.sessions.DropLink(c, page.Link)
	v.CompanyID = in.CompanyID
	notePeople(c.Request().Context(), v, "member joined")
	return s.goOnIn(c, in.CompanyID)
}

// joinNew creates an account for the person, adds them, and signs them in.
func (s *site) joinNew(c echo.Context, link secret.Value, page views.InvitationPage, password secret.Value) error {
	name, problem := accounts.ParseName(page.Name)
	page.Errors.Name = nameProblem(problem, "your name", yourName)
	page.Errors.Password = passwordProblem(password, accounts.PasswordOf{Company: page.Open.CompanyName, Name: name, Email: page.Open.Email})
	if page.Errors != (views.PasswordErrors{}) {
		return s.showInvitation(c, http.StatusUnprocessableEntity, page)
	}
	in, err := s.Accounts.JoinNew(c.Request().Context(), link, name, password, request.SupportCode(c))
	if errors.Is(err, accounts.ErrEmailTaken) {
		return seeOther(c, invitationPath(page.Link)) // the page asks them to sign in
	}
	if page.Problem = joinProblem(err); page.Problem != "" {
		return s.showInvitation(c, http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return s.noInvitation(c, err)
	}
	s.sessions.DropLink(c, page.Link)
	if err := s.begin(c, in); err != nil {
		return err
	}
	s.recordSignIn(c, "joined", accounts.SignInEvent{Action: accounts.ActionSignUp, Outcome: accounts.OutcomeOK, UserID: in.User.ID})
	return seeOther(c, home(false))
}

// joinProblem says why a person cannot join although the link works. It is empty
// for other errors.
func joinProblem(err error) string {
	switch {
	case errors.Is(err, accounts.ErrTeamFull):
		return "There is no room in this company. Ask the person who invited you to make room."
	case errors.Is(err, accounts.ErrTooManyCompanies):
		return "You belong to as many companies as one person can. Leave one of them first."
	}
	return ""
}

// signedOutNext returns the page after a sign-out. A person who signs out to accept
// an invitation comes back to it.
func signedOutNext(query url.Values) string {
	if to, ok := invitationNext(query.Get("next")); ok {
		return to
	}
	return "/signin"
}
