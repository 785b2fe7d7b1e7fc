package handlers_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// arrive makes a whole authorization at the issuer and back, with some changed
// claims in the ID token.
func (i *staffIssuer) arrive(b *browser, claims map[string]any) answer {
	b.Helper()
	back := i.trip(b)
	for name, value := range claims {
		i.claims[name] = value
	}
	return b.get("/staff/signin/callback?" + back.Encode())
}

// The first sign-in pins an account to the issuer's subject. From then on, the
// subject decides, whatever the email is, until the command line adds the person
// again.
func TestStaffArePinnedToTheirIdentity(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		i := newStaffIssuer(t)
		a.signStaffInAt(i.URL)
		a.addStaff("sam@fieldbridge.example", accounts.Support)
		a.addStaff("pat@fieldbridge.example", accounts.Support)
		i.arrive(a.newBrowser(), map[string]any{"sub": "sam-1"}).want(a, 303, "/staff")

		// Somebody else got the email at the issuer.
		before := len(a.log.String())
		thief := a.newBrowser()
		page := i.arrive(thief, map[string]any{"sub": "thief"}).want(a, 403, "another account", "ask an operator")
		thief.get("/staff").want(a, 303, "/signin")
		line := a.log.String()[before:]
		for _, part := range []string{"outcome=other_identity", "email_hash=", "fieldbridge staff add EMAIL", "support_code=" + supportCode.FindString(page.body)} {
			if !strings.Contains(line, part) {
				t.Errorf("the log does not say %s: %s", part, line)
			}
		}
		if strings.Contains(line, "sam@fieldbridge.example") {
			t.Error("the log has the email")
		}

		// The person's email changed at the issuer, even to that of another person.
		renamed := a.newBrowser()
		i.arrive(renamed, map[string]any{"sub": "sam-1", "email": "pat@fieldbridge.example"}).want(a, 303, "/staff")
		renamed.get("/staff").want(a, 200, "sam@fieldbridge.example")
		i.arrive(a.newBrowser(), map[string]any{"sub": "pat-1", "email": "pat@fieldbridge.example"}).want(a, 303, "/staff")

		// Nobody signs in without a subject.
		i.arrive(a.newBrowser(), map[string]any{"sub": ""}).want(a, 403)
		i.arrive(a.newBrowser(), map[string]any{"sub": strings.Repeat("x", 256)}).want(a, 403)

		// After the person is added again, the next sign-in counts.
		a.addStaff("sam@fieldbridge.example", accounts.Support)
		i.arrive(a.newBrowser(), map[string]any{"sub": "sam-2"}).want(a, 303, "/staff")
		i.arrive(a.newBrowser(), map[string]any{"sub": "sam-1"}).want(a, 403)

		// After the person is removed, nobody signs in with the pin, and it is free
		// for another account.
		if err := a.accounts().RemoveStaff(t.Context(), accounts.CommandLine("root"), "sam@fieldbridge.example"); err != nil {
			t.Fatal(err)
		}
		i.arrive(a.newBrowser(), map[string]any{"sub": "sam-2"}).want(a, 403, "Only people that an admin has added")
		a.addStaff("sam.new@fieldbridge.example", accounts.Support)
		i.arrive(a.newBrowser(), map[string]any{"sub": "sam-2", "email": "sam.new@fieldbridge.example"}).want(a, 303, "/staff")
	})
}

// If an authentication context class is required, the app asks for it, and an ID
// token without it lets nobody in.
func TestStaffSignInRequiresACR(t *testing.T) {
	a, i := withStaffIssuer(t)
	a.addStaff("sam@fieldbridge.example", accounts.Support)
	a.instance.staffIssuer.ACR = []string{"urn:example:2fa", "urn:example:hwk"}
	for name, tt := range map[string]struct {
		claims map[string]any
		status int
	}{
		"none":         {map[string]any{}, 403},
		"empty":        {map[string]any{"acr": ""}, 403},
		"another":      {map[string]any{"acr": "urn:example:pwd"}, 403},
		"both":         {map[string]any{"acr": "urn:example:2fa urn:example:hwk"}, 403},
		"not a string": {map[string]any{"acr": []string{"urn:example:2fa"}}, 403},
		"the first":    {map[string]any{"acr": "urn:example:2fa"}, 303},
		"the second":   {map[string]any{"acr": "urn:example:hwk"}, 303},
	} {
		t.Run(name, func(t *testing.T) {
			i.arrive(a.newBrowser(), tt.claims).want(t, tt.status)
			if got := i.asked.Get("acr_values"); got != "urn:example:2fa urn:example:hwk" {
				t.Errorf("acr_values is %q", got)
			}
		})
	}
	a.instance.staffIssuer.ACR = nil
	i.arrive(a.newBrowser(), nil).want(a, 303)
	if i.asked.Has("acr_values") {
		t.Error("without a required class, one is asked for")
	}
}

// Nothing that an authorization at the issuer depends on is in the database
// unencrypted.
func TestStaffAuthorizationIsEncrypted(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		i := newStaffIssuer(t)
		a.signStaffInAt(i.URL)
		a.addStaff("sam@fieldbridge.example", accounts.Support)
		b := a.newBrowser()
		back := i.trip(b)
		stored := a.stored()
		i.arrived(b, back)
		for name, secret := range map[string]string{"nonce": i.asked.Get("nonce"), "state": i.asked.Get("state"), "verifier": i.verifier} {
			if secret == "" || strings.Contains(stored, secret) {
				t.Errorf("the %s %q is in the database", name, secret)
			}
		}
	})
}

// arrived ends an authorization.
func (i *staffIssuer) arrived(b *browser, back url.Values) {
	b.Helper()
	b.get("/staff/signin/callback?"+back.Encode()).want(b, 303, "/staff")
}
