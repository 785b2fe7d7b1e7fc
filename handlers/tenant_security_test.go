package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

func TestWrongTenant(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		page := amy.get(amy.atServiceTitan(amy.begin("sandbox", northgate), south, "Allow"))
		page.want(a, 409, "different ServiceTitan company", fmt.Sprint(northgate))
		page.want(a, 409, fmt.Sprint(south))
		if n := a.count("SELECT count(*) FROM connections"); n != 0 {
			t.Errorf("%d connections", n)
		}
		if n := a.sandbox.Count("/connect/revocation"); n != 1 {
			t.Errorf("%d revocations of the access that is not kept, want 1", n)
		}

		// On a reconnect, the old access stays in use.
		path := amy.connect("sandbox", northgate)
		sealed := a.lookup("SELECT generation FROM credentials")
		review := amy.post(path+"/reconnect").want(a, 303).location
		authorize := amy.post("/connect/authorize", "choice", hidden(t, amy.get(review).body, "choice")).location
		amy.get(amy.atServiceTitan(authorize, south, "Allow")).want(a, 409, "different ServiceTitan company")
		if now := a.lookup("SELECT generation FROM credentials"); now != sealed {
			t.Error("the old credential was replaced")
		}
		amy.post(path+"/test").want(a, 303)
		amy.get(path).want(a, 200, "Test passed")
	})
}

// tenantMarkup returns a tenant ID as the review shows it, in groups of three
// digits.
func tenantMarkup(id int) string {
	digits, markup := fmt.Sprint(id), ""
	for n := len(digits); n > 0; n = max(0, n-3) {
		markup = "<span>" + digits[max(0, n-3):n] + "</span>" + markup
	}
	return markup
}

// Before control is proved, all tenants get the same answer. After that, a tenant
// of another company is refused without naming the company.
func TestTenantOfAnotherCompany(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Alpine Air", "Amy"), a.signUp("B", "Bob")
		path := amy.connect("sandbox", northgate)
		taken := bob.get(bob.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(northgate)).want(a, 303).location)
		free := bob.get(bob.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(south)).want(a, 303).location)
		alike := func(page answer, tenant int) string {
			return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(page.body, fmt.Sprint(tenant), "TENANT"), tenantMarkup(tenant), "TENANT"), hidden(t, page.body, "choice"), "CHOICE")
		}
		if alike(taken, northgate) != alike(free, south) {
			t.Error("the review tells a taken tenant from a free one")
		}
		page := bob.get(bob.trip("sandbox", northgate)).want(a, 409, "connected to another company")
		if strings.Contains(page.body, "Alpine") {
			t.Error("the page names the other company")
		}
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'tenant_conflict'"); n != 1 {
			t.Errorf("%d conflict events, want 1", n)
		}
		amy.get(path).want(a, 200, "Connected")
		if strings.Contains(amy.get(path).body, "Another company") {
			t.Error("the company is told of the conflict; it is for staff")
		}
		// After it is disconnected, the tenant is free.
		amy.post(path+"/disconnect").want(a, 303)
		bob.connect("sandbox", northgate)
	})
}

// Each answer to the check call has its page.
func TestCheckCallAnswers(t *testing.T) {
	for kind, want := range map[sandbox.FaultKind]struct {
		status int
		page   string
	}{
		sandbox.Status401: {409, "did not accept the access"},
		sandbox.Status403: {409, "has not allowed Fieldbridge yet"},
		sandbox.Status404: {409, "does not know this tenant ID"},
		sandbox.Status429: {503, "asks us to wait"},
		sandbox.Status500: {503, "not answering"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			a := newApp(t)
			amy := a.signUp("A", "Amy")
			back := amy.trip("sandbox", northgate)
			a.sandbox.SetFault(sandbox.Fault{Kind: kind, Path: sandbox.PathBusinessUnits})
			amy.get(back).want(a, want.status, want.page)
			if n := a.count("SELECT count(*) FROM connections"); n != 0 {
				t.Errorf("%d connections", n)
			}
			if n := a.sandbox.Count("/connect/revocation"); n != 1 {
				t.Errorf("%d revocations of the access that is not kept, want 1", n)
			}
			a.sandbox.ClearFaults()
			amy.connect("sandbox", northgate)
		})
	}
}
