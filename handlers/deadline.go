package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// requestLimit is how long a request may work, mostly in the database, until it
	// is answered with 503.
	requestLimit = 30 * time.Second
	// waitingLimit is the limit of requests that wait for ServiceTitan. It ends
	// before the server stops writing to the browser.
	waitingLimit = 42 * time.Second
)

// waits are the routes whose requests wait for several answers of ServiceTitan,
// and save what came of them afterwards.
var waits = map[string]bool{
	http.MethodGet + " /callback":                           true,
	http.MethodPost + " /connect/credentials":               true,
	http.MethodPost + " /connections/:id/test":              true,
	http.MethodPost + " /staff/connections/:id/credentials": true,
	http.MethodPost + " /staff/connections/:id/refresh":     true,
	http.MethodGet + " /api/v1/connections/:id/token":       true,
	http.MethodPost + " /connections/:id/disconnect":        true,
	http.MethodPost + " /staff/connections/:id/disconnect":  true,
}

// streams are the routes whose answers take as long as they are long. Each of
// their reads has a limit of its own.
var streams = map[string]bool{http.MethodGet + " /staff/connections.csv": true}

// deadline ends a request's context when its time is up, so that a database that
// does not answer keeps neither the browser waiting nor its connection.
func (s *site) deadline(r route) echo.MiddlewareFunc {
	limit := requestLimit
	if waits[r.method+" "+r.path] {
		limit = waitingLimit
	}
	if s.RequestLimit > 0 {
		limit = s.RequestLimit
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if streams[r.method+" "+r.path] {
			return next
		}
		return func(c echo.Context) error {
			ctx, cancel := context.WithTimeout(c.Request().Context(), limit)
			defer cancel()
			c.SetRequest(c.Request().WithContext(ctx))
			if err := next(c); err != nil {
				c.Error(err) // while the deadline counts
			}
			return nil
		}
	}
}
