package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/calls"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// ProblemsPath starts the path of every type of problem. Each has a page there.
const ProblemsPath = Prefix + "problems/"

// problem is a kind of error.
type problem struct {
	// name ends the address that is the type of the problem (RFC 9457, section 3.1.1).
	// It is stable.
	name   string
	status int
	// title and detail are for people, and may change.
	title, detail string
	// is says whether an error is of this kind. It is nil if the status says it.
	is func(error) bool
	// level is the level of the request's log line.
	level slog.Level
}

// problems is the one place that maps kinds of errors to answers of the API. The first
// row that fits counts, or the last one of the status of an error of echo.
var problems = []problem{
	{
		name: "too-many-requests", status: http.StatusTooManyRequests, is: request.Kind[*accounts.ThrottledError],
		title: "Too many requests", detail: "Retry after the time in Retry-After.",
	},
	{
		name: "budget-spent", status: http.StatusTooManyRequests, is: request.Kind[*calls.SpentError], title: "Too many calls to this tenant",
		detail: "ServiceTitan allows only so many calls a second for each tenant, and they are used up. The call was not passed on. Retry after the time in Retry-After.",
	},
	{name: "invalid-request", status: http.StatusBadRequest, is: request.Kind[*invalidError], title: "Invalid request"},
	{
		name: "not-found", status: http.StatusNotFound, is: database.Gone,
		title: "Not found", detail: "It does not exist, or it belongs to another company.",
	},
	{
		name: "company-locked", status: http.StatusForbidden, is: request.Exactly(accounts.ErrLocked), title: "Company locked",
		detail: "Fieldbridge support has locked this company. Fieldbridge keeps its access, which can be read again once the company is unlocked.",
	},
	{
		name: "missing-scope", status: http.StatusForbidden, is: request.Kind[*accounts.ScopeError],
		title: "Missing scope", detail: "The API key lacks the scope that this needs.",
	},
	{
		name: "no-valid-key", status: http.StatusUnauthorized, is: request.Exactly(errNoKey),
		title: "No valid API key", detail: "Send an API key as a bearer token.",
	},
	{
		name: "wrong-host", status: http.StatusMisdirectedRequest, is: request.Exactly(request.ErrForeignHost),
		title: "Wrong host",
	},
	{
		name: "idempotency-key-reused", status: http.StatusUnprocessableEntity, is: request.Exactly(accounts.ErrKeyReused),
		title: "Idempotency-Key reused", detail: "This Idempotency-Key was sent with another request before. Use a new key for each request.",
	},
	{
		name: "request-under-way", status: http.StatusConflict, is: request.Exactly(accounts.ErrUnderWay),
		title: "Request under way", detail: "The first request with this Idempotency-Key has no answer yet. Send it again in a moment.",
	},
	{
		name: "too-many-sessions", status: http.StatusConflict, is: request.Exactly(connect.ErrTooManySessions),
		title: "Too many connect sessions", detail: "The key has 1,000 connect sessions under way. Wait until some of them end: the longest takes two and a half hours.",
	},
	{
		name: "still-pending", status: http.StatusConflict, is: request.Exactly(webhook.ErrStillPending),
		title: "Still pending", detail: "The message is still going to be sent to this endpoint.",
	},
	{
		name: "not-connected", status: http.StatusConflict, is: request.Exactly(models.ErrNotConnected),
		title: "Not connected", detail: "This connection is disconnected, or still being set up.",
	},
	{
		name: "reconnect-needed", status: http.StatusConflict, is: request.Exactly(models.ErrReconnectNeeded), title: "Reconnect needed",
		detail: "ServiceTitan has refused this connection for good. Someone at the company has to reconnect it in Fieldbridge.",
	},
	{
		name: "proxy-off", status: http.StatusForbidden, is: request.Exactly(errProxyOff), title: "No path is allowed",
		detail: "Fieldbridge passes calls on only to paths that its operator allows with FIELDBRIDGE_PROXY_PATHS, and none is allowed.",
	},
	{
		name: "path-not-allowed", status: http.StatusForbidden, is: request.Exactly(errPathNotAllowed), title: "Path not allowed",
		detail: "This path of ServiceTitan is not among those that Fieldbridge's operator allows with FIELDBRIDGE_PROXY_PATHS.",
	},
	{
		name: "wrong-tenant", status: http.StatusForbidden, is: request.Exactly(errWrongTenant), title: "Another tenant",
		detail: "The path names another tenant than this connection's. Use the connection's tenant_id.",
	},
	{
		name: "call-again", status: http.StatusServiceUnavailable, is: request.Exactly(errCallAgain), title: "Send the call again",
		detail: "ServiceTitan refused the access token, which Fieldbridge has renewed since. ServiceTitan did not carry the call out. Fieldbridge repeats only calls that are safe to repeat, so send this one again.",
	},
	{
		name: "token-refused", status: http.StatusBadGateway, is: request.Exactly(connect.ErrTokenRefused), level: slog.LevelWarn, title: "ServiceTitan refuses the access token",
		detail: "ServiceTitan refuses this call with 401, even with an access token that was just renewed.",
	},
	{
		name: "servicetitan-late", status: http.StatusGatewayTimeout, is: late, level: slog.LevelWarn, title: "ServiceTitan did not answer in time",
		detail: "It is not known whether ServiceTitan carried the call out.",
	},
	{
		name: "servicetitan-unreachable", status: http.StatusBadGateway, is: request.Kind[*unreachableError], level: slog.LevelWarn,
		title: "ServiceTitan did not answer", detail: "The connection to ServiceTitan failed. It is not known whether ServiceTitan carried the call out.",
	},
	{
		name: "answer-too-large", status: http.StatusBadGateway, is: request.Exactly(errAnswerTooLarge),
		title: "Answer too large", detail: "ServiceTitan's answer is larger than 50 MiB. Ask for smaller pages.",
	},
	{
		name: "token-unavailable", status: http.StatusServiceUnavailable, is: request.NoToken, level: slog.LevelError, title: "No access token right now",
		detail: "The access token of this connection has expired, and it cannot be renewed right now. Fieldbridge keeps trying. Retry after the time in Retry-After.",
	},
	{
		name: "temporarily-unavailable", status: http.StatusServiceUnavailable, is: database.Unavailable, level: slog.LevelError,
		title: "Fieldbridge is temporarily unavailable", detail: "Fieldbridge cannot answer right now. Retry after the time in Retry-After.",
	},
	{name: "method-not-allowed", status: http.StatusMethodNotAllowed, title: "Method not allowed", detail: "This address does not have this method."},
	{name: "too-large", status: http.StatusRequestEntityTooLarge, is: request.Kind[*http.MaxBytesError], title: "Request too large"},
	{name: "unsupported-media-type", status: http.StatusUnsupportedMediaType, title: "Unsupported media type", detail: "Send the body as application/json."},
	{
		name: "internal-error", status: http.StatusInternalServerError, level: slog.LevelError,
		title: "Internal error", detail: "This is an error of Fieldbridge. Give its support the code in support_code.",
	},
}

// problemOf returns what kind of problem an error is. An error without a row is a
// mistake of ours.
func problemOf(err error) problem {
	status := http.StatusInternalServerError
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		status = e.Code
	}
	for _, p := range problems {
		if p.is != nil && p.is(err) {
			return p
		}
	}
	for _, p := range slices.Backward(problems) {
		if p.status == status {
			return p
		}
	}
	return problems[len(problems)-1]
}

// ProblemNames lists the names of all problems.
func ProblemNames() []string {
	names := make([]string, len(problems))
	for i, p := range problems {
		names[i] = p.name
	}
	return names
}

// invalidError says which parts of a request are wrong.
type invalidError struct{ parts []wrongPart }

func (e *invalidError) Error() string { return fmt.Sprintf("invalid request: %v", e.parts) }

// wrongPart is a part of a request that is wrong.
type wrongPart struct {
	// Pointer points to a field of the body (RFC 6901). An empty one is the whole body.
	Pointer *string `json:"pointer,omitempty"`
	// Parameter is the name of a parameter of the query.
	Parameter string `json:"parameter,omitempty"`
	Detail    string `json:"detail"`
}

// invalidField returns the error for a field of the body, which a JSON pointer names.
func invalidField(pointer, detail string) error {
	return &invalidError{[]wrongPart{{Pointer: &pointer, Detail: detail}}}
}

// problemBody is an error response of the API (RFC 9457).
type problemBody struct {
	Type   string        `json:"type"`
	Title  string        `json:"title"`
	Status int           `json:"status"`
	Detail string        `json:"detail,omitempty"`
	Reason models.Reason `json:"reason,omitempty"`
	Errors []wrongPart   `json:"errors,omitempty"`
	// Scope is the one that the key lacks.
	Scope       accounts.Scope `json:"scope,omitempty"`
	SupportCode string         `json:"support_code"`
}

// problemBody returns the problem as it is sent.
func (a *API) problemBody(p problem, err error) problemBody {
	body := problemBody{Type: a.BaseURL.String() + ProblemsPath + p.name, Title: p.title, Status: p.status, Detail: p.detail}
	if e, ok := errors.AsType[*models.ReasonError](err); ok {
		body.Reason = e.Reason
	}
	if e, ok := errors.AsType[*accounts.ScopeError](err); ok {
		body.Scope, body.Detail = e.Scope, "The API key lacks the scope "+string(e.Scope)+"."
	}
	if e, ok := errors.AsType[*invalidError](err); ok {
		body.Errors = e.parts
	}
	if p.status == http.StatusMisdirectedRequest {
		body.Detail = "This is not the address of Fieldbridge. Use " + a.BaseURL.String() + "."
	}
	return body
}

// ShowError answers with the problem that an error is. The error itself goes into the
// request's log line, next to the support code of the answer.
func (a *API) ShowError(c echo.Context, err error) {
	ctx, p := c.Request().Context(), problemOf(err)
	request.NoteError(ctx, p.level, err)
	request.NoteFailure(ctx, failure.Kind(p.name), err)
	if c.Response().Committed {
		return
	}
	body := a.problemBody(p, err)
	body.SupportCode = request.SupportCode(c)
	h := c.Response().Header()
	setPolicy(h) // no route has set it if there is none
	switch {
	case p.status == http.StatusUnauthorized:
		h.Set(echo.HeaderWWWAuthenticate, "Bearer")
	case body.Scope != "": // RFC 6750, section 3.1
		h.Set(echo.HeaderWWWAuthenticate, `Bearer error="insufficient_scope", scope="`+string(body.Scope)+`"`)
	}
	now := a.Now()
	request.SetRetryAfter(h, request.RetryAt(p.status, err, now), now)
	h.Set(echo.HeaderContentType, "application/problem+json")
	if err := c.JSON(p.status, body); err != nil {
		request.NoteError(ctx, slog.LevelError, fmt.Errorf("answer with problem: %w", err))
	}
}
