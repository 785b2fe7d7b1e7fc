package handlers_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// held makes a request whose call to ServiceTitan is held back. It does something
// in the meantime, and returns the request's answer.
func (a *app) held(request func() answer, meanwhile func()) answer {
	a.Helper()
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Hold, Path: sandbox.PathToken})
	var got answer
	var done sync.WaitGroup
	done.Go(func() { got = request() })
	<-a.sandbox.Held()
	meanwhile()
	a.sandbox.Release()
	done.Wait()
	a.sandbox.ClearFaults()
	return got
}

// nothingConnected checks that an attempt left no access behind, here or in
// ServiceTitan.
func (a *app) nothingConnected(revoked int) {
	a.Helper()
	if n := a.count("SELECT count(*) FROM credentials"); n != 0 {
		a.Errorf("%d credentials are stored", n)
	}
	if n := a.count("SELECT count(*) FROM connections WHERE state NOT IN ('pending', 'disconnected')"); n != 0 {
		a.Errorf("%d connections are connected", n)
	}
	if n := a.sandbox.Count(sandbox.PathRevocation); n != revoked {
		a.Errorf("%d revocations, want %d", n, revoked)
	}
}

// No connection is made if the company is locked, or the person is removed, while
// ServiceTitan is asked for the tokens. The tokens are withdrawn.
func TestShutOutDuringTheCallback(t *testing.T) {
	for name, tt := range map[string]struct {
		shutOut func(a *app, amy *member)
		outcome models.Outcome
		says    string
	}{
		"company locked": {func(a *app, amy *member) {
			company := a.companyOf(amy).String()
			a.staff("Ada", accounts.Admin).post("/staff/companies/"+company+"/lock", "text", "Requested by phone.").want(a, 303)
		}, "locked", "This account was locked"},
		"member removed": {func(a *app, amy *member) {
			a.exec("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = ?)", amy.email)
		}, "no_membership", "You no longer belong to this company"},
		"user disabled": {func(a *app, amy *member) {
			a.exec("UPDATE users SET disabled_at = ? WHERE email = ?", a.clock.Now().UTC(), amy.email)
		}, "no_membership", "You no longer belong to this company"},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, a *app) {
				amy := a.signUp("Northgate", "Amy")
				back := amy.trip("sandbox", northgate)
				got := a.held(func() answer { return amy.get(back) }, func() { tt.shutOut(a, amy) }).want(a, 403)
				if page := text(got.body); !strings.Contains(page, tt.says) || !strings.Contains(page, "Nothing was connected") {
					t.Errorf("the page does not say %q:\n%s", tt.says, page)
				}
				a.nothingConnected(1)
				if n := a.count("SELECT count(*) FROM events WHERE kind = 'connect_failed' AND outcome = ?", tt.outcome); n != 1 {
					t.Errorf("%d events tell of it", n)
				}
			})
		})
	}
}

// A reconnect that is shut out does not change the connection.
func TestShutOutDuringAReconnect(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		path := amy.connect("sandbox", northgate)
		ada := a.staff("Ada", accounts.Admin)
		review := amy.post(path+"/reconnect").want(a, 303).location
		authorize := amy.post("/connect/authorize", "choice", hidden(t, amy.get(review).body, "choice")).want(a, 303).location
		back := amy.atServiceTitan(authorize, northgate, "Allow")
		before := a.lookup("SELECT generation FROM connections")
		a.held(func() answer { return amy.get(back) }, func() {
			ada.post("/staff/companies/"+a.companyOf(amy).String()+"/lock", "text", "x").want(a, 303)
		}).want(a, 403, "This account was locked")
		if after := a.lookup("SELECT generation FROM connections"); after != before || a.count("SELECT count(*) FROM credentials") != 1 {
			t.Errorf("generation %s became %s", before, after)
		}
		if n := a.sandbox.Count(sandbox.PathRevocation); n != 1 {
			t.Errorf("%d revocations, want that of the new token alone", n)
		}
	})
}

// The same is true for a client ID and secret.
func TestShutOutWhileCredentialsAreTried(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, ada := a.signUp("Northgate", "Amy"), a.staff("Ada", accounts.Admin)
		id, secret := a.ownClient(northgate)
		choice := amy.credentialsForm(northgate)
		a.held(func() answer {
			return amy.post("/connect/credentials", "choice", choice, "tenant", "842193311", "client", id, "secret", secret)
		}, func() {
			ada.post("/staff/companies/"+a.companyOf(amy).String()+"/lock", "text", "x").want(a, 303)
		}).want(a, 403, "This account was locked")
		a.nothingConnected(0)
	})
}
