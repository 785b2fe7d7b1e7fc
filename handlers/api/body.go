package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
)

// readBody decodes the body of a request. It requires one object with no fields but
// those of into. The size of every body is limited.
func readBody(c echo.Context, into any) error {
	if err := request.RequireJSON(c); err != nil {
		return err
	}
	return wrongBody(json.UnmarshalRead(c.Request().Body, into, json.RejectUnknownMembers(true)))
}

// readNothing requires that a request has no body, or an empty object.
func readNothing(c echo.Context) error {
	text, err := readAll(c)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return err
	}
	c.Request().Body = io.NopCloser(bytes.NewReader(text))
	return readBody(c, &struct{}{})
}

// readAll reads the body of a request.
func readAll(c echo.Context) ([]byte, error) {
	text, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return nil, wrongBody(err)
	}
	return text, nil
}

// wrongBody returns the answer to an error of a body.
func wrongBody(err error) error {
	if err == nil {
		return nil
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge)
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return invalidField(string(e.JSONPointer), whatIsWrong(e))
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return invalidField(string(e.JSONPointer), "is there twice")
		}
		return invalidField(string(e.JSONPointer), "is not valid JSON")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return invalidField("", "is not valid JSON")
	}
	return fmt.Errorf("read body: %w", err)
}

// whatIsWrong says why a value does not fit its field.
func whatIsWrong(e *json.SemanticError) string {
	if errors.Is(e, json.ErrUnknownName) {
		return "is not a field of this request"
	}
	if e.GoType == nil {
		return "has the wrong form"
	}
	t := e.GoType
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.String {
		return "is not a string"
	}
	switch t.String() {
	case "uuid.UUID":
		return "is not a UUID"
	case "time.Time":
		return "is not a time as in RFC 3339"
	}
	switch t.Kind().String() {
	case "bool":
		return "is not true or false"
	case "int", "int64":
		return "is not a whole number, or is too large"
	case "slice":
		return "is not an array"
	case "struct", "map":
		return "is not an object"
	}
	return "has the wrong form"
}
