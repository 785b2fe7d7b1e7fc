package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/a-h/templ"
)

// answer collects a handler's answer, so that a fault can still change or drop it.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	// oauthError is the answer's error code of RFC 6749.
	oauthError string
	// asked is the fault that the consent has to play. played is the fault that it did
	// play.
	asked, played FaultKind
	// skew is how far the clock is off.
	skew time.Duration
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) send(w http.ResponseWriter) {
	a.WriteHeader(http.StatusOK)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // a client that has gone needs no answer
}

func (a *answer) json(status int, v any) { a.jsonAs("application/json", status, v) }

func (a *answer) jsonAs(contentType string, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // callers pass only our own structs
	}
	a.header.Set("Content-Type", contentType)
	a.WriteHeader(status)
	_, _ = a.Write(body) // a buffer never fails
}

// refuse answers like ServiceTitan's token endpoint: with 400, whatever the error (RFC
// 6749, section 5.2).
func (a *answer) refuse(code string) {
	a.oauthError = code
	a.json(http.StatusBadRequest, map[string]string{"error": code})
}

func (a *answer) seeOther(location string) {
	// With 302 or 307, a browser might send the form on (RFC 9700, section 4.12).
	a.header.Set("Location", location)
	a.WriteHeader(http.StatusSeeOther)
}

func (a *answer) page(ctx context.Context, status int, component templ.Component) {
	a.header.Set("Content-Type", "text/html; charset=utf-8")
	a.WriteHeader(status)
	if err := component.Render(ctx, a); err != nil {
		a.body.Reset()
		a.status = http.StatusInternalServerError
	}
}
