package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// confirm records that an admin of the tenant says that the company controls it.
// More fields come after those of a valid form and replace them.
func (m *member) confirm(desk string, more ...string) answer {
	m.Helper()
	fields := map[string]string{
		"admin": "Dana Whitfield", "role": "Owner", "channel": "called_back", "contact": "602-555-0142, from their website",
		"reached": m.clock.Now().UTC().Format("2006-01-02T15:04"),
	}
	for i := 0; i+1 < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	var pairs []string
	for name, value := range fields {
		pairs = append(pairs, name, value)
	}
	return m.post(desk+"/confirm", pairs...)
}

// A person who enters another company's tenant ID gets it connected only if an
// admin of that tenant agrees, even though the tenant already allows the app.
func TestSetupNeedsProofOfControl(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		bob, sam := a.signUp("Stranger", "Bob"), a.staff("Sam", accounts.Support)
		if err := a.sandbox.AddTenant(harbor); err != nil {
			t.Fatal(err)
		}
		id, secret := a.ownClient(harbor)
		path := bob.guided(harbor)
		desk := "/staff" + path
		sam.post(desk+"/tenant-added").want(a, 303)
		bob.post(path+"/allowed").want(a, 303)
		if page := sam.says(desk, "Confirm who controls the tenant"); strings.Contains(page, `name="secret"`) {
			t.Error("the form for client ID and secret is offered")
		}
		sam.says("/staff/queue", "Confirm who controls the tenant")
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 409, "Nobody at the tenant has confirmed it yet")
		a.nothingConnected(0)
		if a.tokenRequests() != 0 {
			t.Error("the client was tried")
		}
		bob.says(path, "We confirm it with your ServiceTitan admin", "Our turn")

		now := a.clock.Now().UTC()
		for name, fields := range map[string][]string{
			"nobody":         {"admin", " "},
			"no role":        {"role", ""},
			"no way":         {"channel", "believed"},
			"no number":      {"contact", ""},
			"tomorrow":       {"reached", now.Add(24 * time.Hour).Format("2006-01-02T15:04")},
			"long ago":       {"reached", now.Add(-9 * 24 * time.Hour).Format("2006-01-02T15:04")},
			"no time":        {"reached", "noon"},
			"hidden text":    {"admin", "Dana\u202eWhitfield"},
			"a filler alone": {"admin", "\u3164\u3164"},
			"private use":    {"role", "Owner\ue000"},
			"a secret":       {"contact", "cs1.stc_0123456789"},
			"an endless one": {"role", strings.Repeat("x", 101)},
		} {
			if got := sam.confirm(desk, fields...); got.status != 422 {
				t.Errorf("%s: status %d", name, got.status)
			}
		}
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 409)

		sam.confirm(desk).want(a, 303, desk)
		sam.confirm(desk).want(a, 303, desk)
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'setup_confirmed'"); n != 1 {
			t.Errorf("%d confirmations are recorded", n)
		}
		sam.says(desk, "Confirmed with Dana Whitfield, Owner", "602-555-0142", "Recorded by Sam")
		bob.says(path, "Confirmed with Dana Whitfield, Owner")
		bob.saysNot(path, "602-555-0142", "Sam")
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 303, desk)
		bob.says(path, "Connected")
	})
}

// Staff see every other company with a row for the tenant, in any state. The
// confirmation must say that staff have looked at them.
func TestOtherCompaniesOfATenantAreNamed(t *testing.T) {
	for _, state := range []string{"pending", "connected", "degraded", "reconnect_needed", "disconnected"} {
		t.Run(state, func(t *testing.T) {
			a := newApp(t)
			a.byHand = []string{"I5", "I6", "I7", "I8"}
			amy, bob, sam := a.signUp("Northgate Heating", "Amy"), a.signUp("Stranger", "Bob"), a.staff("Sam", accounts.Support)
			theirs := amy.guided(harbor)
			if state != "pending" {
				a.exec("UPDATE setups SET closed_at = since, waits_for = ''")
				a.exec("UPDATE connections SET setting_up = ?, state = ?", false, state)
			}
			path := bob.guided(harbor)
			desk := "/staff" + path
			for _, page := range []string{desk, "/staff/queue"} {
				if body := sam.says(page, "Northgate Heating"); !strings.Contains(body, `href="/staff`+theirs+`"`) {
					t.Errorf("%s does not lead to the other company’s connection", page)
				}
			}
			bob.saysNot(path, "Northgate")
			sam.post(desk+"/tenant-added").want(a, 303)
			sam.confirm(desk).want(a, 422, "Check the other companies first")
			sam.post(desk+"/credentials", "client", "cid.a", "secret", "cs1.b").want(a, 409)
			sam.confirm(desk, "despite", "yes").want(a, 303, desk)
			sam.says(desk, "Confirmed with Dana Whitfield", "Check and connect")
		})
	}
}

// A confirmation covers the companies that existed at the time. A company that
// appears later requires another confirmation. A withdrawn setup voids it. A
// reconnect of what was confirmed needs no new one.
func TestHowLongAConfirmationHolds(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, sam := a.signUp("Harbor Line", "Amy"), a.staff("Sam", accounts.Support)
		if err := a.sandbox.AddTenant(harbor); err != nil {
			t.Fatal(err)
		}
		id, secret := a.ownClient(harbor)
		path := amy.guided(harbor)
		desk := "/staff" + path
		sam.post(desk+"/tenant-added").want(a, 303)
		sam.confirm(desk).want(a, 303)
		amy.post(path+"/withdraw").want(a, 303)
		amy.guided(harbor)
		sam.post(desk+"/tenant-added").want(a, 303)
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 409)

		sam.confirm(desk).want(a, 303)
		sam.post(desk+"/send-back", "problem", "tenant_unknown").want(a, 303)
		amy.post(path+"/withdraw").want(a, 303)
		amy.guided(harbor)
		sam.post(desk+"/tenant-added").want(a, 303)
		sam.confirm(desk).want(a, 303)
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 303, desk)

		// The same company asks again.
		again := func() {
			form := amy.post(path+"/reconnect", "how", "guided").want(a, 303).location
			amy.post("/connect/guided", "choice", hidden(t, amy.get(form).body, "choice")).want(a, 303, path)
		}
		again()
		amy.says(path, "Confirmed with Dana Whitfield, Owner")
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 303, desk)

		// Another company enters the tenant ID in the meantime.
		again()
		bob := a.signUp("Stranger", "Bob")
		bob.guided(harbor)
		if page := sam.says(desk, "Stranger", "Confirm it again"); strings.Contains(page, `name="secret"`) {
			t.Error("the form for client ID and secret is offered")
		}
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 409)
		sam.confirm(desk, "despite", "yes").want(a, 303)
		sam.post(desk+"/credentials", "client", id, "secret", secret).want(a, 303, desk)
	})
}

// No connection is made if the setup is withdrawn, the company is locked, or the
// staff member is removed while ServiceTitan is asked.
func TestShutOutWhileStaffEnterCredentials(t *testing.T) {
	for name, tt := range map[string]struct {
		shutOut func(a *app, amy *member, path string)
		status  int
	}{
		"withdrawn": {func(a *app, amy *member, path string) { amy.post(path+"/withdraw").want(a, 303) }, 303},
		"withdrawn and asked for again": {func(a *app, amy *member, path string) {
			amy.post(path+"/withdraw").want(a, 303)
			amy.guided(harbor)
		}, 303},
		"locked": {func(a *app, amy *member, _ string) {
			a.staff("Ada", accounts.Admin).post("/staff/companies/"+a.companyOf(amy).String()+"/lock", "text", "x").want(a, 303)
		}, 403},
		"removed from staff": {func(a *app, _ *member, _ string) {
			if err := a.accounts().RemoveStaff(a.Context(), accounts.CommandLine("test"), "sam@fieldbridge.example"); err != nil {
				a.Fatal(err)
			}
		}, 403},
		"another company appears": {func(a *app, _ *member, _ string) { a.signUp("Stranger", "Bob").guided(harbor) }, 409},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, a *app) {
				amy, sam := a.signUp("Harbor Line", "Amy"), a.staff("Sam", accounts.Support)
				if err := a.sandbox.AddTenant(harbor); err != nil {
					t.Fatal(err)
				}
				id, secret := a.ownClient(harbor)
				path := amy.guided(harbor)
				sam.post("/staff"+path+"/tenant-added").want(a, 303)
				sam.confirm("/staff"+path).want(a, 303)
				a.held(func() answer {
					return sam.post("/staff"+path+"/credentials", "client", id, "secret", secret)
				}, func() { tt.shutOut(a, amy, path) }).want(a, tt.status)
				a.nothingConnected(0)
			})
		})
	}
}
