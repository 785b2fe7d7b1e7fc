package handlers

import (
	"context"
	"net/http"

	"github.com/fieldbridge/fieldbridge/models/readiness"
)

// NewAdmin returns the handler of health checks and metrics, for operators and load
// balancers. It belongs on a listener at the given host:port that the public does
// not reach.
func NewAdmin(addr string, ready func(context.Context) readiness.Result, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if found := ready(r.Context()); found.Cause != readiness.None {
			say(w, http.StatusServiceUnavailable, whyNotReady(found))
			return
		}
		say(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", metrics)
	return onlyOwnHost(addr, mux)
}

// causes says in words why a process is not ready.
//
//exhaustive:ignore
var causes = map[readiness.Cause]string{
	readiness.NoAnswer:    "the database does not answer",
	readiness.OtherSchema: "the database schema has a different version",
	readiness.OtherKeyset: "the keyset does not belong to the database",
	readiness.KeyMissing:  "the keyset file lacks a key that is in use; copy the newest keyset file to this host",
	readiness.DiskFull:    "the disk of the database is full, so nothing can be saved",
	readiness.ReadOnly:    "the database is read-only, so nothing can be saved",
	readiness.WritesFail:  "the database refuses to save anything",
	readiness.WritesWait:  "the database has been too busy to save anything for 30 seconds",
}

// whyNotReady says what is not ready. Of the error's own text, it has only the IDs of
// keys.
func whyNotReady(found readiness.Result) string {
	if found.Cause == readiness.KeyMissing && found.Err != nil {
		return causes[found.Cause] + " (" + found.Err.Error() + ")"
	}
	return causes[found.Cause]
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // #nosec G705 -- plain text, which browsers do not take for anything else
}
