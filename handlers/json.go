package handlers

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
)

// readJSON decodes a body that a script of ours sent. It requires one object with no
// fields but those of into. The size of every body is limited.
func readJSON(c echo.Context, into any) error {
	if err := request.RequireJSON(c); err != nil {
		return err
	}
	body := json.NewDecoder(c.Request().Body)
	body.DisallowUnknownFields()
	err := body.Decode(into)
	if err == nil {
		if _, err = body.Token(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge)
	}
	return echo.NewHTTPError(http.StatusBadRequest)
}

// told is an answer to a script of ours.
type told struct {
	// Next is the address to go to.
	Next string `json:"next,omitempty"`
	// Problem says what went wrong, for the person to read.
	Problem string `json:"problem,omitempty"`
	// Options is what the browser needs to ask for a passkey.
	Options json.RawMessage `json:"options,omitempty"`
}
