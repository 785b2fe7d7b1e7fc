package handlers

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

// form holds the values that a page posted. They come from the body alone and never
// from the query.
type form struct{ values map[string][]string }

// readForm requires a URL-encoded body without repeated fields, whose values are
// valid text.
func readForm(c echo.Context) (form, error) {
	r := c.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.Header.Get("Content-Encoding") != "" {
		return form{}, echo.NewHTTPError(http.StatusUnsupportedMediaType)
	}
	if err := r.ParseForm(); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return form{}, echo.NewHTTPError(http.StatusRequestEntityTooLarge)
		}
		return form{}, echo.NewHTTPError(http.StatusBadRequest)
	}
	for name, values := range r.PostForm {
		if len(values) != 1 || !database.Storable(name) || !database.Storable(values[0]) {
			return form{}, echo.NewHTTPError(http.StatusBadRequest)
		}
	}
	return form{values: r.PostForm}, nil
}

// Raw returns a field exactly as it was typed.
func (f form) Raw(name string) string {
	if v := f.values[name]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// Line returns a field as one trimmed line.
func (f form) Line(name string) string { return strings.TrimSpace(f.Raw(name)) }

// nameProblem says what is wrong with a name. It is empty if nothing is. whose
// names the name in a sentence, and missing is the text for a name that is empty or
// too long.
func nameProblem(problem accounts.NameProblem, whose, missing string) string {
	switch problem {
	case accounts.NameMissing, accounts.NameTooLong:
		return missing
	case accounts.NameInvisible:
		return "There are invisible characters in " + whose + ". Type it instead of pasting it."
	case accounts.NameAddress:
		return "Leave web addresses and email addresses out of " + whose + "."
	case accounts.NameFine:
	}
	return ""
}
