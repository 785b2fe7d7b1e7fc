package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

const (
	idempotencyKey = "Idempotency-Key"
	replayed       = "Idempotency-Replayed"
	// longestIdempotencyKey is the most characters that an Idempotency-Key may have.
	longestIdempotencyKey = 255
	// keepingLimit is how long it may take to keep an answer, even if the back end no
	// longer waits for it.
	keepingLimit = 5 * time.Second
)

// once carries out a request with an Idempotency-Key once. A request that comes again
// gets the answer that it got the first time.
func (a *API) once(c echo.Context, key accounts.APIKey, handle func(echo.Context, accounts.APIKey) error) error {
	sent := c.Request().Header.Values(idempotencyKey)
	if len(sent) == 0 {
		return handle(c, key)
	}
	name, ok := parseIdempotencyKey(sent)
	if !ok {
		return &invalidError{[]wrongPart{{Parameter: idempotencyKey, Detail: "is not 1 to 255 visible characters of ASCII"}}}
	}
	body, err := readAll(c)
	if err != nil {
		return err
	}
	r := c.Request()
	r.Body = io.NopCloser(bytes.NewReader(body))
	claim, kept, err := a.Answers.Claim(r.Context(), key.ID, name, fingerprint(r, body))
	if err != nil {
		return err
	}
	if kept != nil {
		c.Response().Header().Set(replayed, "true")
		return c.Blob(kept.Status, kept.Type, kept.Body)
	}
	return a.carryOut(c, claim, func() error { return handle(c, key) })
}

// carryOut keeps the answer of a handler before it is sent.
func (a *API) carryOut(c echo.Context, claim accounts.Claim, handle func() error) error {
	panics := true
	defer func() {
		if panics {
			a.keep(c, claim, &heldAnswer{status: http.StatusInternalServerError})
		}
	}()
	held := a.hold(c, handle)
	panics = false
	a.keep(c, claim, held)
	held.ResponseWriter.WriteHeader(held.status)
	_, err := held.ResponseWriter.Write(held.body.Bytes())
	return err
}

// keep keeps an answer, unless it may be another one soon.
func (a *API) keep(c echo.Context, claim accounts.Claim, held *heldAnswer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), keepingLimit)
	defer cancel()
	var err error
	if held.status == http.StatusTooManyRequests || held.status >= http.StatusInternalServerError {
		err = a.Answers.Release(ctx, claim)
	} else {
		err = a.Answers.Finish(ctx, claim, accounts.Answer{Status: held.status, Type: held.Header().Get(echo.HeaderContentType), Body: held.body.Bytes()})
	}
	if err != nil { // what was asked for has happened all the same
		request.NoteError(ctx, slog.LevelError, err)
	}
}

// hold returns the answer of a handler, without sending it.
func (a *API) hold(c echo.Context, handle func() error) *heldAnswer {
	response := c.Response()
	held := &heldAnswer{ResponseWriter: response.Writer, status: http.StatusOK}
	defer func() { response.Writer = held.ResponseWriter }()
	response.Writer = held
	if err := handle(); err != nil {
		a.ShowError(c, err)
	}
	return held
}

// heldAnswer holds an answer back until it is kept.
type heldAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader holds the status.
func (h *heldAnswer) WriteHeader(status int) { h.status = status }

// Write holds a part of the body.
func (h *heldAnswer) Write(text []byte) (int, error) { return h.body.Write(text) }

// parseIdempotencyKey returns the key of a request. It may be in quotes, as the draft
// has it.
func parseIdempotencyKey(sent []string) (string, bool) {
	if len(sent) != 1 {
		return "", false
	}
	key := strings.TrimSpace(sent[0])
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		key, ok = strings.CutSuffix(quoted, `"`)
		if !ok {
			return "", false
		}
	}
	if key == "" || len(key) > longestIdempotencyKey {
		return "", false
	}
	for i := range len(key) {
		if key[i] < '!' || key[i] > '~' || key[i] == '"' || key[i] == '\\' {
			return "", false
		}
	}
	return key, true
}

// fingerprint returns what tells requests apart.
func fingerprint(r *http.Request, body []byte) []byte {
	sum := sha256.New()
	for _, part := range []string{r.Method, r.URL.RequestURI(), r.Header.Get(echo.HeaderContentType)} {
		sum.Write([]byte(part))
		sum.Write([]byte{0})
	}
	sum.Write(body)
	return sum.Sum(nil)
}
