package sandbox_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// allAreas gives the app a scope for each area of the API.
func allAreas(o *sandbox.Options) {
	o.Scopes = []string{
		"tn.stt.businessunits:r", "tn.stt.technicians:r", "tn.crm.customers:r", "tn.jpm.jobs:r", "tn.acc.invoices:r", "offline_access",
	}
}

// read returns the answer of a list of the API.
func (s *stand) read(path string, tenantID int64, accessToken string) reply {
	s.Helper()
	r := s.request(http.MethodGet, strings.Replace(path, "{tenant}", strconv.FormatInt(tenantID, 10), 1), nil)
	r.Header.Set("Authorization", "Bearer "+accessToken)
	r.Header.Set("ST-App-Key", appKey)
	return s.send(r)
}

// The lists of each area, with their scopes.
func areaScopes() map[string]string {
	return map[string]string{
		sandbox.PathBusinessUnits: "tn.stt.businessunits:r", sandbox.PathTechnicians: "tn.stt.technicians:r",
		sandbox.PathCustomers: "tn.crm.customers:r", sandbox.PathJobs: "tn.jpm.jobs:r", sandbox.PathInvoices: "tn.acc.invoices:r",
	}
}

// Each area of the API needs its own scope.
func TestAreas(t *testing.T) {
	t.Parallel()
	for path, scope := range areaScopes() {
		s := start(t, allAreas)
		got := s.read(path+"?includeTotal=true&pageSize=2", northgate, s.connect(northgate).AccessToken)
		body := answers[struct {
			HasMore    bool
			TotalCount int
			Data       []map[string]any
		}](t, got, http.StatusOK)
		if !body.HasMore || body.TotalCount != 3 || len(body.Data) != 2 || body.Data[0]["id"] == body.Data[1]["id"] {
			t.Errorf("%s: %s", path, got.body)
		}
		if s.Count(path) != 1 || s.Requests()[len(s.Requests())-1].TenantID != northgate {
			t.Errorf("%s is not among the requests", path)
		}
		if empty := s.read(path, empty, s.connect(empty).AccessToken).body; !strings.Contains(empty, `"data":[]`) {
			t.Errorf("%s: an empty list is %s", path, empty)
		}
		without := start(t, allAreas, func(o *sandbox.Options) {
			o.Scopes = []string{"tn.crm.bookings:rw", "offline_access"}
			for other, also := range areaScopes() {
				if other != path {
					o.Scopes = append(o.Scopes, also)
				}
			}
		})
		token := without.connect(northgate).AccessToken
		for other := range areaScopes() {
			want := http.StatusOK
			if other == path {
				want = http.StatusForbidden
			}
			if got := without.read(other, northgate, token); got.status != want {
				t.Errorf("%s without %s: %d, want %d", other, scope, got.status, want)
			}
		}
	}
}

// A lost scope closes one area, for old tokens too. New tokens lack it, or still list
// it.
func TestLoseScope(t *testing.T) {
	t.Parallel()
	const scope = "tn.crm.customers:r"
	for _, listed := range []bool{false, true} {
		s := start(t, allAreas)
		mine, other := s.account(northgate), s.account(south)
		form := tokenForm("grant_type", "client_credentials", "client_id", mine.client, "client_secret", mine.secret)
		check := func(lost bool) {
			t.Helper()
			own := s.ownToken(form)
			renewed := answers[ownTokens](t, s.post("/connect/token", tokenForm("grant_type", "refresh_token", "refresh_token", mine.refresh)), http.StatusOK)
			mine.refresh = renewed.RefreshToken
			for _, token := range []ownTokens{own, renewed} {
				if has := strings.Contains(token.Scope, scope); has == (lost && !listed) {
					t.Errorf("lost: %t, listed: %t, scopes are %s", lost, listed, token.Scope)
				}
			}
			for path := range areaScopes() {
				want := http.StatusOK
				if lost && path == sandbox.PathCustomers {
					want = http.StatusForbidden
				}
				for _, token := range []string{own.AccessToken, renewed.AccessToken, mine.own} {
					if got := s.read(path, northgate, token); got.status != want {
						t.Errorf("%s answers %d, want %d", path, got.status, want)
					}
				}
			}
		}
		action := "lose_scope"
		if listed {
			action = "refuse_scope"
		}
		wantWords(t, s.press(action, "tenant", fmt.Sprint(northgate), "scope", scope).body, "Companies that lost the scope: 1.", `value="`+scope+`" selected`)
		check(true)
		if got := s.read(sandbox.PathCustomers, south, other.own); got.status != http.StatusOK {
			t.Errorf("another tenant gets %d", got.status)
		}
		wantWords(t, s.press("restore", "tenant", fmt.Sprint(northgate)).body, "Companies restored: 1.")
		check(false)
	}
	s := start(t)
	for _, scope := range []string{"", "offline_access", "tn.acc.invoices:r"} {
		if _, err := s.LoseScope(0, scope, false); err == nil {
			t.Errorf("scope %q was lost, which the app does not have", scope)
		}
	}
}

// An app that is disabled silently gets tokens, which open nothing.
func TestDisableSilently(t *testing.T) {
	t.Parallel()
	s := start(t, allAreas)
	mine := s.account(northgate)
	form := tokenForm("grant_type", "client_credentials", "client_id", mine.client, "client_secret", mine.secret)
	s.control("POST", "tenants/all/disable_silently", "")
	own := s.ownToken(form)
	for path, scope := range areaScopes() {
		if got := s.read(path, northgate, own.AccessToken); got.status != http.StatusForbidden || !strings.Contains(own.Scope, scope) {
			t.Errorf("%s answers %d to a token with %s", path, got.status, own.Scope)
		}
	}
	// The tenant's admin sees it, and can take it back.
	tenant := fmt.Sprintf("/tenant/%d", northgate)
	page := s.get(tenant).body
	wantWords(t, page, "Disabled, version 1", "Restore access")
	_, fields := s.form(page)
	fields.Set("action", "restore")
	if to := s.post(tenant, fields).location(t).Path; to != tenant {
		t.Errorf("restoring leads to %s", to)
	}
	s.wantAPI(northgate, own.AccessToken, http.StatusOK)
	if got := answers[struct{ Count int }](t, s.control("POST", "tenants/all/restore", ""), 200); got.Count != len(s.Tenants())-1 {
		t.Errorf("%d were restored, want all others", got.Count)
	}
	if r := s.control("POST", "tenants/all/lose_scope", `{"scope":"tn.jpm.jobs:r"}`); r.status != http.StatusOK {
		t.Errorf("answer %d %s", r.status, r.body)
	}
	if got := s.read(sandbox.PathJobs, northgate, own.AccessToken); got.status != http.StatusForbidden {
		t.Errorf("jobs answer %d", got.status)
	}
}
