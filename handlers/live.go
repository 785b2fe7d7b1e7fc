package handlers

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/live"
)

// An open page of a connection is told that it has changed, and never what. Then it loads
// itself again, which decides anew who may see what. The stream is one of server-sent
// events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

const (
	// livePath is the end of the addresses of streams.
	livePath = "/live"
	// quietHeader is the header of requests that a page makes by itself. They do not
	// keep a session from being idle.
	quietHeader = "Fieldbridge-Quiet"

	// heartbeat is how often a stream says that it still works, so that no proxy ends
	// it.
	heartbeat = 15 * time.Second
	// liveWrite is how long a browser may take to read a line.
	liveWrite = 10 * time.Second
	// liveAgain is when a browser may ask again that was refused.
	liveAgain = time.Minute
	// liveBegins is the first line of a stream: how many milliseconds after its end the
	// browser asks again.
	liveBegins = "retry: 3000\n\n"
)

// quiet says whether a page makes the request by itself.
func quiet(c echo.Context) bool {
	return c.Request().Header.Get(quietHeader) != "" || isStream(c)
}

// isStream says whether the request is for a stream, which lasts as long as somebody looks
// at a page.
func isStream(c echo.Context) bool { return strings.HasSuffix(c.Path(), livePath) }

// watchConnection tells a company's page when its connection has changed.
func (s *site) watchConnection(c echo.Context, v accounts.Visitor, id uuid.UUID) error {
	in, _ := s.sessions.SignedIn(c.Request().Context())
	return s.stream(c, accounts.OpenPage{UserID: v.UserID, CompanyID: v.CompanyID, Epoch: v.Epoch, Factor: in.factor}, id)
}

// staffWatchConnection tells a page of staff when its connection has changed.
func (s *staffSite) staffWatchConnection(c echo.Context, m accounts.Staff, id uuid.UUID) error {
	return s.stream(c, accounts.OpenPage{UserID: m.UserID, Epoch: m.Epoch}, id)
}

// stream sends the versions of a connection until the watch ends or the browser leaves.
func (s *site) stream(c echo.Context, page accounts.OpenPage, id uuid.UUID) error {
	ctx := c.Request().Context()
	watch, err := s.Live.Watch(ctx, page.InSession(ctx), id)
	switch {
	case errors.Is(err, live.ErrTooMany):
		return refuseStream(c, http.StatusTooManyRequests)
	case errors.Is(err, live.ErrFull):
		return refuseStream(c, http.StatusServiceUnavailable)
	case err != nil:
		return err
	}
	defer watch.Close()
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // some proxies would wait for more
	out := http.NewResponseController(c.Response())
	// The server's limits are for requests that end. One without limits cannot change
	// them.
	_ = out.SetReadDeadline(time.Time{})
	send := func(text string) bool {
		_ = out.SetWriteDeadline(time.Now().Add(liveWrite))
		_, err := io.WriteString(c.Response(), text)
		return err == nil && out.Flush() == nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for on := send(liveBegins); on; {
		select {
		case version := <-watch.Versions():
			on = send("data: " + version + "\n\n")
		case <-beat.C:
			on = send(":\n\n")
		case <-watch.Ended():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return nil // the browser has left
}

// shownVersion returns the version of the connection that a page shows, which the first
// line of its stream repeats if nothing has changed. Only a page that shows the newest
// events can tell.
func shownVersion(connection models.Connection, check models.Check, events []models.Event, newest bool) string {
	if !newest {
		return ""
	}
	var last uuid.UUID
	if len(events) > 0 {
		last = events[0].ID
	}
	return live.Version(connection.UpdatedAt, check, last)
}

// refuseStream answers a browser that may not have another stream now. Its page then
// loads itself again now and then.
func refuseStream(c echo.Context, status int) error {
	request.SetRetryAfter(c.Response().Header(), time.Now().Add(liveAgain), time.Now())
	return c.NoContent(status)
}
