package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/views"
)

// The parts of a demo, which whoever starts one fills in.
type (
	// Demo is what the pages of a demo show beside what they always show.
	Demo = views.Demo
	// DemoAccount is a sign-in that is no secret.
	DemoAccount = views.DemoAccount
	// Journey is a short way through the demo that shows one thing.
	Journey = views.Journey
	// JourneyStart signs somebody in where a step of a journey is done.
	JourneyStart = views.JourneyStart
	// JourneyLink leads to a page beside the app.
	JourneyLink = views.JourneyLink
)

// inDemo makes every page that is shown from here on a demo's, those of errors
// included.
func (s *site) inDemo(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s.showDemo(c, "")
		return next(c)
	}
}

// namedInDemo makes the pages of a demo say who is signed in, which a click in
// another tab may have changed.
func (s *site) namedInDemo(next echo.HandlerFunc) echo.HandlerFunc {
	if s.Demo == nil {
		return next
	}
	return func(c echo.Context) error {
		ctx := c.Request().Context()
		if in, ok := s.sessions.SignedIn(ctx); ok {
			// Whoever may not sign in any more has no name, and is told so at the entrance.
			if in.staff {
				m, _ := s.Accounts.Staff(ctx, in.userID, in.epoch)
				s.showDemo(c, m.Name)
			} else {
				v, _ := s.Accounts.Visitor(ctx, in.userID, in.companyID, in.epoch)
				s.showDemo(c, v.Name)
			}
		}
		return next(c)
	}
}

func (s *site) showDemo(c echo.Context, who string) {
	c.SetRequest(c.Request().WithContext(views.InDemo(c.Request().Context(), s.Demo, who)))
}

// demoTour lists what to try. Who is signed in may change persons there.
func (s *site) demoTour(c echo.Context) error {
	return fieldbridge.Render(c, http.StatusOK, views.DemoTour(s.Demo))
}
