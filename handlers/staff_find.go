package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

// staffFind answers the palette with the part of a page that lists what a text finds.
func (s *staffSite) staffFind(c echo.Context, m accounts.Staff) error {
	found, err := s.support.Find(c.Request().Context(), m, c.QueryParam("q"))
	if err != nil {
		return err
	}
	link := func(o models.Connection) string { return s.BaseURL.JoinPath(connectionPath(o.ID)).String() }
	return fieldbridge.Render(c, http.StatusOK, staff.Find(staff.FindPage{Found: found, Link: link}))
}
