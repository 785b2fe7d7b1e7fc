package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views"
)

// entrance lets an audience into a route and tells the route's handler who came in.
// There is a function for each audience. It takes a handler with the parameters of
// that audience, so a handler of another audience does not compile there.
type entrance struct {
	who    audience
	handle echo.HandlerFunc
}

// Some audiences have a type of their own, although their people are visitors or
// staff. A handler for owners does not compile at the entrance for all members, and
// neither does a handler for admins at the entrance for all staff.
type (
	// owner is a visitor who owns the company.
	owner struct{ models.Visitor }
	// admin is a member of our staff with that role.
	admin struct{ models.Staff }
	// staffAtFactor is a member of our staff who has yet to pass the second factor.
	staffAtFactor struct{ models.Staff }
)

// anyone lets everybody in. Its handler is told of nobody.
func anyone(handle func(echo.Context) error) entrance { return entrance{forAnyone, handle} }

// member lets the members of a company in.
func (s *site) member(handle func(echo.Context, models.Visitor) error) entrance {
	return entrance{forMembers, func(c echo.Context) error { return s.admitMember(c, handle) }}
}

// owner lets the owners of a company in, to one of its connections. A connection
// that is not their company's is not there, whatever the visitor's role.
func (s *site) owner(handle func(echo.Context, owner, uuid.UUID) error) entrance {
	e := s.member(withID(func(c echo.Context, v models.Visitor, id uuid.UUID) error {
		if v.Owns() {
			return handle(c, owner{v}, id)
		}
		if _, err := s.Connections.Get(c.Request().Context(), v.CompanyID, id); err != nil {
			return err
		}
		return models.ErrForbidden
	}))
	e.who = forOwners
	return e
}

// staffMember lets our staff in.
func (s *site) staffMember(handle func(echo.Context, models.Staff) error) entrance {
	return entrance{forStaff, func(c echo.Context) error { return s.admitStaff(c, true, handle) }}
}

// staffAdmin lets the admins of our staff in.
func (s *site) staffAdmin(handle func(echo.Context, admin) error) entrance {
	e := s.staffMember(func(c echo.Context, m models.Staff) error {
		if m.Role != models.Admin {
			return models.ErrForbidden
		}
		return handle(c, admin{m})
	})
	e.who = forStaffAdmins
	return e
}

// staffWithoutFactor lets those of our staff in who have yet to pass the second
// factor.
func (s *site) staffWithoutFactor(handle func(echo.Context, staffAtFactor) error) entrance {
	atFactor := func(c echo.Context, m models.Staff) error { return handle(c, staffAtFactor{m}) }
	return entrance{forStaffWithoutFactor, func(c echo.Context) error { return s.admitStaff(c, false, atFactor) }}
}

// backEnd lets back ends in.
func (s *site) backEnd(handle func(echo.Context, models.APIKey) error) entrance {
	return entrance{forBackEnds, func(c echo.Context) error { return s.admitBackEnd(c, handle) }}
}

// withID makes a handler of one that also takes the ID in the path.
func withID[Who any](handle func(echo.Context, Who, uuid.UUID) error) func(echo.Context, Who) error {
	return func(c echo.Context, who Who) error {
		id, err := pathID(c)
		if err != nil {
			return err
		}
		return handle(c, who, id)
	}
}

// pathID parses the ID in the path. One that is spelled in another way than ours
// names nothing.
func pathID(c echo.Context) (uuid.UUID, error) {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return uuid.Nil, models.ErrNotFound
	}
	return id, nil
}

// parseID parses an ID that is spelled as we spell it. The library takes other
// spellings, too.
func parseID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.String() == text
}

// inEnvironment makes a handler of one that takes the environment in the path.
func (s *site) inEnvironment(handle func(echo.Context, servicetitan.Environment) error) func(echo.Context) error {
	return func(c echo.Context) error {
		environment, ok := s.environment(servicetitan.EnvironmentName(c.Param("environment")))
		if !ok {
			return models.ErrNotFound
		}
		return handle(c, environment)
	}
}

// admitMember lets a member of a company in. It asks the database each time who
// that is, so that a change of rights acts at once.
func (s *site) admitMember(c echo.Context, handle func(echo.Context, models.Visitor) error) error {
	ctx := c.Request().Context()
	in, ok := s.sessions.SignedIn(ctx)
	if !ok {
		return seeOther(c, "/signin"+afterSignIn(c))
	}
	if in.staff {
		return models.ErrNotFound // for them there is no such page
	}
	v, err := s.Accounts.Visitor(ctx, in.userID, in.companyID, in.epoch)
	if errors.Is(err, models.ErrSignedOut) {
		return s.endSession(c)
	}
	if err != nil {
		return err
	}
	v.SupportCode = supportCode(c)
	showAccount(c, views.Account{ID: v.UserID, Name: v.Name, Company: v.CompanyName})
	if err = handle(c, v); errors.Is(err, models.ErrForbidden) {
		return &roleError{error: err, visitor: v}
	}
	return err
}

// admitStaff lets one of our staff in. passed says whether the route is for those
// who have passed the second factor, or is where that is done.
func (s *site) admitStaff(c echo.Context, passed bool, handle func(echo.Context, models.Staff) error) error {
	ctx := c.Request().Context()
	in, ok := s.sessions.SignedIn(ctx)
	if !ok {
		return seeOther(c, "/signin"+afterSignIn(c))
	}
	if !in.staff {
		return models.ErrNotFound // for them there is no such page
	}
	m, err := s.Accounts.Staff(ctx, in.userID, in.epoch)
	if errors.Is(err, models.ErrSignedOut) {
		return s.endSession(c)
	}
	if err != nil {
		return err
	}
	if in.elsewhere != (s.StaffIssuer != nil) {
		return s.endSession(c) // staff sign in in another way by now
	}
	m.SupportCode, m.Factor = supportCode(c), in.factor
	showAccount(c, views.Account{ID: m.UserID, Name: m.Name, Staff: true})
	switch has := in.factor || in.elsewhere || s.noFactor(); {
	case has && !passed:
		return seeOther(c, home(true))
	case !has && passed:
		return seeOther(c, factorPath)
	}
	if err = handle(c, m); errors.Is(err, models.ErrForbidden) {
		return &roleError{error: err, member: m}
	}
	return err
}

// roleError says whom models.ErrForbidden refuses, for the error page: a visitor,
// or a member of our staff.
type roleError struct {
	error
	visitor models.Visitor
	member  models.Staff
}

// Unwrap returns the error without the person.
func (e *roleError) Unwrap() error { return e.error }

// whoCanHelp returns the names of those whose role is enough.
func (s *site) whoCanHelp(ctx context.Context, e *roleError) ([]string, error) {
	if e.member.UserID != uuid.Nil {
		return s.Accounts.AdminNames(ctx)
	}
	return s.Accounts.OwnerNames(ctx, e.visitor.CompanyID)
}

// noFactor says that no second factor is asked for: in demos, whose sign-ins
// are no secret.
func (s *site) noFactor() bool { return s.Demo != nil }

// endSession ends a session that may no longer be used.
func (s *site) endSession(c echo.Context) error {
	if err := s.sessions.SignOut(c.Request().Context()); err != nil {
		return err
	}
	return seeOther(c, "/signin"+afterSignIn(c))
}

// Where a sign-in may lead to: the name of a page, never an address, so that
// nobody can make it lead off the site.
const (
	nextConnect    = "connect"
	nextConnection = "connection-" // and the connection's ID
	nextQueue      = "queue"       // of our staff
)

// resume asks the wizard to go on with what was chosen for the last trip.
const resume = "resume"

// afterSignIn is the query by which the sign-in page remembers what was asked
// for. A trip to ServiceTitan that ends signed out begins again.
func afterSignIn(c echo.Context) string {
	next := ""
	switch c.Path() {
	case "/connect", "/connect/review", "/connect/authorize", "/connect/credentials", "/connect/guided":
		next = nextConnect
	case "/callback":
		next = views.NextCallback
	case "/connections/:id", "/connections/:id/disconnect":
		if id, err := pathID(c); err == nil && c.Request().Method == http.MethodGet {
			next = nextConnection + id.String()
		}
	}
	if next == "" {
		return ""
	}
	return "?" + url.Values{"next": {next}}.Encode()
}

// home is where who is signed in begins.
func home(ofStaff bool) string {
	if ofStaff {
		return "/staff"
	}
	return "/connections"
}

// destination is where a sign-in leads to.
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
	if len(next) == len(nextConnection)+36 && next[:len(nextConnection)] == nextConnection {
		if id, err := uuid.Parse(next[len(nextConnection):]); err == nil {
			return "/connections/" + id.String()
		}
	}
	return home(ofStaff)
}
