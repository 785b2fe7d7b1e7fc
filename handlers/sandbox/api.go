package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	scopeBusinessUnits = "tn.stt.businessunits:r"

	defaultPageSize = 50
	largestPageSize = 500
)

// problem is the body of an API error.
type problem struct {
	Type    string              `json:"type"`
	Title   string              `json:"title"`
	Status  int                 `json:"status"`
	TraceID string              `json:"traceId"`
	Errors  map[string][]string `json:"errors"`
	Data    struct{}            `json:"data"`
}

// problem answers with an error, and with what is wrong with each parameter, if
// anything.
func (a *answer) problem(status int, title string, wrong map[string][]string) {
	if wrong == nil {
		wrong = map[string][]string{}
	}
	id := make([]byte, 24)
	_, _ = rand.Read(id) // it never fails
	a.jsonAs("application/problem+json", status, problem{
		Type: "about:blank", Title: title, Status: status, Errors: wrong,
		TraceID: "00-" + hex.EncodeToString(id[:16]) + "-" + hex.EncodeToString(id[16:]) + "-00",
	})
}

// admit answers with an error unless the request may read, with a scope, of the tenant
// in its path.
func (s *Sandbox) admit(a *answer, r *http.Request, scope string) (Tenant, bool) {
	appKey, token := r.Header.Get("ST-App-Key"), bearer(r)
	s.record(appKey, token)
	if !same(appKey, s.options.AppKey) {
		a.problem(http.StatusUnauthorized, "Application key not present, check ST-App-Key header value.", nil)
		return Tenant{}, false
	}
	s.mu.Lock()
	found, ok := s.grants.access[hash(token)]
	var state grantState
	var paused, removed, lost bool
	if ok {
		if s.now().Before(found.expires) {
			found.used(s.settings)
		}
		state = found.grant.state
		installed := s.app.installs[found.grant.tenantID].state
		limited := s.app.limits[found.grant.tenantID]
		paused = installed == disabled || limited.disabled
		lost = limited.refuses(scope)
		removed = installed != allowed && found.grant.clientID != ""
	}
	s.mu.Unlock()
	if !ok || state == revoked || !s.now().Before(found.expires) {
		a.header.Set("WWW-Authenticate", "Bearer")
		a.problem(http.StatusUnauthorized, "Access token is missing, not valid or expired.", nil)
		return Tenant{}, false
	}
	tenant, known := s.all().byID(s.all().known(r.PathValue("tenant")))
	switch {
	case !known:
		a.problem(http.StatusNotFound, "Tenant not found.", nil)
	case state == withdrawn || paused || removed:
		a.problem(http.StatusForbidden, "The application is not allowed for this tenant.", nil)
	case tenant.ID != found.grant.tenantID:
		a.problem(http.StatusForbidden, "The access token is not for this tenant.", nil)
	case lost || !slices.Contains(found.scopes, scope):
		a.problem(http.StatusForbidden, "The access token has no scope for this.", nil)
	default:
		return tenant, true
	}
	return Tenant{}, false
}

// bearer returns the access token. ServiceTitan's own examples leave out the scheme.
func bearer(r *http.Request) string {
	value := r.Header.Get("Authorization")
	if scheme, token, ok := strings.Cut(value, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return value
}

// page is the envelope of ServiceTitan's lists.
type page[R any] struct {
	Page       int  `json:"page"`
	PageSize   int  `json:"pageSize"`
	HasMore    bool `json:"hasMore"`
	TotalCount *int `json:"totalCount"`
	Data       []R  `json:"data"`
}

// row is a business unit as the API shows it.
type row struct {
	ID           int64     `json:"id"`
	Active       bool      `json:"active"`
	Name         string    `json:"name"`
	OfficialName string    `json:"officialName"`
	Email        *string   `json:"email"`
	Currency     string    `json:"currency"`
	PhoneNumber  *string   `json:"phoneNumber"`
	Address      address   `json:"address"`
	Tenant       tenantRef `json:"tenant"`
	CreatedOn    time.Time `json:"createdOn"`
	ModifiedOn   time.Time `json:"modifiedOn"`
	ExternalData *string   `json:"externalData"`
}

type address struct {
	Street  *string `json:"street"`
	Unit    *string `json:"unit"`
	City    string  `json:"city"`
	State   string  `json:"state"`
	Zip     *string `json:"zip"`
	Country string  `json:"country"`
}

type tenantRef struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	AccountCode *string   `json:"accountCode"`
	FranchiseID *string   `json:"franchiseId"`
	ConceptCode *string   `json:"conceptCode"`
	ModifiedOn  time.Time `json:"modifiedOn"`
}

// businessUnits answers GET /settings/v2/tenant/{tenant}/business-units.
func (s *Sandbox) businessUnits(a *answer, r *http.Request) {
	if tenant, ok := s.admit(a, r, scopeBusinessUnits); ok {
		showPage(a, r, tenant.rows)
	}
}

// showPage answers with the page of a list that the request asks for. The list is of
// the rows that match "True", "False", or "Any".
func showPage[R any](a *answer, r *http.Request, list func(active string) []R) {
	q, wrong := readPageQuery(r.URL.Query())
	if len(wrong) > 0 {
		a.problem(http.StatusBadRequest, "One or more validation errors occurred.", wrong)
		return
	}
	rows := list(q.active)
	// The page number is compared before it is multiplied, so that a huge one cannot
	// overflow.
	from := len(rows)
	if q.page-1 <= len(rows)/q.size {
		from = min((q.page-1)*q.size, len(rows))
	}
	to := min(from+q.size, len(rows))
	out := page[R]{Page: q.page, PageSize: q.size, HasMore: to < len(rows), Data: rows[from:to]}
	if q.total {
		total := len(rows)
		out.TotalCount = &total
	}
	a.json(http.StatusOK, out)
}

// rows returns the tenant's business units that match "True", "False", or "Any".
func (t Tenant) rows(active string) []row {
	rows := []row{} // an empty list, not null
	for _, unit := range t.BusinessUnits {
		if active != "Any" && unit.Active != (active == "True") {
			continue
		}
		rows = append(rows, row{
			ID: unit.ID, Active: unit.Active, Name: unit.Name, OfficialName: t.Name, Currency: "USD",
			Address:   address{City: t.City, State: t.State, Country: "USA"},
			Tenant:    tenantRef{ID: t.ID, Name: t.Name, ModifiedOn: tenantsSince()},
			CreatedOn: tenantsSince(), ModifiedOn: tenantsSince(),
		})
	}
	return rows
}

type pageQuery struct {
	page, size int
	total      bool
	active     string
}

// readPageQuery reads the parameters that all lists have, and says what is wrong with
// each.
func readPageQuery(q url.Values) (pageQuery, map[string][]string) {
	read, wrong := pageQuery{page: 1, size: defaultPageSize, active: "True"}, map[string][]string{}
	var err error
	if v := q.Get("page"); v != "" {
		if read.page, err = strconv.Atoi(v); err != nil || read.page < 1 {
			wrong["page"] = []string{"must be a number from 1"}
		}
	}
	if v := q.Get("pageSize"); v != "" {
		if read.size, err = strconv.Atoi(v); err != nil || read.size < 1 || read.size > largestPageSize {
			wrong["pageSize"] = []string{"must be a number from 1 to " + strconv.Itoa(largestPageSize)}
		}
	}
	if v := q.Get("includeTotal"); v != "" {
		if read.total, err = strconv.ParseBool(v); err != nil {
			wrong["includeTotal"] = []string{"must be true or false"}
		}
	}
	if v := q.Get("active"); v != "" {
		if read.active = v; v != "True" && v != "False" && v != "Any" {
			wrong["active"] = []string{"must be True, False or Any"}
		}
	}
	return read, wrong
}
