package sandbox_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// harbor is a tenant that is not added to the app at the start.
const harbor = 738846120

// ownClient is a client of the tenant's own, ready to use.
func (s *stand) ownClient(tenantID int64) url.Values {
	s.Helper()
	if err := s.Allow(tenantID); err != nil {
		s.Fatal(err)
	}
	id, secret, err := s.Generate(tenantID, 1)
	if err != nil {
		s.Fatal(err)
	}
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
}

func (s *stand) do(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

type ownTokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
	Scope        string `json:"scope"`
}

func (s *stand) ownToken(form url.Values) (got ownTokens) {
	s.Helper()
	answer := s.post("/connect/token", form)
	if err := json.Unmarshal([]byte(answer.body), &got); err != nil || got.AccessToken == "" {
		s.Fatalf("answer %d %s", answer.status, answer.body)
	}
	return got
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := s.ownClient(northgate)
	got := s.ownToken(form)
	if got.RefreshToken != "" || got.ExpiresIn != 900 || got.Scope != "tn.crm.customers:r tn.crm.bookings:rw tn.stt.businessunits:r" {
		t.Errorf("got %+v", got)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(got.AccessToken, ".")[1])
	var claims struct {
		Tenant string `json:"tenant"`
		Client string `json:"client_id"`
	}
	if err := errors.Join(err, json.Unmarshal(payload, &claims)); err != nil || claims.Tenant != fmt.Sprint(northgate) || claims.Client != form.Get("client_id") {
		t.Errorf("claims %s, error %v", payload, err)
	}
	s.wantAPI(northgate, got.AccessToken, 200)
	s.wantAPI(south, got.AccessToken, 403)
	if last := s.Requests()[0]; last.TenantID != northgate || last.GrantType != "client_credentials" {
		t.Errorf("noted as %+v", last)
	}

	// Two secrets work at the same time, each until it is deleted.
	second := url.Values{"grant_type": {"client_credentials"}, "client_id": {form.Get("client_id")}}
	_, secret, err := s.Generate(northgate, 2)
	s.do(err)
	second.Set("client_secret", secret)
	s.ownToken(second)
	s.ownToken(form)
	s.do(s.DeleteSecret(northgate, 1))
	s.wantRefused(s.post("/connect/token", form), "invalid_client")
	s.ownToken(second)
	if !slices.Contains(s.Secrets(), secret) {
		t.Error("a generated secret is not recorded")
	}

	narrow := url.Values{"scope": {"tn.crm.customers:r"}}
	for name, value := range second {
		narrow[name] = value
	}
	s.wantAPI(northgate, s.ownToken(narrow).AccessToken, 403) // it lacks the scope
	if s.Reset(); s.post("/connect/token", second).oauthError() != "invalid_client" {
		t.Error("a client is left after a reset")
	}
}

func TestClientCredentialsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(s *stand, form url.Values)
		code   string
	}{
		"wrong secret":    {func(_ *stand, f url.Values) { f.Set("client_secret", "cs1.wrong") }, "invalid_client"},
		"no secret":       {func(_ *stand, f url.Values) { f.Del("client_secret") }, "invalid_client"},
		"unknown client":  {func(_ *stand, f url.Values) { f.Set("client_id", "cid.unknown") }, "invalid_client"},
		"empty slot":      {func(s *stand, _ url.Values) { s.do(s.DeleteSecret(northgate, 1)) }, "invalid_client"},
		"disabled":        {func(s *stand, _ url.Values) { s.do(s.Disable(northgate)) }, "invalid_client"},
		"removed":         {func(s *stand, _ url.Values) { s.do(s.RemoveTenant(northgate)) }, "invalid_client"},
		"offline access":  {func(_ *stand, f url.Values) { f.Set("scope", "offline_access") }, "invalid_scope"},
		"openid":          {func(_ *stand, f url.Values) { f.Set("scope", "openid") }, "invalid_scope"},
		"scope not given": {func(_ *stand, f url.Values) { f.Set("scope", "tn.acc.invoices:r") }, "invalid_scope"},
		"new version's scope": {func(s *stand, f url.Values) {
			s.PublishVersion([]string{"tn.acc.invoices:r"})
			f.Set("scope", "tn.acc.invoices:r")
		}, "invalid_scope"},
		"another grant": {func(_ *stand, f url.Values) {
			f.Set("grant_type", "refresh_token")
			f.Set("refresh_token", "stc_A.B")
		}, "unauthorized_client"},
		"the app's own client": {func(_ *stand, f url.Values) {
			f.Set("client_id", clientID)
			f.Set("client_secret", clientSecret)
		}, "unauthorized_client"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			form := s.ownClient(northgate)
			s.ownToken(form)
			test.change(s, form)
			s.wantRefused(s.post("/connect/token", form), test.code)
		})
	}
}

func TestAccessEndsWithTheApp(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := s.ownClient(northgate)
	token := s.ownToken(form).AccessToken
	signedIn := s.connect(northgate).AccessToken
	s.do(s.Disable(northgate))
	s.wantAPI(northgate, token, 403)
	s.wantAPI(northgate, signedIn, 403)
	s.do(s.Restore(northgate))
	s.wantAPI(northgate, token, 200)
	s.wantAPI(northgate, signedIn, 200)
	s.do(s.RemoveTenant(northgate))
	s.wantAPI(northgate, token, 403)
	s.wantAPI(northgate, signedIn, 200)
	s.ExpireAccessTokens(northgate)
	s.wantAPI(northgate, token, 401)
}

func TestVersionHoldsOnceUpgraded(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := s.ownClient(northgate)
	s.PublishVersion([]string{"tn.stt.businessunits:r", "tn.acc.invoices:r"})
	if got := s.ownToken(form).Scope; strings.Contains(got, "invoices") {
		t.Errorf("scopes %s before the upgrade", got)
	}
	s.do(s.Upgrade(northgate))
	if got := s.ownToken(form).Scope; got != "tn.stt.businessunits:r tn.acc.invoices:r" {
		t.Errorf("scopes %s after the upgrade", got)
	}
}

func TestAppSteps(t *testing.T) {
	t.Parallel()
	s := start(t)
	generate := func(tenantID int64, slot int) error { _, _, err := s.Generate(tenantID, slot); return err }
	for _, step := range []struct {
		name string
		err  error
		want error
	}{
		{"allow what is not added", s.Allow(harbor), sandbox.ErrNotAdded},
		{"generate what is not added", generate(harbor, 1), sandbox.ErrNotAdded},
		{"add", s.AddTenant(harbor), nil},
		{"add again", s.AddTenant(harbor), nil},
		{"generate before it is allowed", generate(harbor, 1), sandbox.ErrNotConnected},
		{"disable before it is allowed", s.Disable(harbor), sandbox.ErrNotConnected},
		{"allow", s.Allow(harbor), nil},
		{"generate a third", generate(harbor, 3), sandbox.ErrNoSlot},
		{"delete a third", s.DeleteSecret(harbor, 3), sandbox.ErrNoSlot},
		{"disable", s.Disable(harbor), nil},
		{"generate while disabled", generate(harbor, 1), sandbox.ErrNotConnected},
		{"upgrade while disabled", s.Upgrade(harbor), sandbox.ErrNotConnected},
		{"no such tenant", s.AddTenant(12), sandbox.ErrNoTenant},
	} {
		if !errors.Is(step.err, step.want) {
			t.Errorf("%s: %v, want %v", step.name, step.err, step.want)
		}
	}
}

// The whole path on both sides, with the buttons of the pages.
func TestPortalAndTenantPages(t *testing.T) {
	t.Parallel()
	s := start(t)
	tenant := fmt.Sprintf("/tenant/%d", harbor)
	wants := func(path string, words ...string) string {
		t.Helper()
		page := s.get(path).body
		for _, part := range words {
			if !strings.Contains(page, part) {
				t.Errorf("%s does not say %q:\n%s", path, part, page)
			}
		}
		return page
	}
	portal := wants("/portal", "Not added", "Not Connected Yet", "The two Northgates are added from the start")
	if n := strings.Count(portal, `"Status">Not Connected Yet`); n != 2 {
		t.Errorf("%d are added from the start:\n%s", n, portal)
	}
	_, fields := s.form(portal)
	press := func(path string, pairs ...string) reply {
		t.Helper()
		form := url.Values{"token": fields["token"], "tenant": {fmt.Sprint(harbor)}}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return s.post(path, form)
	}
	wants("/", "/portal", tenant)
	wants(tenant, "has not added this tenant ID")
	press("/portal", "action", "add").location(t)
	wants(tenant, "Connect New App")
	wants(tenant+"/review", "Allow Access", "Decline")
	press(tenant, "action", "decline").location(t)
	wants(tenant, "Connect New App")
	press(tenant, "action", "allow").location(t)
	wants(tenant, "Connected", "cid.sandbox")

	made := press("/portal", "action", "generate", "slot", "1")
	secret := regexp.MustCompile(`cs1\.stc_\w+`).FindString(made.body)
	id := regexp.MustCompile(`cid\.sandbox\w+`).FindString(made.body)
	if secret == "" || strings.Contains(wants("/portal", "cs1 in use"), secret) {
		t.Errorf("the secret is not shown once: %s", made.body)
	}
	s.ownToken(url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}})

	press("/portal", "action", "publish", "scopes", "tn.stt.businessunits:r tn.acc.invoices:r").location(t)
	wants(tenant, "New Version Available", "Upgrade to New Version")
	wants(tenant+"/review", "added", "removed", `value="upgrade"`)
	press(tenant, "action", "upgrade").location(t)
	s.get(tenant + "/review").location(t) // there is nothing to review
	press(tenant, "action", "disable").location(t)
	wants(tenant, "Disabled", "Restore access")
	press(tenant, "action", "restore").location(t)
	press(tenant, "action", "delete", "slot", "1")
	wants(tenant, "cs1 empty")
	press("/portal", "action", "remove").location(t)
	wants(tenant, "has not added this tenant ID")

	for _, wrong := range []struct {
		path, pair string
		status     int
	}{
		{"/portal", "action=generate&slot=1", 422},
		{"/portal", "action=publish&scopes=+", 422},
		{"/portal", "action=add&tenant=12", 422},
		{"/portal", "action=other", 422},
		{tenant, "action=allow", 422},
		{tenant, "action=other", 422},
		{"/portal", "action=add&token=stale", 403},
		{tenant, "action=allow&token=stale", 403},
		{"/tenant/12", "action=allow", 404},
	} {
		form := url.Values{"token": fields["token"], "tenant": {fmt.Sprint(harbor)}}
		pairs, _ := url.ParseQuery(wrong.pair)
		for name, value := range pairs {
			form[name] = value
		}
		if got := s.post(wrong.path, form); got.status != wrong.status {
			t.Errorf("POST %s %s: %d, want %d", wrong.path, wrong.pair, got.status, wrong.status)
		}
	}
	if got := s.get("/tenant/12").status; got != 404 {
		t.Errorf("no such tenant: %d", got)
	}
}
