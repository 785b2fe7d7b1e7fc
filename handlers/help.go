package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/views"
)

// Contact is where people reach Fieldbridge support.
type Contact = views.Contact

// Integration is the software that the connections are for.
type Integration = views.Integration

// help says whom to ask, and answers common questions.
func (s *site) help(c echo.Context, v accounts.Visitor) error {
	request.NoteFailure(c.Request().Context(), failure.HelpPage, nil) // the page shows a support code
	page := views.HelpPage{Visitor: v, Clock: s.clockIn(c.Request().Context())}
	if code := strings.TrimSpace(c.QueryParam("code")); views.IsSupportCode(code) {
		page.Code = code
	}
	return fieldbridge.Render(c, http.StatusOK, views.Help(page))
}
