package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
)

type tokenBody struct {
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"expires_at"`
	TenantID    int64     `json:"tenant_id"`
	Environment string    `json:"environment"`
	APIBaseURL  string    `json:"api_base_url"`
}

// tokenRoute is the address of tokens.
var tokenRoute = Route{Method: http.MethodGet, Path: "/api/v1/connections/:id/token", Scope: accounts.ScopeTokensRead}

// readToken returns a valid access token, or the real reason why there is none.
func (a *API) readToken(c echo.Context) error {
	return a.withAccess(c, tokenRoute, func(keyID uuid.UUID, connection models.Connection, access keeper.Access) error {
		a.APIKeys.CountRead(keyID, connection.ID, request.Address(c))
		body := tokenBody{
			AccessToken: access.Token.Reveal(), ExpiresAt: access.ExpiresAt.UTC(), TenantID: connection.TenantID,
			Environment: string(connection.Environment), APIBaseURL: a.apiURLs[connection.Environment],
		}
		return c.JSON(http.StatusOK, body)
	})
}

// withAccess calls use with the access of the connection in the path. It does what admit
// does before, but reads the key and the connection together.
func (a *API) withAccess(c echo.Context, r Route, use func(keyID uuid.UUID, connection models.Connection, access keeper.Access) error) error {
	sent := sentKey(c)
	id, err := request.ID(c)
	if err != nil || sent.IsZero() || !r.anyQuery && c.Request().URL.RawQuery != "" {
		return a.admit(c, r, func(echo.Context, accounts.APIKey) error { return err })
	}
	ctx := c.Request().Context()
	found, err := a.Connections.ReadKeyed(ctx, sent, r.Scope, id)
	if errors.Is(err, database.ErrNotFound) {
		return a.admit(c, r, func(_ echo.Context, key accounts.APIKey) error {
			connection, access, err := a.Connections.TokenFor(ctx, key, id)
			if err != nil {
				return err
			}
			return use(key.ID, connection, access)
		})
	}
	if err == nil {
		request.NoteKey(ctx, &found.Connection.CompanyID, found.KeyID)
		err = a.APIKeys.Admit(found.KeyID, request.Address(c))
		setLimit(c.Response().Header(), a.APIKeys.Left(found.KeyID))
	}
	if err != nil {
		return err
	}
	access, err := a.Connections.TokenOf(ctx, found)
	if err != nil {
		return err
	}
	return use(found.KeyID, found.Connection, access)
}
