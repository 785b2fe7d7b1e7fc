package handlers_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// A company can use up only its own attempts. Staff can still finish its setup.
func TestCompanyCannotUseUpStaffsTries(t *testing.T) {
	a := newApp(t)
	amy, sam := a.signUp("Harbor Line", "Amy"), a.staff("Sam", accounts.Support)
	if err := a.sandbox.AddTenant(harbor); err != nil {
		t.Fatal(err)
	}
	id, secret := a.ownClient(harbor)
	desk := "/staff" + amy.guided(harbor)
	sam.post(desk+"/tenant-added").want(a, 303)
	sam.confirm(desk).want(a, 303)
	choice := amy.credentialsForm(northgate)
	last := answer{}
	for range 21 {
		last = amy.post("/connect/credentials", "choice", choice, "tenant", "842193311", "client", "cid.x", "secret", "cs1.x")
	}
	if last.want(a, 429, "Please wait a moment").header.Get("Retry-After") == "" {
		t.Error("nothing says when to try again")
	}
	sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 303, desk)
}

// Refusing again and again adds neither endless rows nor one event each.
func TestAuthorizeAndRefuseIsBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		var last answer
		for range 40 {
			review := amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", "842193311").want(a, 303).location
			last = amy.post("/connect/authorize", "choice", hidden(t, amy.get(review).body, "choice"))
			if last.status == 303 {
				amy.get(amy.atServiceTitan(last.location, northgate, "Deny")).want(a, 200, "Nothing was changed")
			}
		}
		if last.want(a, 429, "Please wait a moment", "You can try again in").header.Get("Retry-After") == "" {
			t.Error("nothing says when to try again")
		}
		if n := a.count("SELECT count(*) FROM authorizations"); n > 5 {
			t.Errorf("%d authorizations are kept", n)
		}
		if n, m := a.count("SELECT count(*) FROM events"), a.count("SELECT sum(repeats + 1) FROM events"); n != 1 || m != 30 {
			t.Errorf("%d entries tell of %d refusals, want 1 of 30", n, m)
		}
	})
}

// Connecting another account starts with an empty field, but Back does not.
func TestConnectAnotherIsEmpty(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	for _, wrong := range []string{"905118274905118274", "10000000000"} {
		for _, way := range []string{"sign_in", "guided", "own_credentials"} {
			amy.post("/connect", "env", "sandbox", "how", way, "tenant", wrong).want(a, 422, "10 at most")
		}
	}
	review := amy.post("/connect", "env", "sandbox", "how", "guided", "tenant", "842193311").want(a, 303).location
	back := between(t, amy.get(review).want(a, 200).body, `href="/connect?choice=`, `"`)
	amy.get("/connect?choice="+back).want(a, 200, `value="842193311"`)
	if page := amy.get("/connect?how=guided&env=sandbox").want(a, 200, `name="tenant"`).body; strings.Contains(page, "842193311") {
		t.Error("the field has the previous number")
	}
	review = amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", "842193311").want(a, 303).location
	amy.get(review).want(a, 200, "<span>842</span><span>193</span><span>311</span>")
}
