package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views"
)

// Contact is where people reach Fieldbridge support.
type Contact = views.Contact

// help says whom to ask, and answers common questions.
func (s *site) help(c echo.Context, v accounts.Visitor) error {
	return fieldbridge.Render(c, http.StatusOK, views.Help(views.HelpPage{Visitor: v, Clock: s.clockIn(c.Request().Context())}))
}

// withContact makes every page know where people reach support, also error pages.
func (s *site) withContact(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.SetRequest(c.Request().WithContext(views.WithContact(c.Request().Context(), s.Contact)))
		return next(c)
	}
}
