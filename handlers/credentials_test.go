package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// ownClient makes a client for the tenant, as its admin would.
func (a *app) ownClient(tenant int) (id, secret string) {
	a.Helper()
	if err := a.sandbox.Allow(int64(tenant)); err != nil {
		a.Fatal(err)
	}
	id, secret, err := a.sandbox.Generate(int64(tenant), 1)
	if err != nil {
		a.Fatal(err)
	}
	return id, secret
}

// credentialsForm walks through the wizard to the form, and returns its choice.
func (m *member) credentialsForm(tenant int) (choice string) {
	m.Helper()
	form := m.post("/connect", "env", "sandbox", "how", "own_credentials", "tenant", fmt.Sprint(tenant)).want(m, 303, "/connect/credentials").location
	return hidden(m, m.get(form).want(m, 200).body, "choice")
}

// connectWith connects with a client of the tenant.
func (m *member) connectWith(tenant int, id, secret string) answer {
	m.Helper()
	return m.post("/connect/credentials", "choice", m.credentialsForm(tenant), "tenant", fmt.Sprint(tenant), "client", id, "secret", secret)
}

func TestOwnCredentials(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		id, secret := a.ownClient(northgate)
		// The values are pasted with the end of a label, spaces, and a line break.
		done := amy.post("/connect/credentials", "choice", amy.credentialsForm(south),
			"tenant", "My Tenant ID: 842-193-311", "client", " "+id+"\u200b", "secret", secret+"\r\n").want(a, 303, "/connections/").location
		if page := text(amy.get(done).want(a, 200).body); !strings.Contains(page, "ServiceTitan is connected") {
			t.Errorf("got %s", page)
		}
		path, _, _ := strings.Cut(done, "?")
		if page := text(amy.get(path).want(a, 200).body); !strings.Contains(page, "Use a client ID and secret") || strings.Contains(page, "New Version") {
			t.Errorf("got %s", page)
		}

		// Renewal decrypts the client, and one request is enough.
		before := a.tokenRequests()
		a.clock.Add(16 * time.Minute)
		amy.post(path+"/test").want(a, 303)
		if page := text(amy.get(path).body); !strings.Contains(page, "Last test: passed") || a.tokenRequests() != before+1 {
			t.Errorf("%d requests; got %s", a.tokenRequests()-before, page)
		}

		// When the app is disabled in ServiceTitan, a person has to act. After it
		// is restored and the values are entered again, it is the same connection.
		if err := a.sandbox.Disable(northgate); err != nil {
			t.Fatal(err)
		}
		a.clock.Add(16 * time.Minute)
		amy.post(path+"/test").want(a, 303)
		if page := text(amy.get(path).body); !strings.Contains(page, "Needs reconnect") || !strings.Contains(page, "no longer accepts the client ID and secret") {
			t.Errorf("got %s", page)
		}
		if err := a.sandbox.Restore(northgate); err != nil {
			t.Fatal(err)
		}
		form := amy.post(path+"/reconnect").want(a, 303, "/connect/credentials").location
		page := amy.get(form).want(a, 200).body
		if strings.Contains(page, `name="tenant"`) {
			t.Error("the tenant of a connection can be typed anew")
		}
		again := amy.post("/connect/credentials", "choice", hidden(t, page, "choice"), "client", id, "secret", secret).want(a, 303).location
		if !strings.HasPrefix(again, path+"?") {
			t.Errorf("reconnected as %s, not %s", again, path)
		}

		amy.post(path+"/disconnect").want(a, 303)
		if page := text(amy.get(path).body); !strings.Contains(page, "choose Disable next to Fieldbridge") {
			t.Errorf("got %s", page)
		}
		if n := a.count("SELECT count(*) FROM credentials"); n != 0 {
			t.Errorf("%d credentials are left", n)
		}
		if n := a.sandbox.Count(sandbox.PathRevocation); n != 0 {
			t.Errorf("%d revocations of what cannot be revoked", n)
		}
	})
}

// Replacing the secret keeps the old one until the new one works.
func TestReplaceSecret(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	id, first := a.ownClient(northgate)
	path, _, _ := strings.Cut(amy.connectWith(northgate, id, first).want(a, 303).location, "?")
	_, second, err := a.sandbox.Generate(northgate, 2)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(secret string) answer {
		form := amy.post(path+"/reconnect").want(a, 303).location
		return amy.post("/connect/credentials", "choice", hidden(t, amy.get(form).body, "choice"), "client", id, "secret", secret)
	}
	replace("cs2.wrong").want(a, 422)
	a.clock.Add(16 * time.Minute)
	amy.post(path+"/test").want(a, 303)
	if page := text(amy.get(path).body); !strings.Contains(page, "Last test: passed") {
		t.Errorf("a wrong new secret broke the old one: %s", page)
	}
	replace(second).want(a, 303)
	if err := a.sandbox.DeleteSecret(northgate, 1); err != nil {
		t.Fatal(err)
	}
	a.clock.Add(16 * time.Minute)
	amy.post(path+"/test").want(a, 303)
	if page := text(amy.get(path).body); !strings.Contains(page, "Last test: passed") {
		t.Errorf("the new secret is not in use: %s", page)
	}
}

// A connection may change its way; it stays the same connection.
func TestReconnectByAnotherWay(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	path := amy.connect("sandbox", northgate)
	id, secret := a.ownClient(northgate)
	form := amy.post(path+"/reconnect", "how", "own_credentials").want(a, 303, "/connect/credentials").location
	amy.post("/connect/credentials", "choice", hidden(t, amy.get(form).body, "choice"), "client", id, "secret", secret).want(a, 303, path)
	if n := a.sandbox.Count(sandbox.PathRevocation); n != 1 {
		t.Errorf("%d revocations of the grant that is no longer used, want 1", n)
	}
	page := text(amy.get(path).body)
	for _, part := range []string{"Use a client ID and secret", "Reconnected", "Earlier sign-in cleaned up"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not say %q: %s", part, page)
		}
	}
}

// Each refusal is shown at the field that it concerns. The secret is never shown
// again, and nothing is kept.
func TestOwnCredentialsRefused(t *testing.T) {
	const wrong = "cs1.stc_wrong_secret_typed"
	set := func(f sandbox.Fault) func(a *app) { return func(a *app) { a.sandbox.SetFault(f) } }
	tests := []struct {
		name               string
		tenant             string // Northgate's if empty
		client, secret     string // the right ones if empty
		before             func(a *app)
		status             int
		says               string
		unasked, showsNone bool
	}{
		{name: "tenant is no number", tenant: "Northgate", status: 422, says: "It has digits only", unasked: true},
		{name: "wrong secret", secret: wrong, status: 422, says: "did not accept this client ID and secret"},
		{name: "other environment", client: "cid.ofproduction", status: 422, says: "check that they are from Sandbox"},
		{name: "swapped", client: wrong, secret: "cid.swapped", status: 422, says: "seem to be swapped", showsNone: true},
		{name: "same twice", client: "cid.same", secret: "cid.same", status: 422, says: "same value as the client ID"},
		{name: "app key as ID", client: "ak1.stc_key", status: 422, says: "looks like an app key", showsNone: true},
		{name: "app key as secret", secret: "ak1.stc_key", status: 422, says: "looks like an app key"},
		{name: "no prefix", client: "northgate", status: 422, says: "usually begin with cid."},
		{name: "another tenant's", tenant: fmt.Sprint(south), status: 422, says: "belong to tenant 842193311, not to 905118274"},
		{name: "disabled", before: func(a *app) { _ = a.sandbox.Disable(northgate) }, status: 422, says: "did not accept"},
		{name: "scope missing", before: func(a *app) {
			a.sandbox.PublishVersion([]string{"tn.crm.customers:r"})
			_ = a.sandbox.Upgrade(northgate)
		}, status: 409, says: "Part of the access is missing"},
		{name: "403", before: set(sandbox.Fault{Path: sandbox.PathBusinessUnits, Kind: sandbox.Status403}), status: 409, says: "work, but not for this tenant"},
		{name: "404", before: set(sandbox.Fault{Path: sandbox.PathBusinessUnits, Kind: sandbox.Status404}), status: 422, says: "does not know this tenant ID"},
		{name: "401", before: set(sandbox.Fault{Path: sandbox.PathBusinessUnits, Kind: sandbox.Status401}), status: 409, says: "did not accept the access"},
		{name: "429", before: set(sandbox.Fault{Kind: sandbox.Status429, RetryAfter: 2 * time.Minute}), status: 503, says: "Try again in about 2 minutes"},
		{name: "503", before: set(sandbox.Fault{Kind: sandbox.Status503}), status: 503, says: "ServiceTitan is not answering"},
		{name: "reset", before: set(sandbox.Fault{Kind: sandbox.ResetBefore}), status: 503, says: "ServiceTitan is not answering"},
		{name: "garbage", before: set(sandbox.Fault{Kind: sandbox.Garbage}), status: 503, says: "ServiceTitan is not answering"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t)
			amy := a.signUp("Northgate", "Amy")
			id, secret := a.ownClient(northgate)
			if tt.client != "" {
				id = tt.client
			}
			if tt.secret != "" {
				secret = tt.secret
			}
			tenant := fmt.Sprint(northgate)
			if tt.tenant != "" {
				tenant = tt.tenant
			}
			choice := amy.credentialsForm(northgate)
			if tt.before != nil {
				tt.before(a)
			}
			page := amy.post("/connect/credentials", "choice", choice, "tenant", tenant, "client", id, "secret", secret).want(a, tt.status)
			if !strings.Contains(text(page.body), tt.says) {
				t.Errorf("the page does not say %q: %s", tt.says, text(page.body))
			}
			if after := page.header.Get("Retry-After"); after == "" && strings.Contains(tt.says, "Try again in") || after != "" && tt.status != 503 {
				t.Errorf("the page says %q, and its Retry-After %q", tt.says, after)
			}
			if secret != id && strings.Contains(page.body, secret) {
				t.Error("the secret is on the page")
			}
			if tt.showsNone && strings.Contains(page.body, id) {
				t.Error("a secret in the wrong field is on the page")
			}
			if asked := a.tokenRequests() > 0; asked == tt.unasked {
				t.Errorf("ServiceTitan was asked: %t", asked)
			}
			if n := a.count("SELECT count(*) FROM connections") + a.count("SELECT count(*) FROM credentials"); n != 0 {
				t.Errorf("%d rows are kept", n)
			}
			if strings.Contains(a.log.String(), secret) {
				t.Error("the secret is in the log")
			}
		})
	}
}

// Nobody can use our address to guess secrets.
func TestOwnCredentialsAreThrottled(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	id, _ := a.ownClient(northgate)
	for range 20 {
		amy.connectWith(northgate, id, "cs1.guess").want(a, 422)
	}
	asked := a.tokenRequests()
	if got := amy.connectWith(northgate, id, "cs1.guess").want(a, 429); got.header.Get("Retry-After") == "" || a.tokenRequests() != asked {
		t.Errorf("Retry-After %q, %d more requests", got.header.Get("Retry-After"), a.tokenRequests()-asked)
	}
}

// A tenant belongs to one company, however it is connected.
func TestOwnCredentialsTenantTaken(t *testing.T) {
	a := newApp(t)
	amy, bob := a.signUp("Northgate", "Amy"), a.signUp("South", "Bob")
	path := amy.connect("sandbox", northgate)
	id, secret := a.ownClient(northgate)
	page := text(bob.connectWith(northgate, id, secret).want(a, 409).body)
	if !strings.Contains(page, "connected to another company") || strings.Contains(page, "Amy") {
		t.Errorf("got %s", page)
	}
	if n := a.count("SELECT count(*) FROM events WHERE kind = 'tenant_conflict'"); n != 1 {
		t.Errorf("%d conflicts for staff to see, want 1", n)
	}
	amy.get(path).want(a, 200)
}

// The page says what the access lacks, and how to allow it.
func TestUpgradeNeeded(t *testing.T) {
	a := newApp(t)
	amy, sam := a.signUp("Northgate", "Amy"), a.staff("Sam", accounts.Support)
	id, secret := a.ownClient(northgate)
	a.sandbox.PublishVersion([]string{"tn.crm.customers:r", "tn.stt.businessunits:r"})
	if err := a.sandbox.Upgrade(northgate); err != nil {
		t.Fatal(err)
	}
	path, _, _ := strings.Cut(amy.connectWith(northgate, id, secret).want(a, 303).location, "?")
	amy.says(path, "Access is missing: bookings.", "Connected, part missing", "Upgrade to New Version")
	sam.says("/staff/queue", "Upgrade needed", "Northgate")
	sam.says("/staff"+path, "Upgrade needed: bookings")
	a.sandbox.PublishVersion([]string{"tn.crm.customers:r", "tn.crm.bookings:rw", "tn.stt.businessunits:r"})
	if err := a.sandbox.Upgrade(northgate); err != nil {
		t.Fatal(err)
	}
	a.clock.Add(16 * time.Minute)
	amy.post(path+"/test").want(a, 303)
	amy.saysNot(path, "needs your OK")
	sam.signInAgain() // the session was idle for too long
	sam.saysNot("/staff/queue", "Upgrade needed")
	if n := a.count("SELECT count(*) FROM events WHERE kind = 'upgrade_needed'"); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}
