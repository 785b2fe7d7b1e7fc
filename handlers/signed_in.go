package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views"
)

// showAccount makes the pages of the request say who is signed in.
func showAccount(c echo.Context, a views.Account) {
	c.SetRequest(c.Request().WithContext(views.SignedInAs(c.Request().Context(), a)))
}

// accountOf returns what pages show of a visitor.
func accountOf(v accounts.Visitor) views.Account {
	return views.Account{ID: v.UserID, Name: v.Name, Company: v.CompanyName, CompanyID: v.CompanyID, Zone: v.Zone()}
}

// showAccountAnywhere does the same for an error page outside the routes, where no
// session has been loaded. It reads nothing for a browser without a session cookie.
// It leaves out what it cannot read, since the page is about something else.
func (s *site) showAccountAnywhere(c echo.Context) {
	if request.RecordOf(c.Request().Context()).SessionLoaded {
		return // the route has loaded the session, and its entrance has set the account
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
		if m, err := s.sessions.Staff(ctx, in); err == nil && in.elsewhere == (s.StaffIssuer != nil) && (in.factor || in.elsewhere || s.noFactor()) {
			request.NoteStaff(ctx, m.UserID)
			showAccount(c, views.Account{ID: m.UserID, Name: m.Name, Staff: true})
		}
	} else if v, err := s.sessions.Visitor(ctx, in); err == nil && (in.factor || !v.HasFactor) {
		request.NotePerson(ctx, v.CompanyID, v.UserID)
		showAccount(c, accountOf(v))
	}
}

// sessionUser answers with the user who is signed in and their company, or with
// nothing. A page belongs to both, and asks whenever somebody looks at it again.
func (s *site) sessionUser(c echo.Context) error {
	in, ok := s.sessions.SignedIn(c.Request().Context())
	if !ok {
		return c.String(http.StatusOK, "")
	}
	return c.String(http.StatusOK, views.Account{ID: in.userID, CompanyID: in.companyID}.Session())
}
