package handlers_test

import "testing"

// A sign-in leads back to the page that was asked for.
func TestSignInLeadsBack(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate", "Dana Whitfield")
	for _, page := range []string{"/team", "/help", "/settings", "/settings/account", "/settings/passkeys", "/settings/devices"} {
		b := a.newBrowser()
		form := b.get(page).want(t, 303, "/signin?next=").location
		next := hidden(t, b.get(form).want(t, 200).body, "next")
		if to := b.post("/signin", "email", dana.email, "password", password, "next", next).want(t, 303).location; to != page {
			t.Errorf("after %s, the sign-in leads to %s", page, to)
		}
	}
	b := a.newBrowser()
	if to := b.post("/signin", "email", dana.email, "password", password, "next", "//elsewhere.example").want(t, 303).location; to != "/connections" {
		t.Errorf("the sign-in leads to %s", to)
	}
}
