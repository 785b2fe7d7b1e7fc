package handlers

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/views"
)

// The parts of a demo, which the command that starts it fills in.
type (
	// Demo is the data that only the pages of a demo show.
	Demo = views.Demo
	// DemoAccount is a sign-in that is not secret.
	DemoAccount = views.DemoAccount
	// Journey is a short tour of the demo that shows one thing.
	Journey = views.Journey
	// JourneyStep is one thing to do.
	JourneyStep = views.JourneyStep
	// StepsDone says for each journey which of its steps have been done.
	StepsDone = views.StepsDone
	// JourneyAudience is who a journey is for.
	JourneyAudience = views.Audience
	// JourneyStart signs a person in at the page where a step of a journey begins.
	JourneyStart = views.JourneyStart
	// JourneyLink leads to a page outside the app.
	JourneyLink = views.JourneyLink
)

// The audiences of journeys.
const (
	ForContractors = views.ForContractors
	ForSupport     = views.ForSupport
	ForEngineers   = views.ForEngineers
	ForTrouble     = views.ForTrouble
)

// inDemo marks every page as a demo's, including error pages.
func (s *site) inDemo(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s.showDemo(c, "")
		return next(c)
	}
}

// namedInDemo makes the pages of a demo say who is signed in. A click in another
// tab may have changed that person.
func (s *site) namedInDemo(next echo.HandlerFunc) echo.HandlerFunc {
	if s.Demo == nil {
		return next
	}
	return func(c echo.Context) error {
		ctx := c.Request().Context()
		if in, ok := s.sessions.SignedIn(ctx); ok {
			// A person who may not sign in anymore has no name. The entrance tells
			// them why.
			if in.staff {
				m, _ := s.sessions.Staff(ctx, in)
				s.showDemo(c, m.Name)
			} else {
				v, _ := s.sessions.Visitor(ctx, in)
				s.showDemo(c, v.Name)
			}
		}
		return next(c)
	}
}

func (s *site) showDemo(c echo.Context, who string) {
	c.SetRequest(c.Request().WithContext(views.InDemo(c.Request().Context(), s.Demo, who)))
}

// demoTour lists what to try, and what has been done of it. The people who are signed in
// may switch accounts there.
func (s *site) demoTour(c echo.Context) error {
	var done StepsDone
	if s.Demo.Done != nil {
		var err error
		if done, err = s.Demo.Done(c.Request().Context()); err != nil {
			return err
		}
	}
	open, _ := strconv.Atoi(c.QueryParam("tour")) // 0 is none
	return fieldbridge.Render(c, http.StatusOK, views.DemoTour(s.Demo, done, open))
}
