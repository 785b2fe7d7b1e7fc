package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/keeper"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

const apiPrefix = "/api/"

// errNoKey says that the request has no valid API key.
var errNoKey = errors.New("no valid API key")

// admitBackEnd admits a back end that sends its key as a bearer token (RFC 6750,
// section 2.1).
func (s *site) admitBackEnd(c echo.Context, handle func(echo.Context, accounts.APIKey) error) error {
	key, err := s.APIKeys.Check(c.Request().Context(), sentKey(c), address(c))
	if errors.Is(err, database.ErrNotFound) {
		return errNoKey
	}
	if err != nil {
		return err
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

// apiConnectionBody is a connection as the API shows it.
type apiConnectionBody struct {
	ID            uuid.UUID     `json:"id"`
	CompanyID     uuid.UUID     `json:"company_id"`
	TenantID      int64         `json:"tenant_id"`
	TenantName    string        `json:"tenant_name"`
	Environment   string        `json:"environment"`
	State         models.State  `json:"state"`
	Reason        models.Reason `json:"reason,omitempty"`
	UpgradeNeeded bool          `json:"upgrade_needed"`
	Scopes        []string      `json:"scopes"`
	RenewedAt     *time.Time    `json:"renewed_at"`
	NextRenewalAt *time.Time    `json:"next_renewal_at"`
}

func apiBody(c models.Connection) apiConnectionBody {
	body := apiConnectionBody{
		ID: c.ID, CompanyID: c.CompanyID, TenantID: c.TenantID, TenantName: c.TenantName, Environment: string(c.Environment),
		State: c.State, Reason: c.Reason, UpgradeNeeded: c.UpgradeNeeded, Scopes: c.ScopeList(), NextRenewalAt: c.NextRenewalAt,
	}
	if !c.RenewedAt.IsZero() {
		body.RenewedAt = &c.RenewedAt
	}
	return body
}

type apiPageBody struct {
	Data []apiConnectionBody `json:"data"`
	// Next is the value of after for the next page. The last page has none.
	Next string `json:"next,omitempty"`
}

// apiConnections lists the connections that the key may read, one page at a time.
func (s *site) apiConnections(c echo.Context, key accounts.APIKey) error {
	after, tenantID := uuid.Nil, int64(0)
	if v := c.QueryParam("after"); v != "" {
		var ok bool
		if after, ok = parseID(v); !ok {
			return echo.NewHTTPError(http.StatusBadRequest, "after is not the next of a page")
		}
	}
	if v := c.QueryParam("tenant_id"); v != "" {
		var err error
		if tenantID, err = strconv.ParseInt(v, 10, 64); err != nil || tenantID <= 0 {
			return echo.NewHTTPError(http.StatusBadRequest, "tenant_id is not a number")
		}
	}
	list, more, err := s.Connections.PageFor(c.Request().Context(), key, tenantID, after)
	if err != nil {
		return err
	}
	page := apiPageBody{Data: make([]apiConnectionBody, len(list))}
	for i, connection := range list {
		page.Data[i] = apiBody(connection)
	}
	if more {
		page.Next = list[len(list)-1].ID.String()
	}
	return c.JSON(http.StatusOK, page)
}

func (s *site) apiConnection(c echo.Context, key accounts.APIKey, id uuid.UUID) error {
	connection, err := s.Connections.For(c.Request().Context(), key, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, apiBody(connection))
}

type apiTokenBody struct {
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"expires_at"`
	TenantID    int64     `json:"tenant_id"`
	Environment string    `json:"environment"`
	APIBaseURL  string    `json:"api_base_url"`
}

// apiToken returns a valid access token, or the real reason why there is none. It does
// what admitBackEnd does before, but reads the key and the connection together.
func (s *site) apiToken(c echo.Context) error {
	sent := sentKey(c)
	id, err := pathID(c)
	if err != nil || sent.IsZero() {
		return s.admitBackEnd(c, func(echo.Context, accounts.APIKey) error { return err })
	}
	from := address(c)
	found, err := s.Connections.ReadKeyed(c.Request().Context(), sent, id)
	if errors.Is(err, database.ErrNotFound) {
		return s.admitBackEnd(c, func(c echo.Context, key accounts.APIKey) error {
			connection, access, err := s.Connections.TokenFor(c.Request().Context(), key, id)
			return s.answerToken(c, key.ID, from, connection, access, err)
		})
	}
	if err == nil {
		err = s.APIKeys.Admit(found.KeyID, from)
	}
	if err != nil {
		return err
	}
	access, err := s.Connections.TokenOf(c.Request().Context(), found)
	return s.answerToken(c, found.KeyID, from, found.Connection, access, err)
}

// answerToken answers with a token and counts it, or returns the error.
func (s *site) answerToken(c echo.Context, keyID uuid.UUID, from string, connection models.Connection, access keeper.Access, err error) error {
	if err != nil {
		return err
	}
	s.APIKeys.CountRead(keyID, connection.ID, from)
	body := apiTokenBody{
		AccessToken: access.Token.Reveal(), ExpiresAt: access.ExpiresAt.UTC(), TenantID: connection.TenantID, Environment: string(connection.Environment),
	}
	if environment, ok := s.environment(connection.Environment); ok {
		body.APIBaseURL = environment.APIURL.String()
	}
	return c.JSON(http.StatusOK, body)
}

// The types of problems that say more than their status. They are stable, and
// handlers/README.md documents each of them.
const (
	problemBlank        = "about:blank"
	problemUnavailable  = "urn:fieldbridge:problem:temporarily-unavailable"
	problemNoToken      = "urn:fieldbridge:problem:token-unavailable"
	problemReconnect    = "urn:fieldbridge:problem:reconnect-needed"
	problemNotConnected = "urn:fieldbridge:problem:not-connected"
	problemLocked       = "urn:fieldbridge:problem:company-locked"
)

// problemBody is an error response of the API (RFC 9457).
type problemBody struct {
	Type        string        `json:"type"`
	Title       string        `json:"title"`
	Status      int           `json:"status"`
	Detail      string        `json:"detail,omitempty"`
	Reason      models.Reason `json:"reason,omitempty"`
	SupportCode string        `json:"support_code"`
}

// apiProblem is the API's description of an error.
type apiProblem struct{ kind, title, detail string }

// apiProblems describes the statuses of errors that have no description of their
// own.
var apiProblems = map[int]apiProblem{
	http.StatusUnauthorized: {problemBlank, http.StatusText(http.StatusUnauthorized), "Send an API key as a bearer token."},
	http.StatusServiceUnavailable: {
		problemUnavailable, "Fieldbridge is temporarily unavailable",
		"Fieldbridge cannot answer right now. Retry after the time in Retry-After.",
	},
}

// problemOf describes an error in the API's terms.
func problemOf(a errorAnswer, err error) problemBody {
	p := a.api
	if p == (apiProblem{}) {
		p = apiProblems[a.status]
	}
	if p == (apiProblem{}) {
		p = apiProblem{kind: problemBlank, title: http.StatusText(a.status)}
	}
	body := problemBody{Type: p.kind, Title: p.title, Status: a.status, Detail: p.detail}
	if e, ok := errors.AsType[*models.ReasonError](err); ok {
		body.Reason = e.Reason
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok && a.status == http.StatusBadRequest {
		body.Detail, _ = e.Message.(string)
	}
	return body
}

// showProblem answers an API request with an error.
func (s *site) showProblem(c echo.Context, a errorAnswer, err error) {
	status, body := a.status, problemOf(a, err)
	body.SupportCode = supportCode(c)
	h := c.Response().Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set(echo.HeaderWWWAuthenticate, "Bearer")
	case http.StatusMisdirectedRequest:
		body.Detail = "This is not the address of Fieldbridge. Use " + s.BaseURL.String() + "."
	}
	s.setRetryAfter(h, s.retryAt(status, err))
	h.Set(echo.HeaderContentType, "application/problem+json")
	if err := c.JSON(status, body); err != nil {
		noteError(c.Request().Context(), slog.LevelError, fmt.Errorf("answer with problem: %w", err))
	}
}
