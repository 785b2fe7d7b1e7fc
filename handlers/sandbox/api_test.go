package sandbox_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

func TestAPIRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(s *stand, r *http.Request)
		status int
		title  string
	}{
		"no app key":          {func(_ *stand, r *http.Request) { r.Header.Del("ST-App-Key") }, 401, "Application key not present, check ST-App-Key header value."},
		"wrong app key":       {func(_ *stand, r *http.Request) { r.Header.Set("ST-App-Key", "ak1.wrong") }, 401, "Application key not present, check ST-App-Key header value."},
		"no token":            {func(_ *stand, r *http.Request) { r.Header.Del("Authorization") }, 401, ""},
		"unknown token":       {func(_ *stand, r *http.Request) { r.Header.Set("Authorization", "Bearer x.y.z") }, 401, ""},
		"token expired":       {func(s *stand, _ *http.Request) { s.pass(15 * time.Minute) }, 401, ""},
		"tokens expired now":  {func(s *stand, _ *http.Request) { s.ExpireAccessTokens(northgate) }, 401, ""},
		"access withdrawn":    {func(s *stand, _ *http.Request) { s.RevokeGrants(northgate) }, 403, ""},
		"another tenant":      {func(_ *stand, r *http.Request) { setTenant(r, "905118274") }, 403, ""},
		"unknown tenant":      {func(_ *stand, r *http.Request) { setTenant(r, "111") }, 404, ""},
		"tenant not a number": {func(_ *stand, r *http.Request) { setTenant(r, "northgate") }, 404, ""},
		"page 0":              {func(_ *stand, r *http.Request) { r.URL.RawQuery = "page=0" }, 400, ""},
		"page size too big":   {func(_ *stand, r *http.Request) { r.URL.RawQuery = "pageSize=501" }, 400, ""},
		"includeTotal odd":    {func(_ *stand, r *http.Request) { r.URL.RawQuery = "includeTotal=perhaps" }, 400, ""},
		"active odd":          {func(_ *stand, r *http.Request) { r.URL.RawQuery = "active=perhaps" }, 400, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			r := s.request(http.MethodGet, "/settings/v2/tenant/842193311/business-units", nil)
			r.Header.Set("Authorization", "Bearer "+s.connect(northgate).AccessToken)
			r.Header.Set("ST-App-Key", appKey)
			test.change(s, r)
			got := s.send(r)
			var body struct {
				Type, Title, TraceID string
				Status               int
				Errors               map[string][]string
				Data                 map[string]any
			}
			if err := json.Unmarshal([]byte(got.body), &body); err != nil {
				t.Fatalf("%d %s: %v", got.status, got.body, err)
			}
			if got.status != test.status || body.Status != test.status || !strings.Contains(body.Title, test.title) {
				t.Errorf("answer %d %s, want %d %s", got.status, got.body, test.status, test.title)
			}
			if body.Type == "" || body.Title == "" || body.TraceID == "" || body.Errors == nil || body.Data == nil {
				t.Errorf("a field is missing: %s", got.body)
			}
			if (test.status == 400) != (len(body.Errors) == 1) {
				t.Errorf("errors are %v", body.Errors)
			}
		})
	}
}

func setTenant(r *http.Request, id string) {
	r.URL.Path = "/settings/v2/tenant/" + id + "/business-units"
}

func TestBusinessUnits(t *testing.T) {
	t.Parallel()
	s := start(t)
	const harbor = 738846120 // has an inactive unit
	tokens := map[int64]string{northgate: s.connect(northgate).AccessToken, empty: s.connect(empty).AccessToken, harbor: s.connect(harbor).AccessToken}
	tests := map[string]struct {
		tenant int64
		query  string
		ids    []int64
		more   bool
		total  int // -1: null
	}{
		"all":            {northgate, "", []int64{301, 302, 303}, false, -1},
		"first of three": {northgate, "?page=1&pageSize=1&includeTotal=true", []int64{301}, true, 3},
		"last of three":  {northgate, "?page=2&pageSize=2&includeTotal=true", []int64{303}, false, 3},
		"past the end":   {northgate, "?page=9223372036854775807&pageSize=500", nil, false, -1},
		"none":           {empty, "?includeTotal=true", nil, false, 0},
		"active":         {harbor, "", []int64{331, 332}, false, -1},
		"inactive":       {harbor, "?active=False", []int64{333}, false, -1},
		"any":            {harbor, "?active=Any", []int64{331, 332, 333}, false, -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := s.businessUnits(test.tenant, test.query, tokens[test.tenant])
			var body struct {
				HasMore    bool
				TotalCount *int
				Data       []struct {
					ID     int64
					Tenant struct{ ID int64 }
				}
			}
			if err := json.Unmarshal([]byte(got.body), &body); err != nil {
				t.Fatalf("%d %s: %v", got.status, got.body, err)
			}
			total := -1
			if body.TotalCount != nil {
				total = *body.TotalCount
			}
			if body.HasMore != test.more || total != test.total || len(body.Data) != len(test.ids) {
				t.Fatalf("answer %s", got.body)
			}
			for i, row := range body.Data {
				if row.ID != test.ids[i] || row.Tenant.ID != test.tenant {
					t.Errorf("row %d is %+v, want unit %d of tenant %d", i, row, test.ids[i], test.tenant)
				}
			}
			if strings.Contains(got.body, `"data":null`) {
				t.Error("an empty list is null")
			}
		})
	}
}

func TestRawTokenIsAccepted(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := s.request(http.MethodGet, "/settings/v2/tenant/842193311/business-units", nil)
	r.Header.Set("Authorization", s.connect(northgate).AccessToken)
	r.Header.Set("ST-App-Key", appKey)
	if got := s.send(r); got.status != http.StatusOK {
		t.Errorf("answer %d, want 200", got.status)
	}
	if last := lastRequest(s); last.Path != sandbox.PathBusinessUnits || last.TenantID != northgate {
		t.Errorf("noted as %+v", last)
	}
}

func TestWithdrawnTenantCanBeConnectedAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	old, other := s.connect(northgate), s.connect(south)
	s.RevokeGrants(northgate)
	s.wantRefreshRefused(old.RefreshToken)
	s.wantAPI(northgate, s.connect(northgate).AccessToken, http.StatusOK)
	s.wantAPI(northgate, old.AccessToken, http.StatusForbidden)
	s.wantAPI(south, other.AccessToken, http.StatusOK)
}

func TestTenants(t *testing.T) {
	t.Parallel()
	s := start(t)
	seen := map[int64]bool{}
	for _, tenant := range s.Tenants() {
		if tenant.ID < 100_000_000 || tenant.ID > 999_999_999 || seen[tenant.ID] || tenant.Name == "" {
			t.Errorf("tenant %+v", tenant)
		}
		seen[tenant.ID] = true
	}
	if !seen[northgate] || !seen[south] || !seen[empty] || len(seen) != 6 {
		t.Errorf("tenants are %v", seen)
	}
}
