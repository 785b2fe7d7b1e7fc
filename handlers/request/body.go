package request

import (
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"
)

// RequireJSON returns an error with the status 415 if the body of a request says that it
// is not JSON, or that it is encoded.
func RequireJSON(c echo.Context) error {
	h := c.Request().Header
	kind, _, err := mime.ParseMediaType(h.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEApplicationJSON || h.Get(echo.HeaderContentEncoding) != "" {
		return echo.NewHTTPError(http.StatusUnsupportedMediaType)
	}
	return nil
}
