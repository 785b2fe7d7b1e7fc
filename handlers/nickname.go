package handlers

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/views"
)

// nameConnection gives a connection the nickname that was typed, or none.
func (s *site) nameConnection(c echo.Context, v owner, id uuid.UUID) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, typed := c.Request().Context(), f.Line("nickname")
	name, problem := connect.ParseNickname(typed)
	if words := nameProblem(problem, "the nickname", "A nickname has 60 characters at most."); words != "" {
		shown, err := s.Connections.Page(ctx, v.Visitor, id)
		if err != nil {
			return err
		}
		page, err := s.connectionPage(c, v.Visitor, shown)
		if err != nil {
			return err
		}
		page.Nickname, page.NicknameProblem = typed, words
		return fieldbridge.Render(c, http.StatusUnprocessableEntity, views.Connection(page))
	}
	if err := s.Connections.SetNickname(ctx, v.Visitor, id, name); err != nil {
		return err
	}
	return seeOther(c, connectionPath(id))
}
