// Package fieldbridge turns templ components into answers.
package fieldbridge

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

//go:generate go tool templ generate

// Render answers with a component. It is rendered whole before a byte is sent,
// so that one that fails can still become an error page.
func Render(c echo.Context, status int, component templ.Component) error {
	page := templ.GetBuffer()
	defer templ.ReleaseBuffer(page)
	if err := component.Render(c.Request().Context(), page); err != nil {
		return fmt.Errorf("render %s: %w", c.Path(), err)
	}
	if c.Request().Method == http.MethodHead {
		return c.NoContent(status)
	}
	return c.HTMLBlob(status, page.Bytes())
}
