package api

import (
	"math"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// connectionBody is a connection as the API shows it.
type connectionBody struct {
	ID            uuid.UUID     `json:"id"`
	CompanyID     uuid.UUID     `json:"company_id"`
	CompanyName   string        `json:"company_name"`
	Reference     string        `json:"reference,omitempty"`
	TenantID      int64         `json:"tenant_id"`
	TenantName    string        `json:"tenant_name"`
	Environment   string        `json:"environment"`
	State         models.State  `json:"state"`
	StateSince    time.Time     `json:"state_since"`
	Reason        models.Reason `json:"reason,omitempty"`
	UpgradeNeeded bool          `json:"upgrade_needed"`
	Scopes        []string      `json:"scopes"`
	RenewedAt     *time.Time    `json:"renewed_at"`
	NextRenewalAt *time.Time    `json:"next_renewal_at"`
	AnsweredAt    *time.Time    `json:"last_answered_at"`
	UpdatedAt     time.Time     `json:"updated_at"`
}

func bodyOf(c connect.Listed) connectionBody {
	body := connectionBody{
		ID: c.ID, CompanyID: c.CompanyID, CompanyName: c.CompanyName, Reference: c.Reference,
		TenantID: c.TenantID, TenantName: c.TenantName, Environment: string(c.Environment),
		State: c.State, StateSince: c.StateSince.UTC(), Reason: c.Reason, UpgradeNeeded: c.UpgradeNeeded, Scopes: c.ScopeList(),
		NextRenewalAt: database.InUTC(c.NextRenewalAt), AnsweredAt: database.InUTC(c.AnsweredAt), UpdatedAt: c.ChangedAt.UTC(),
	}
	if !c.RenewedAt.IsZero() {
		body.RenewedAt = database.InUTC(&c.RenewedAt)
	}
	return body
}

type connectionsBody struct {
	Data []connectionBody `json:"data"`
	// Next is the value of after for the next page. The last page has none.
	Next string `json:"next,omitempty"`
}

// longestReference is the most bytes of a caller's ID of a company.
const longestReference = 255

// listParameters are the parameters of a list of connections.
var listParameters = []string{"state", "environment", "reference", "tenant_id", "updated_since", "limit", "after"}

// listConnections lists the connections that the key may read, one page at a time.
func (a *API) listConnections(c echo.Context, key accounts.APIKey) error {
	q := queryOf(c)
	f := connect.ListFilter{
		State:        oneOf(q, "state", models.Pending, models.Connected, models.Degraded, models.ReconnectNeeded, models.Disconnected),
		Environment:  oneOf(q, "environment", servicetitan.Production, servicetitan.Integration, servicetitan.Sandbox),
		Reference:    q.text("reference", longestReference),
		TenantID:     q.number("tenant_id", math.MaxInt64),
		ChangedSince: q.time("updated_since"),
		Limit:        int(q.number("limit", connect.ListedPerPage)),
	}
	byChange := !f.ChangedSince.IsZero()
	f.After = q.cursor("after", byChange)
	if err := q.err(); err != nil {
		return err
	}
	list, more, err := a.Connections.PageFor(c.Request().Context(), key, f)
	if err != nil {
		return err
	}
	page := connectionsBody{Data: make([]connectionBody, len(list))}
	for i, connection := range list {
		page.Data[i] = bodyOf(connection)
	}
	if more {
		page.Next = encodeCursor(list[len(list)-1].Cursor(byChange))
	}
	return answerTagged(c, page)
}

// readConnection answers with one connection.
func (a *API) readConnection(c echo.Context, key accounts.APIKey, id uuid.UUID) error {
	connection, err := a.Connections.For(c.Request().Context(), key, id)
	if err != nil {
		return err
	}
	return answerTagged(c, bodyOf(connection))
}

// testBody is the result of a test.
type testBody struct {
	Passed     bool           `json:"passed"`
	TestedAt   time.Time      `json:"tested_at"`
	DurationMS int64          `json:"duration_ms"`
	Connection connectionBody `json:"connection"`
}

// testConnection asks ServiceTitan whether a connection works. A test that fails is no
// error of the request.
func (a *API) testConnection(c echo.Context, key accounts.APIKey, id uuid.UUID) error {
	if err := readNothing(c); err != nil {
		return err
	}
	tested, err := a.Connections.TestFor(c.Request().Context(), key, request.SupportCode(c), id)
	if err != nil {
		return err
	}
	body := testBody{Passed: tested.TestPassed, DurationMS: tested.TestMillis, Connection: bodyOf(tested)}
	if tested.TestedAt != nil {
		body.TestedAt = tested.TestedAt.UTC()
	}
	return c.JSON(http.StatusOK, body)
}

// disconnect ends a connection.
func (a *API) disconnect(c echo.Context, key accounts.APIKey, id uuid.UUID) error {
	if err := readNothing(c); err != nil {
		return err
	}
	ended, err := a.Connections.DisconnectFor(c.Request().Context(), key, request.SupportCode(c), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, bodyOf(ended))
}
