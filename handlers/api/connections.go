package api

import (
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/request"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// connectionBody is a connection as the API shows it.
type connectionBody struct {
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

func bodyOf(c models.Connection) connectionBody {
	body := connectionBody{
		ID: c.ID, CompanyID: c.CompanyID, TenantID: c.TenantID, TenantName: c.TenantName, Environment: string(c.Environment),
		State: c.State, Reason: c.Reason, UpgradeNeeded: c.UpgradeNeeded, Scopes: c.ScopeList(), NextRenewalAt: c.NextRenewalAt,
	}
	if !c.RenewedAt.IsZero() {
		body.RenewedAt = &c.RenewedAt
	}
	return body
}

type connectionsBody struct {
	Data []connectionBody `json:"data"`
	// Next is the value of after for the next page. The last page has none.
	Next string `json:"next,omitempty"`
}

// listConnections lists the connections that the key may read, one page at a time.
func (a *API) listConnections(c echo.Context, key accounts.APIKey) error {
	after, tenantID := uuid.Nil, int64(0)
	if v := c.QueryParam("after"); v != "" {
		var ok bool
		if after, ok = request.ParseID(v); !ok {
			return invalidParameter("after", "is not the next of a page")
		}
	}
	if v := c.QueryParam("tenant_id"); v != "" {
		var err error
		if tenantID, err = strconv.ParseInt(v, 10, 64); err != nil || tenantID <= 0 {
			return invalidParameter("tenant_id", "is not a number")
		}
	}
	list, more, err := a.Connections.PageFor(c.Request().Context(), key, tenantID, after)
	if err != nil {
		return err
	}
	page := connectionsBody{Data: make([]connectionBody, len(list))}
	for i, connection := range list {
		page.Data[i] = bodyOf(connection)
	}
	if more {
		page.Next = list[len(list)-1].ID.String()
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
