package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"
)

// requestRecord collects what is noted about a request while it is answered, for
// its one log line.
type requestRecord struct {
	supportCode string
	// sessionLoaded says that the request's session has been loaded.
	sessionLoaded bool
	level         slog.Level
	attrs         []slog.Attr
	err           error
}

type requestRecordKey struct{}

// recordOf returns the record of the request that a context belongs to.
func recordOf(ctx context.Context) *requestRecord {
	if r, ok := ctx.Value(requestRecordKey{}).(*requestRecord); ok {
		return r
	}
	return new(requestRecord) // the context belongs to no request, so nothing is logged
}

func supportCode(c echo.Context) string { return recordOf(c.Request().Context()).supportCode }

// noteError adds an error to the log line of the request.
func noteError(ctx context.Context, level slog.Level, err error) {
	r := recordOf(ctx)
	r.level, r.err = max(r.level, level), errors.Join(r.err, err)
}

// noteEvent adds an event and its attributes to the log line of the request.
func noteEvent(ctx context.Context, level slog.Level, event string, attrs ...slog.Attr) {
	r := recordOf(ctx)
	r.level = max(r.level, level)
	r.attrs = append(append(r.attrs, slog.String("event", event)), attrs...)
}

// line writes the log line. It contains the route and never the address, since the
// query may contain codes.
func (r *requestRecord) line(c echo.Context, log *slog.Logger, took time.Duration) {
	attrs := append(make([]slog.Attr, 0, 12), // enough for almost every line
		slog.String("method", knownMethod(c.Request().Method)), slog.String("route", c.Path()),
		slog.Int("status", c.Response().Status), slog.Float64("took_ms", float64(took.Microseconds())/1000),
		slog.String("client", clientAddress(c)))
	attrs = append(attrs, r.attrs...)
	if r.err != nil {
		attrs = append(attrs, slog.Any("error", r.err))
	}
	log.LogAttrs(c.Request().Context(), r.level, "request", append(attrs, slog.String("support_code", r.supportCode))...)
}

// clientAddress returns the browser's full address.
func clientAddress(c echo.Context) string {
	text := c.RealIP()
	ip, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return "unknown"
	case ip.Is4():
		return text // it has only one spelling
	}
	return ip.Unmap().WithZone("").String()
}
