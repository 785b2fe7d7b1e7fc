package servicetitan

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Account holds what the check call says about a tenant.
type Account struct {
	// TenantID is the tenant that the API names, or 0 if no row names one.
	TenantID      int64
	Name          string
	BusinessUnits int
}

// AccountScope is the scope that the check call needs.
const AccountScope = "tn.stt.businessunits:r"

// businessUnits holds the fields that we read from the answer to GET
// /settings/v2/tenant/{tenant}/business-units.
type businessUnits struct {
	TotalCount *int `json:"totalCount"`
	Data       []struct {
		Name         string `json:"name"`
		OfficialName string `json:"officialName"`
		Tenant       *struct {
			ID   int64  `json:"id"`
			Name string `json:"name"`
		} `json:"tenant"`
	} `json:"data"`
}

// Account asks the API about the tenant, which proves that the token works for it.
func (c *Client) Account(ctx context.Context, access secret.Value, tenantID int64) (Account, error) {
	const op = "check account"
	a, err := c.read(ctx, op, access, "/settings/v2/tenant/"+strconv.FormatInt(tenantID, 10)+"/business-units?page=1&pageSize=1&includeTotal=true")
	if err != nil {
		return Account{}, err
	}
	if a.status != http.StatusOK {
		return Account{}, c.apiError(op, a)
	}
	var page businessUnits
	if err := json.Unmarshal(a.body, &page); err != nil {
		return Account{}, &Error{Op: op, Kind: Unavailable, Status: a.status, Err: errors.New("answer is not a page of business units")}
	}
	account := Account{BusinessUnits: len(page.Data)}
	if page.TotalCount != nil {
		account.BusinessUnits = *page.TotalCount
	}
	if len(page.Data) > 0 {
		unit := page.Data[0]
		account.Name = unit.OfficialName
		if account.Name == "" {
			account.Name = unit.Name
		}
		if unit.Tenant != nil {
			account.TenantID = unit.Tenant.ID
			if unit.Tenant.Name != "" {
				account.Name = unit.Tenant.Name
			}
		}
	}
	return account, nil
}

// apiError turns an API answer other than 200 into an Error.
func (c *Client) apiError(op string, a answer) *Error {
	var problem struct {
		Title   string `json:"title"`
		TraceID string `json:"traceId"`
	}
	_ = json.Unmarshal(a.body, &problem) // without a trace, TraceID stays empty
	e := &Error{Op: op, Kind: Unavailable, Status: a.status, TraceID: printable(problem.TraceID)}
	switch a.status {
	case http.StatusUnauthorized:
		e.Kind = Unauthorized
	case http.StatusForbidden:
		e.Kind = NotAllowed
	case http.StatusNotFound:
		e.Kind = TenantUnknown
	case http.StatusTooManyRequests:
		e.Kind = RateLimited
		e.RetryAfter = retryAfter(a.header, problem.Title, c.now())
	case http.StatusServiceUnavailable:
		e.RetryAfter = retryAfter(a.header, "", c.now())
	}
	return e
}

// printable keeps only characters that are safe in a log line.
func printable(s string) string {
	if len(s) > 128 {
		return ""
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return ""
		}
	}
	return s
}
