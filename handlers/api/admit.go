package api

import (
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// errNoKey says that the request has no valid API key.
var errNoKey = errors.New("no valid API key")

// Enter returns the handler of a route, which admits back ends that may use it.
func (a *API) Enter(r Route) echo.HandlerFunc {
	enter := r.enter
	if enter == nil {
		enter = func(c echo.Context) error { return a.admit(c, r, r.Handle) }
	}
	return func(c echo.Context) error {
		setPolicy(c.Response().Header())
		return enter(c)
	}
}

// admit admits a back end that sends its key as a bearer token (RFC 6750, section 2.1),
// if the key has the scope of the route.
func (a *API) admit(c echo.Context, r Route, handle func(echo.Context, accounts.APIKey) error) error {
	key, err := a.APIKeys.Check(c.Request().Context(), sentKey(c), request.Address(c))
	if errors.Is(err, database.ErrNotFound) {
		return errNoKey
	}
	if key.ID != uuid.Nil {
		request.NoteKey(c.Request().Context(), key.CompanyID, key.ID)
		setLimit(c.Response().Header(), a.APIKeys.Left(key.ID))
	}
	if err != nil {
		return err
	}
	if err := key.Need(r.Scope); err != nil {
		return err
	}
	if !r.anyQuery {
		if err := checkQuery(c, r.Parameters); err != nil {
			return err
		}
	}
	if r.Idempotent {
		return a.once(c, key, handle)
	}
	return handle(c, key)
}

// sentKey returns the key that a request has sent. It is zero if there is none.
func sentKey(c echo.Context) secret.Value {
	scheme, value, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return secret.Value{}
	}
	return secret.New(strings.TrimSpace(value))
}

// withID parses the ID in the path for a handler that takes it.
func withID(handle func(echo.Context, accounts.APIKey, uuid.UUID) error) func(echo.Context, accounts.APIKey) error {
	return func(c echo.Context, key accounts.APIKey) error {
		id, err := request.ID(c)
		if err != nil {
			return err
		}
		return handle(c, key, id)
	}
}
