package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

// staffCode shows what a support code leads to. For a code under which nothing is kept,
// the page says what that means.
func (s *staffSite) staffCode(c echo.Context, m accounts.Staff) error {
	text := c.Param("code")
	if code, _ := support.LooksLikeCode(text); code == "" {
		return database.ErrNotFound
	}
	view, err := s.support.Code(c.Request().Context(), m, text)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if !view.Found() {
		status = http.StatusNotFound
	}
	return fieldbridge.Render(c, status, staff.Code(staff.CodePage{Staff: m, View: view, Clock: s.clock()}))
}

// codeSearched returns the address of what a searched support code leads to. It returns
// none for other texts. A text that may be a company's name too is a code only if the
// code is known.
func (s *staffSite) codeSearched(c echo.Context, query string) (string, error) {
	code, sure := support.LooksLikeCode(query)
	if code == "" {
		return "", nil
	}
	if !sure {
		known, err := s.support.KnowsCode(c.Request().Context(), query)
		if err != nil || !known {
			return "", err
		}
	}
	return staff.CodePath(url.PathEscape(strings.TrimSpace(query))), nil
}
