package handlers

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models"
)

// form is what a page posted. Values come from the body alone: a query never
// counts.
type form struct{ values map[string][]string }

// readForm wants a URL-encoded body in which no field comes twice and all text
// is text.
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
		if len(values) != 1 || !models.Storable(name) || !models.Storable(values[0]) {
			return form{}, echo.NewHTTPError(http.StatusBadRequest)
		}
	}
	return form{values: r.PostForm}, nil
}

// Raw is a field as it was typed.
func (f form) Raw(name string) string {
	if v := f.values[name]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// Line is a field as one trimmed line.
func (f form) Line(name string) string { return strings.TrimSpace(f.Raw(name)) }

// nameProblem says what is wrong with a name, if anything. whose is the name as a
// sentence has it, and missing is what to say when there is none or it is too long.
func nameProblem(problem models.NameProblem, whose, missing string) string {
	switch problem {
	case models.NameMissing, models.NameTooLong:
		return missing
	case models.NameInvisible:
		return "There are invisible characters in " + whose + ". Type it instead of pasting it."
	case models.NameAddress:
		return "Leave web addresses and email addresses out of " + whose + "."
	case models.NameFine:
	}
	return ""
}
