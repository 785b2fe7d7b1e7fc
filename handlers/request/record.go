package request

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Record collects what is noted about a request while it is answered, for its one log
// line.
type Record struct {
	SupportCode string
	// SessionLoaded says that the request's session has been loaded.
	SessionLoaded bool
	about         about
	level         slog.Level
	attrs         []slog.Attr
	err           error
}

type recordKey struct{}

// WithRecord returns a context that carries the record of its request.
func WithRecord(ctx context.Context, r *Record) context.Context {
	return context.WithValue(ctx, recordKey{}, r)
}

// RecordOf returns the record of the request that a context belongs to.
func RecordOf(ctx context.Context) *Record {
	if r, ok := ctx.Value(recordKey{}).(*Record); ok {
		return r
	}
	return new(Record) // the context belongs to no request, so nothing is logged
}

// SupportCode returns the support code of a request.
func SupportCode(c echo.Context) string { return RecordOf(c.Request().Context()).SupportCode }

// NoteError adds an error to the log line of the request.
func NoteError(ctx context.Context, level slog.Level, err error) {
	r := RecordOf(ctx)
	r.level, r.err = max(r.level, level), errors.Join(r.err, err)
}

// NoteEvent adds an event and its attributes to the log line of the request.
func NoteEvent(ctx context.Context, level slog.Level, event string, attrs ...slog.Attr) {
	r := RecordOf(ctx)
	r.level = max(r.level, level)
	r.attrs = append(append(r.attrs, slog.String("event", event)), attrs...)
}

// Line writes the log line. It contains the route and never the address, since the
// query may contain codes.
func (r *Record) Line(c echo.Context, log *slog.Logger, took time.Duration) {
	attrs := append(make([]slog.Attr, 0, 12), // enough for almost every line
		slog.String("method", KnownMethod(c.Request().Method)), slog.String("route", c.Path()),
		slog.Int("status", c.Response().Status), slog.Float64("took_ms", float64(took.Microseconds())/1000),
		slog.String("client", ClientAddress(c)))
	attrs = append(attrs, r.attrs...)
	if r.err != nil {
		attrs = append(attrs, slog.Any("error", r.err))
	}
	log.LogAttrs(c.Request().Context(), r.level, "request", append(attrs, slog.String("support_code", r.SupportCode))...)
}

// KnownMethod keeps a made-up method out of the log.
func KnownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}
