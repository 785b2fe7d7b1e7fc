package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/api"
)

const (
	// requestLimit is how long a request may take before it is answered with 503.
	// Most of that time goes to the database.
	requestLimit = 30 * time.Second
	// waitingLimit is the limit for requests that wait for ServiceTitan. It ends
	// before the server's write timeout.
	waitingLimit = 42 * time.Second
)

// waits lists the routes whose requests wait for several answers of ServiceTitan
// and then save the result.
var waits = map[string]bool{
	http.MethodGet + " /callback":                           true,
	http.MethodPost + " /connect/credentials":               true,
	http.MethodPost + " /ask/:token/credentials":            true,
	http.MethodPost + " /c/:token/credentials":              true,
	http.MethodPost + " /connections/:id/test":              true,
	http.MethodPost + " /connections/:id/try-again":         true,
	http.MethodPost + " /connections/:id/secret":            true,
	http.MethodPost + " /staff/connections/:id/secret":      true,
	http.MethodPost + " /staff/connections/:id/credentials": true,
	http.MethodPost + " /staff/connections/:id/refresh":     true,
	http.MethodGet + " /api/v1/connections/:id/token":       true,
	http.MethodPost + " /api/v1/connections/:id/test":       true,
	http.MethodPost + " /api/v1/connections/:id/disconnect": true,
	http.MethodPost + " /connections/:id/disconnect":        true,
	http.MethodPost + " /staff/connections/:id/disconnect":  true,
	http.MethodPost + " " + runPath:                         true,
	http.MethodPost + " " + runPath + "/reset":              true,
}

// streams lists the routes whose answers have no limit in total. Each of their
// reads or writes has a limit of its own.
var streams = map[string]bool{
	http.MethodGet + " /activity.csv":          true,
	http.MethodGet + " /staff/connections.csv": true,

	http.MethodGet + " /connections/:id" + livePath:       true,
	http.MethodGet + " /staff/connections/:id" + livePath: true,
}

// deadline ends a request's context when its time is up. A database that does not
// answer then keeps neither the browser nor the connection waiting.
func (s *site) deadline(r route) echo.MiddlewareFunc {
	limit := requestLimit
	if waits[r.method+" "+r.path] {
		limit = waitingLimit
	}
	if s.RequestLimit > 0 {
		limit = s.RequestLimit
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if streams[r.method+" "+r.path] || r.path == api.ProxyRoute { // which has limits of its own
			return next
		}
		return func(c echo.Context) error {
			ctx, cancel := context.WithTimeout(c.Request().Context(), limit)
			defer cancel()
			c.SetRequest(c.Request().WithContext(ctx))
			if err := next(c); err != nil {
				c.Error(err) // answered here, while the deadline still applies
			}
			return nil
		}
	}
}
