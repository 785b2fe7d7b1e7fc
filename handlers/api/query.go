package api

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
)

// checkQuery refuses parameters that an address does not have, or that are there twice.
func checkQuery(c echo.Context, known []string) error {
	raw := c.Request().URL.RawQuery
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return &invalidError{[]wrongPart{{Detail: "the query is not encoded properly"}}}
	}
	var wrong []wrongPart
	for name, all := range values {
		switch {
		case !slices.Contains(known, name):
			wrong = append(wrong, wrongPart{Parameter: name, Detail: "is not a parameter of this address"})
		case len(all) > 1:
			wrong = append(wrong, wrongPart{Parameter: name, Detail: "is there twice"})
		}
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b wrongPart) int { return strings.Compare(a.Parameter, b.Parameter) })
		return &invalidError{wrong}
	}
	return nil
}

// query reads the parameters of a request, and collects what is wrong with them.
type query struct {
	values url.Values
	wrong  []wrongPart
}

func queryOf(c echo.Context) *query { return &query{values: c.QueryParams()} }

// err returns the error of all parameters that are wrong, or nil.
func (q *query) err() error {
	if len(q.wrong) == 0 {
		return nil
	}
	return &invalidError{q.wrong}
}

// value returns a parameter that was sent. An empty one is wrong.
func (q *query) value(name string) (value string, sent bool) {
	if !q.values.Has(name) {
		return "", false
	}
	if value = q.values.Get(name); value == "" {
		q.refuse(name, "is empty")
	}
	return value, value != ""
}

func (q *query) refuse(name, detail string) {
	q.wrong = append(q.wrong, wrongPart{Parameter: name, Detail: detail})
}

// text returns a parameter that has up to most bytes.
func (q *query) text(name string, most int) string {
	value, _ := q.value(name)
	if len(value) > most {
		q.refuse(name, fmt.Sprintf("has more than %d bytes", most))
	}
	return value
}

// number returns a whole number from 1 to most. It is 0 if the parameter is missing.
func (q *query) number(name string, most int64) int64 {
	value, sent := q.value(name)
	if !sent {
		return 0
	}
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil || n <= 0:
		q.refuse(name, "is not a number above 0")
	case n > most:
		q.refuse(name, fmt.Sprintf("is more than %d", most))
	}
	return n
}

// id returns an ID. It is zero if the parameter is missing.
func (q *query) id(name string) uuid.UUID {
	value, sent := q.value(name)
	if !sent {
		return uuid.Nil
	}
	id, ok := request.ParseID(value)
	if !ok {
		q.refuse(name, "is not a UUID in lower case")
	}
	return id
}

// time returns a time. It is zero if the parameter is missing.
func (q *query) time(name string) time.Time {
	value, sent := q.value(name)
	if !sent {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || at.Year() < 1970 || at.Year() > 2200 {
		q.refuse(name, "is not a time as in RFC 3339")
	}
	return at.UTC()
}

// oneOf returns a parameter that is one of some values.
func oneOf[T ~string](q *query, name string, values ...T) T {
	value, sent := q.value(name)
	if sent && !slices.Contains(values, T(value)) {
		q.refuse(name, "is none of "+joined(values))
	}
	return T(value)
}

func joined[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}
