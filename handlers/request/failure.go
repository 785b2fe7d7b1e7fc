package request

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/failure"
)

// about says who made a request, what it was about, and how it failed. Its fields are
// values, because pages that work should not pay for it.
type about struct {
	company, connection, user, key uuid.UUID
	staff                          bool
	kind                           failure.Kind
	reason                         string
}

// NotePerson notes who made the request, in case it fails.
func NotePerson(ctx context.Context, company, user uuid.UUID) {
	a := &RecordOf(ctx).about
	a.company, a.user = company, user
}

// NoteStaff notes which member of our staff made the request, in case it fails.
func NoteStaff(ctx context.Context, user uuid.UUID) {
	a := &RecordOf(ctx).about
	a.user, a.staff = user, true
}

// NoteKey notes which API key made the request, in case it fails. company is nil for a
// key of the operator.
func NoteKey(ctx context.Context, company *uuid.UUID, key uuid.UUID) {
	a := &RecordOf(ctx).about
	if a.key = key; company != nil {
		a.company = *company
	}
}

// NoteCompany notes which company the request is about, if nobody is signed in.
func NoteCompany(ctx context.Context, company uuid.UUID) { RecordOf(ctx).about.company = company }

// NoteFailure says that the answer shows a support code that has to lead somewhere. err
// may be nil. Its text is not kept.
func NoteFailure(ctx context.Context, kind failure.Kind, err error) {
	a := &RecordOf(ctx).about
	a.kind = kind
	if e, ok := errors.AsType[*models.ReasonError](err); ok {
		a.reason = string(e.Reason)
	}
}

// NoteNotConnected is like NoteFailure, for an attempt to connect that ended without a
// connection.
func NoteNotConnected(ctx context.Context, result models.Result) {
	a := &RecordOf(ctx).about
	a.kind, a.reason = failure.NotConnected, string(result.Outcome)
	if result.ConnectionID != uuid.Nil {
		a.connection = result.ConnectionID
	}
}

// Failed returns the failure that the request was. ok is false if it was none.
func (r *Record) Failed(c echo.Context, took time.Duration) (f failure.Failure, ok bool) {
	a := r.about
	if a.kind == "" || !c.Response().Committed { // nobody was there anymore
		return f, false
	}
	if id, ok := ParseID(c.Param("id")); ok && strings.Contains(c.Path(), "/connections/:id") && a.connection == uuid.Nil {
		a.connection = id // it is compared with the real ones before it is stored
	}
	return failure.Failure{
		SupportCode: r.SupportCode, Method: KnownMethod(c.Request().Method), Route: c.Path(), Status: c.Response().Status,
		Kind: a.kind, Reason: a.reason, Millis: took.Milliseconds(), Staff: a.staff,
		CompanyID: failure.Some(a.company), ConnectionID: failure.Some(a.connection), UserID: failure.Some(a.user), KeyID: failure.Some(a.key),
	}, true
}
