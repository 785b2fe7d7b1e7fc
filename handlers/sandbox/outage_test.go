package sandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// An outage fails every endpoint, for all tenants, until one switch brings it back.
func TestOutage(t *testing.T) {
	t.Parallel()
	s := start(t)
	mine := s.account(northgate)
	if s.BringBack() {
		t.Error("an outage ended that nobody began")
	}
	s.SetFault(sandbox.Fault{Kind: sandbox.Status500})
	wantWords(t, s.press("take_down", "kind", "status_503", "path", "*").body, "ServiceTitan is down.", "Unavailable (503), everywhere, all companies.", "Bring it back")
	s.wantAPI(northgate, mine.own, http.StatusServiceUnavailable)
	for _, path := range []string{"/.well-known/openid-configuration", "/connect/authorize", "/crm/v2/tenant/1/customers"} {
		if r := s.get(path); r.status != http.StatusServiceUnavailable {
			t.Errorf("%s answers %d", path, r.status)
		}
	}
	form := tokenForm("grant_type", "refresh_token", "refresh_token", mine.refresh)
	if r := s.post("/connect/token", form); r.status != http.StatusServiceUnavailable { // it comes before the 500
		t.Errorf("renewing answers %d", r.status)
	}
	if r := s.get("/portal"); r.status != http.StatusOK {
		t.Errorf("the portal answers %d", r.status)
	}
	// A second outage replaces the first one.
	s.press("take_down", "kind", "reset_before", "path", "/connect/token", "percent", "100")
	s.wantAPI(northgate, mine.own, http.StatusOK)
	if _, err := s.try(s.request(http.MethodPost, "/connect/token", form)); err == nil {
		t.Error("the connection was not reset")
	}
	s.press("bring_back")
	if r := s.post("/connect/token", form); r.status != http.StatusInternalServerError {
		t.Errorf("renewing answers %d, want the other fault", r.status)
	}
	s.ClearFaults()
	if r := s.post("/connect/token", form); r.status != http.StatusOK { // the outage has not used the token
		t.Errorf("renewing answers %d after the outage", r.status)
	}
	for name, form := range map[string][]string{
		"no kind": {}, "another kind": {"kind", "garbage"}, "unknown endpoint": {"kind", "status_503", "path", "/connect/tokens"},
		"more than all": {"kind", "status_503", "percent", "101"}, "half a percent": {"kind", "status_503", "percent", "0.5"},
	} {
		if r := s.post("/", s.homeForm("take_down", form...)); r.status != http.StatusUnprocessableEntity || len(s.Faults()) != 0 {
			t.Errorf("%s: answer %d", name, r.status)
		}
	}
}

func TestControlOutage(t *testing.T) {
	t.Parallel()
	s := start(t)
	made := answers[faultAnswer](t, s.control("POST", "outage", ""), 201)
	if made.Kind != "status_503" || made.Path != "*" || !strings.Contains(s.control("GET", "faults", "").body, `"outage":true`) {
		t.Errorf("made %+v", made)
	}
	answers[faultAnswer](t, s.control("POST", "outage", `{"kind":"no_answer","path":"api","percent":30}`), 201)
	if on := s.Faults(); len(on) != 1 || on[0].Percent != 30 || on[0].Path != sandbox.WholeAPI || on[0].Kind != sandbox.NoAnswer {
		t.Errorf("on are %+v", on)
	}
	if r := s.control("POST", "outage", `{"kind":"deny"}`); r.status != http.StatusUnprocessableEntity {
		t.Errorf("an outage that cannot be is answered %d", r.status)
	}
	for range 2 { // a program need not know whether there is an outage
		if r := s.control("DELETE", "outage", ""); r.status != http.StatusNoContent || len(s.Faults()) != 0 {
			t.Errorf("its end is answered %d", r.status)
		}
	}
}

// A fault can meet a share of the tenants. The same ones fail each time, whichever
// request tells the sandbox which tenant it is about.
func TestShareOfTenants(t *testing.T) {
	t.Parallel()
	const tenants, percent = 400, 30
	s := start(t, func(o *sandbox.Options) { o.Tenants = sandbox.GeneratedTenants(tenants) })
	plan := func(path string) {
		t.Helper()
		s.ClearFaults()
		s.SetFault(sandbox.Fault{Kind: sandbox.Status503, Path: path, Percent: percent})
	}
	failing := 0
	for _, tenant := range sandbox.GeneratedTenants(tenants) {
		s.ClearFaults()
		signedIn := s.GiveAccess(tenant.ID)
		own, err := s.GiveClient(tenant.ID)
		s.do(err)
		plan(sandbox.Everywhere)
		api := s.businessUnits(tenant.ID, "", signedIn.AccessToken).status
		refresh := s.post("/connect/token", tokenForm("grant_type", "refresh_token", "refresh_token", signedIn.RefreshToken)).status
		client := s.post("/connect/token", tokenForm("grant_type", "client_credentials", "client_id", own.ClientID, "client_secret", own.ClientSecret)).status
		if api != refresh || api != client {
			t.Errorf("tenant %d gets %d, %d, and %d", tenant.ID, api, refresh, client)
		}
		if api == http.StatusServiceUnavailable {
			failing++
			plan(sandbox.PathToken)
			s.wantAPI(tenant.ID, signedIn.AccessToken, http.StatusOK)
		}
	}
	if share := 100 * failing / tenants; share < percent-7 || share > percent+7 {
		t.Errorf("%d%% of the tenants fail, want about %d%%", share, percent)
	}
	if r := s.get("/.well-known/openid-configuration"); r.status != http.StatusOK {
		t.Errorf("a request about no tenant gets %d", r.status)
	}
	wantWords(t, s.get("/").body, fmt.Sprintf("%d%% of companies", percent))
}
