package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/seal"
)

// NewAdmin returns the handler of health checks and metrics, for operators and load
// balancers. It belongs on a listener at the given host:port that the public does
// not reach.
func NewAdmin(addr string, ready func(context.Context) error, metrics http.Handler, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			log.WarnContext(ctx, "not ready", "error", err)
			say(w, http.StatusServiceUnavailable, whyNotReady(err))
			return
		}
		say(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", metrics)
	return onlyOwnHost(addr, mux)
}

// whyNotReady says what is not ready, without the error's own text.
func whyNotReady(err error) string {
	switch {
	case errors.Is(err, database.ErrNoSchema), errors.Is(err, database.ErrSchemaBehind), errors.Is(err, database.ErrSchemaAhead):
		return "the database schema has a different version"
	case errors.Is(err, seal.ErrWrongKeyset):
		return "the keyset does not belong to the database"
	}
	return "the database does not answer"
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // #nosec G705 -- plain text, which browsers do not take for anything else
}
