package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// entrance checks who a request comes from and passes that person to the route's
// handler. There is one function for each audience. It takes a handler with the
// parameters of that audience, so a handler for another audience does not compile
// there.
type entrance struct {
	who    audience
	handle echo.HandlerFunc
}

// Some audiences have a type of their own, although they are visitors or staff too.
// A handler for owners does not compile at the entrance for all members, and a
// handler for admins does not compile at the entrance for all staff.
type (
	// owner is a visitor who owns the company.
	owner struct{ accounts.Visitor }
	// admin is a staff member with the role of admin.
	admin struct{ accounts.Staff }
	// memberAtCode is a member of a company who has not passed the second factor yet.
	memberAtCode struct{ accounts.Visitor }
	// staffAtFactor is a staff member who has not passed the second factor yet.
	staffAtFactor struct{ accounts.Staff }
)

// anyone admits everybody. Its handler does not learn who it is.
func anyone(handle func(echo.Context) error) entrance { return entrance{forAnyone, handle} }

// member admits the members of a company.
func (s *site) member(handle func(echo.Context, accounts.Visitor) error) entrance {
	return entrance{forMembers, func(c echo.Context) error { return s.admitMember(c, handle) }}
}

// person admits everybody who has an account that is not of staff, even if they
// belong to no company or their company is locked.
func (s *site) person(handle func(echo.Context, accounts.Visitor) error) entrance {
	return entrance{forPeople, func(c echo.Context) error { return s.admitVisitor(c, true, handle) }}
}

// owner admits the owners of a company.
func (s *site) owner(handle func(echo.Context, owner) error) entrance {
	e := s.member(func(c echo.Context, v accounts.Visitor) error {
		if !v.Owns() {
			return accounts.ErrForbidden
		}
		return handle(c, owner{v})
	})
	e.who = forOwners
	return e
}

// connectionOwner admits the owners of a company to one of its connections. A
// connection of another company is not found, whatever the visitor's role.
func (s *site) connectionOwner(handle func(echo.Context, owner, uuid.UUID) error) entrance {
	e := s.member(withID(func(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
		if v.Owns() {
			return handle(c, owner{v}, id)
		}
		if _, err := s.Connections.Get(c.Request().Context(), v.CompanyID, id); err != nil {
			return err
		}
		return accounts.ErrForbidden
	}))
	e.who = forOwners
	return e
}

// memberWithoutFactor admits members who have a second factor and have not passed it
// yet.
func (s *site) memberWithoutFactor(handle func(echo.Context, memberAtCode) error) entrance {
	return entrance{forMembersWithoutFactor, func(c echo.Context) error { return s.admitMemberAtCode(c, handle) }}
}

// staffMember admits staff.
func (s *site) staffMember(handle func(echo.Context, accounts.Staff) error) entrance {
	return entrance{forStaff, func(c echo.Context) error { return s.admitStaff(c, true, handle) }}
}

// staffAdmin admits admins of staff.
func (s *site) staffAdmin(handle func(echo.Context, admin) error) entrance {
	e := s.staffMember(func(c echo.Context, m accounts.Staff) error {
		if m.Role != accounts.Admin {
			return accounts.ErrForbidden
		}
		return handle(c, admin{m})
	})
	e.who = forStaffAdmins
	return e
}

// staffWithoutFactor admits staff who have not passed the second factor yet.
func (s *site) staffWithoutFactor(handle func(echo.Context, staffAtFactor) error) entrance {
	atFactor := func(c echo.Context, m accounts.Staff) error { return handle(c, staffAtFactor{m}) }
	return entrance{forStaffWithoutFactor, func(c echo.Context) error { return s.admitStaff(c, false, atFactor) }}
}

// withID parses the ID in the path for a handler that takes it.
func withID[Who any](handle func(echo.Context, Who, uuid.UUID) error) func(echo.Context, Who) error {
	return func(c echo.Context, who Who) error {
		id, err := request.ID(c)
		if err != nil {
			return err
		}
		return handle(c, who, id)
	}
}

// inEnvironment finds the environment in the path for a handler that takes it.
func (s *site) inEnvironment(handle func(echo.Context, servicetitan.Environment) error) func(echo.Context) error {
	return func(c echo.Context) error {
		environment, ok := s.environment(servicetitan.EnvironmentName(c.Param("environment")))
		if !ok {
			return database.ErrNotFound
		}
		return handle(c, environment)
	}
}

// admitMember admits a member of a company. It reads the member from the database
// for each request, so that a change of rights takes effect at once.
func (s *site) admitMember(c echo.Context, handle func(echo.Context, accounts.Visitor) error) error {
	return s.admitVisitor(c, false, handle)
}

// admitVisitor admits a person. without says whether they need not have a company
// that they may use.
func (s *site) admitVisitor(c echo.Context, without bool, handle func(echo.Context, accounts.Visitor) error) error {
	ctx := c.Request().Context()
	in, ok := s.sessions.SignedIn(ctx)
	if !ok {
		return seeOther(c, "/signin"+afterSignIn(c))
	}
	if in.staff {
		return database.ErrNotFound // the page does not exist for them
	}
	v, err := s.sessions.Visitor(ctx, in)
	noMember, locked := errors.Is(err, accounts.ErrNoMembership), errors.Is(err, accounts.ErrLocked)
	v.SupportCode = request.SupportCode(c)
	request.NotePerson(ctx, v.CompanyID, v.UserID)
	switch {
	case errors.Is(err, accounts.ErrSignedOut):
		return s.endSession(c)
	case v.HasFactor && !in.factor:
		return seeOther(c, codePath+afterSignIn(c))
	case noMember && !without:
		return s.withoutCompany(c, v, err)
	case locked && !without:
		return &companyError{error: err, visitor: v}
	case err != nil && !noMember && !locked:
		return err
	}
	account := accountOf(v)
	account.Unproven, account.Developers = !v.Proven && !s.NoMail, s.Developers && v.Owns()
	showAccount(c, account)
	if err := sameCompany(c, v); err != nil {
		return err
	}
	if err = handle(c, v); errors.Is(err, accounts.ErrForbidden) {
		return &roleError{error: err, visitor: v}
	}
	return err
}

// admitMemberAtCode admits a member of a company whose session has to pass the
// second factor. Whether the company is locked is none of their business yet.
func (s *site) admitMemberAtCode(c echo.Context, handle func(echo.Context, memberAtCode) error) error {
	ctx := c.Request().Context()
	in, ok := s.sessions.SignedIn(ctx)
	if !ok {
		return seeOther(c, "/signin"+afterSignIn(c))
	}
	if in.staff {
		return database.ErrNotFound
	}
	v, err := s.sessions.Visitor(ctx, in)
	switch {
	case errors.Is(err, accounts.ErrSignedOut):
		return s.endSession(c)
	case err != nil && !errors.Is(err, accounts.ErrNoMembership) && !errors.Is(err, accounts.ErrLocked):
		return err
	case !v.HasFactor || in.factor:
		return seeOther(c, destination(false, c.QueryParam("next")))
	}
	v.SupportCode = request.SupportCode(c)
	request.NotePerson(ctx, v.CompanyID, v.UserID)
	return handle(c, memberAtCode{v})
}

// admitStaff admits a staff member. passed says whether the route needs the second
// factor to be passed. It is false for the routes where staff pass it.
func (s *site) admitStaff(c echo.Context, passed bool, handle func(echo.Context, accounts.Staff) error) error {
	ctx := c.Request().Context()
	in, ok := s.sessions.SignedIn(ctx)
	if !ok {
		return seeOther(c, "/signin"+afterSignIn(c))
	}
	if !in.staff {
		return database.ErrNotFound // the page does not exist for them
	}
	m, err := s.sessions.Staff(ctx, in)
	if errors.Is(err, accounts.ErrSignedOut) {
		return s.endSession(c)
	}
	if err != nil {
		return err
	}
	if in.elsewhere != (s.StaffIssuer != nil) {
		return s.endSession(c) // staff have switched to the other way of signing in
	}
	request.NoteStaff(ctx, m.UserID)
	m.SupportCode, m.Factor, m.Passkeys = request.SupportCode(c), in.factor, s.StaffIssuer == nil && s.passkeys != nil
	showAccount(c, views.Account{ID: m.UserID, Name: m.Name, Staff: true})
	switch has := in.factor || in.elsewhere || s.noFactor(); {
	case has && !passed:
		return seeOther(c, home(true))
	case !has && passed:
		return seeOther(c, factorPath)
	}
	if err = handle(c, m); errors.Is(err, accounts.ErrForbidden) {
		return &roleError{error: err, member: m}
	}
	return err
}

// roleError says who was refused with accounts.ErrForbidden, for the error page: a
// visitor or a staff member.
type roleError struct {
	error
	visitor accounts.Visitor
	member  accounts.Staff
}

// Unwrap returns the error without the person.
func (e *roleError) Unwrap() error { return e.error }

// whoCanHelp returns the names of the people whose role is sufficient.
func (s *site) whoCanHelp(ctx context.Context, e *roleError) ([]string, error) {
	if e.member.UserID != uuid.Nil {
		return s.Accounts.AdminNames(ctx)
	}
	return s.Accounts.OwnerNames(ctx, e.visitor.CompanyID)
}

// noFactor says that staff are not asked for a second factor. That is so in demos,
// whose sign-ins are not secret.
func (s *site) noFactor() bool { return s.Demo != nil }

// endSession ends a session that is no longer valid.
func (s *site) endSession(c echo.Context) error {
	if err := s.sessions.SignOut(c.Request().Context()); err != nil {
		return err
	}
	return seeOther(c, "/signin"+afterSignIn(c))
}

// The pages to which a sign-in may lead. They are names and never addresses, so
// that nobody can make a sign-in lead off the site.
const (
	nextConnect    = "connect"
	nextConnection = "connection-" // followed by the connection's ID
	nextEmail      = "email-"      // followed by the name of a link
	nextProof      = "proof-"      // followed by the name of the link
	nextQueue      = "queue"       // of staff
)

// nextPages lists the other pages by their names. A person who has become a member
// in the meantime may open all of them.
var nextPages = map[string]string{
	"team": "/team", "help": "/help", "settings": settingsPath, "account": accountPath, "passkeys": passkeysPath, "devices": devicesPath, "developers": developersPath,
}

// resume asks the wizard to continue with the choice of the last authorization.
const resume = "resume"

// afterSignIn returns the query by which the sign-in page remembers the page that
// was asked for. An authorization that ends without a session starts again.
func afterSignIn(c echo.Context) string {
	next := ""
	switch c.Path() {
	case "/connect", "/connect/review", "/connect/authorize", "/connect/credentials", "/connect/guided":
		next = nextConnect
	case "/callback":
		next = views.NextCallback
	case "/connections/:id", "/connections/:id/disconnect":
		if id, err := request.ID(c); err == nil && c.Request().Method == http.MethodGet {
			next = nextConnection + id.String()
		}
	case confirmEmailPath + ":token":
		next = nextEmail + c.Param("token")
	case proofPath + ":token":
		next = nextProof + c.Param("token")
	default:
		for name, page := range nextPages {
			if page == c.Path() && c.Request().Method == http.MethodGet {
				next = name
			}
		}
	}
	if next == "" {
		return ""
	}
	return "?" + url.Values{"next": {next}}.Encode()
}

// home returns the first page after sign-in.
func home(ofStaff bool) string {
	if ofStaff {
		return "/staff"
	}
	return "/connections"
}

// destination returns the address to which a sign-in leads.
func destination(ofStaff bool, next string) string {
	if ofStaff {
		if next == nextQueue {
			return "/staff/queue"
		}
		return home(ofStaff)
	}
	switch next {
	case nextConnect:
		return "/connect"
	case views.NextCallback:
		return "/connect?" + resume + "=yes"
	}
	if to, ok := nextPages[next]; ok {
		return to
	}
	if to, ok := invitationNext(next); ok {
		return to
	}
	if name, ok := strings.CutPrefix(next, nextProof); ok && linkName.MatchString(name) {
		return proofPath + name
	}
	if name, ok := strings.CutPrefix(next, nextEmail); ok && linkName.MatchString(name) {
		return confirmEmailPath + name
	}
	if len(next) == len(nextConnection)+36 && next[:len(nextConnection)] == nextConnection {
		if id, err := uuid.Parse(next[len(nextConnection):]); err == nil {
			return "/connections/" + id.String()
		}
	}
	return home(ofStaff)
}
