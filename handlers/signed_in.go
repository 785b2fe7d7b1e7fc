package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/views"
)

// showAccount lets the pages of the request say who is signed in.
func showAccount(c echo.Context, a views.Account) {
	c.SetRequest(c.Request().WithContext(views.SignedInAs(c.Request().Context(), a)))
}

// showAccountAnywhere does so for an error page outside the routes, where no
// session has been loaded. A browser without a session's cookie costs nothing.
// What cannot be read is left out: the page is about something else.
func (s *site) showAccountAnywhere(c echo.Context) {
	if recordOf(c.Request().Context()).sessionLoaded {
		return // the route has loaded it, and its entrance has said who it is
	}
	cookie, err := c.Cookie(s.sessions.scs.Cookie.Name)
	if err != nil || cookie.Value == "" {
		return
	}
	s.sessions.track(c)
	ctx, err := s.sessions.scs.Load(c.Request().Context(), cookie.Value)
	if err != nil {
		return
	}
	in, ok := s.sessions.SignedIn(ctx)
	if !ok {
		return
	}
	if in.staff {
		if m, err := s.Accounts.Staff(ctx, in.userID, in.epoch); err == nil && in.elsewhere == (s.StaffIssuer != nil) && (in.factor || in.elsewhere || s.noFactor()) {
			showAccount(c, views.Account{ID: m.UserID, Name: m.Name, Staff: true})
		}
	} else if v, err := s.Accounts.Visitor(ctx, in.userID, in.companyID, in.epoch); err == nil {
		showAccount(c, views.Account{ID: v.UserID, Name: v.Name, Company: v.CompanyName})
	}
}

// sessionUser answers with the ID of the user who is signed in, or with nothing.
// A page asks when somebody looks at it again: it belongs to one user.
func (s *site) sessionUser(c echo.Context) error {
	in, ok := s.sessions.SignedIn(c.Request().Context())
	if !ok {
		return c.String(http.StatusOK, "")
	}
	return c.String(http.StatusOK, in.userID.String())
}
