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
func inDemo(d *Demo) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			c.SetRequest(r.WithContext(views.InDemo(r.Context(), d)))
			return next(c)
		}
	}
}

// demoTour lists what to try. Who is signed in may change persons there.
func (s *site) demoTour(c echo.Context) error {
	return fieldbridge.Render(c, http.StatusOK, views.DemoTour(s.Demo))
}
