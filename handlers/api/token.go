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

// readToken returns a valid access token, or the real reason why there is none. It does
// what admit does before, but reads the key and the connection together.
func (a *API) readToken(c echo.Context) error {
	sent := sentKey(c)
	id, err := request.ID(c)
	if err != nil || sent.IsZero() || c.Request().URL.RawQuery != "" {
		return a.admit(c, tokenRoute, func(echo.Context, accounts.APIKey) error { return err })
	}
	from := request.Address(c)
	found, err := a.Connections.ReadKeyed(c.Request().Context(), sent, id)
	if errors.Is(err, database.ErrNotFound) {
		return a.admit(c, tokenRoute, func(c echo.Context, key accounts.APIKey) error {
			connection, access, err := a.Connections.TokenFor(c.Request().Context(), key, id)
			return a.answerToken(c, key.ID, from, connection, access, err)
		})
	}
	if err == nil {
		err = a.APIKeys.Admit(found.KeyID, from)
		setLimit(c.Response().Header(), a.APIKeys.Left(found.KeyID))
	}
	if err != nil {
		return err
	}
	access, err := a.Connections.TokenOf(c.Request().Context(), found)
	return a.answerToken(c, found.KeyID, from, found.Connection, access, err)
}

// answerToken answers with a token and counts it, or returns the error.
func (a *API) answerToken(c echo.Context, keyID uuid.UUID, from string, connection models.Connection, access keeper.Access, err error) error {
	if err != nil {
		return err
	}
	a.APIKeys.CountRead(keyID, connection.ID, from)
	body := tokenBody{
		AccessToken: access.Token.Reveal(), ExpiresAt: access.ExpiresAt.UTC(), TenantID: connection.TenantID,
		Environment: string(connection.Environment), APIBaseURL: a.apiURLs[connection.Environment],
	}
	return c.JSON(http.StatusOK, body)
}
