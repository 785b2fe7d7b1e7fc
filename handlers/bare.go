package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Bare returns a handler that answers the same page to every member, and does nothing
// besides the check of their session. The benchmarks compare real pages with it, to say
// what everything but that check costs.
func Bare(store *accounts.Sessions, base *url.URL, page []byte) http.Handler {
	s := newSessions(store, base)
	e := echo.New()
	e.GET("/*", func(c echo.Context) error {
		in, ok := s.SignedIn(c.Request().Context())
		if !ok {
			return echo.ErrUnauthorized
		}
		if _, err := s.Visitor(c.Request().Context(), in); err != nil {
			return err
		}
		return c.HTMLBlob(http.StatusOK, page)
	}, s.middleware)
	return e
}
