package servicetitan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// Area is a part of a tenant's account that has a scope of its own.
type Area struct {
	// resource is what the area's scopes begin with.
	resource string
	// path is the address of a list in the area. It takes the tenant ID.
	path string
}

// areas are the areas besides business units that can be read with one small request.
// A 403 in one area means that its scope is missing. A 403 in all of them means that the
// app is not allowed for the tenant.
var areas = []Area{
	{"tn.crm.customers", "/crm/v2/tenant/%s/customers"},
	{"tn.jpm.jobs", "/jpm/v2/tenant/%s/jobs"},
	{"tn.acc.invoices", "/accounting/v2/tenant/%s/invoices"},
	{"tn.stt.technicians", "/settings/v2/tenant/%s/technicians"},
}

// AreasOf returns the areas that scopes cover, without the one that Account reads.
func AreasOf(scopes []string) []Area {
	return slices.DeleteFunc(slices.Clone(areas), func(a Area) bool {
		return !slices.Contains(scopes, a.resource+":r") && !slices.Contains(scopes, a.resource+":rw")
	})
}

// Reach asks the API for the smallest part of an area. It returns nil if the API answers.
func (c *Client) Reach(ctx context.Context, access secret.Value, tenantID int64, area Area) error {
	a, err := c.read(ctx, "reach "+area.resource, access, fmt.Sprintf(area.path, strconv.FormatInt(tenantID, 10))+"?page=1&pageSize=1")
	if err == nil && a.status != http.StatusOK {
		return c.apiError("reach "+area.resource, a)
	}
	return err
}

// read sends a GET request to the API.
func (c *Client) read(ctx context.Context, op string, access secret.Value, path string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.env.APIURL.String()+path, nil)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", op, err)
	}
	req.Header.Set("Authorization", "Bearer "+access.Reveal())
	req.Header.Set("ST-App-Key", c.env.AppKey.Reveal())
	return c.do(req, op)
}

// ForTenant returns an Error of kind TenantUnknown if an access token names another tenant.
// Most tokens name none.
func ForTenant(access secret.Value, tenantID int64) error {
	if claimed := tenantClaim(access.Reveal()); claimed != 0 && claimed != tenantID {
		return &Error{Op: "check account", Kind: TenantUnknown, Err: errors.New("the access token is for another tenant")}
	}
	return nil
}
