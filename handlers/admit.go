package handlers

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/views"
)

// admit lets a request in if its route allows it. Who they are is asked of the
// database each time, so that a change of rights acts at once.
func (s *site) admit(who audience) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if who == forAnyone {
			return next
		}
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			in, ok := s.sessions.SignedIn(ctx)
			if !ok {
				return seeOther(c, "/signin"+afterSignIn(c))
			}
			if in.staff != who.ours() {
				return models.ErrNotFound // for them there is no such page
			}
			if who.ours() {
				return s.admitStaff(c, in, who, next)
			}
			v, err := s.Accounts.Visitor(ctx, in.userID, in.companyID, in.epoch)
			if errors.Is(err, models.ErrSignedOut) {
				return s.endSession(c)
			}
			if err != nil {
				return err
			}
			v.SupportCode = supportCode(c)
			c.Set(visitorName, v)
			showAccount(c, views.Account{ID: v.UserID, Name: v.Name, Company: v.CompanyName})
			if who == forOwners && !v.Owns() {
				return s.refuseRole(c, v)
			}
			return next(c)
		}
	}
}

// admitStaff lets one of our staff in who has passed the second factor, or to
// the pages where that is done.
func (s *site) admitStaff(c echo.Context, in signedIn, who audience, next echo.HandlerFunc) error {
	member, err := s.Accounts.Staff(c.Request().Context(), in.userID, in.epoch)
	if errors.Is(err, models.ErrSignedOut) {
		return s.endSession(c)
	}
	if err != nil {
		return err
	}
	if in.elsewhere != (s.StaffIssuer != nil) {
		return s.endSession(c) // staff sign in in another way by now
	}
	member.SupportCode, member.Factor = supportCode(c), in.factor
	c.Set(staffName, member)
	showAccount(c, views.Account{ID: member.UserID, Name: member.Name, Staff: true})
	switch passed := in.factor || in.elsewhere || s.noFactor(); {
	case who == forStaffWithoutFactor && passed:
		return seeOther(c, home(true))
	case who != forStaffWithoutFactor && !passed:
		return seeOther(c, factorPath)
	case who == forStaffAdmins && member.Role != models.Admin:
		return models.ErrForbidden
	}
	return next(c)
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

const (
	visitorName = "visitor"
	staffName   = "staff"
)

// staffMember is who of our staff admit let in.
func staffMember(c echo.Context) models.Staff {
	m, _ := c.Get(staffName).(models.Staff)
	return m
}

// visitor is who admit let in.
func visitor(c echo.Context) models.Visitor {
	v, _ := c.Get(visitorName).(models.Visitor)
	return v
}

// refuseRole answers a member who asks for what only owners may do. What is
// not their company's is not there, whatever their role.
func (s *site) refuseRole(c echo.Context, v models.Visitor) error {
	id, err := connectionID(c)
	if err != nil {
		return err
	}
	if _, err := s.Connections.Get(c.Request().Context(), v.CompanyID, id); err != nil {
		return err
	}
	return models.ErrForbidden
}

// connectionID reads the address's ID. One of a wrong form names nothing.
func connectionID(c echo.Context) (uuid.UUID, error) {
	text := c.Param("id")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.Nil, models.ErrNotFound
	}
	return id, nil
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
		if id, err := connectionID(c); err == nil && c.Request().Method == http.MethodGet {
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
