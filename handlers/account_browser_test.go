package handlers_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Dana changes her name, password, and address, and signs out a browser that she
// left at the office.
func TestBrowserOwnAccount(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate")
	const old, to = "northgate@trades.example", "dana@new.example"
	dana := &member{browser: a.newBrowser(), email: old}
	phone := dana.device(safariOnIPhone)
	dana.device("")

	c.Goto(a.url + "/settings/devices")
	c.See("Safari on iPhone")
	c.inspect("settings-devices")
	c.Choose(`[aria-label^="Sign out Safari on iPhone"]`)
	c.Gone(`[aria-label^="Sign out Safari on iPhone"]`)
	phone.get("/connections").want(t, 303, "/signin")
	c.Click("Sign out all other devices", "This device")
	c.Gone(`[action$="/end-others"]`)
	c.inspect("settings-devices-one")

	c.Click("Your account", "Current password")
	c.inspect("settings-account")
	c.Type("name", "Dana Whitfield-Ortega")
	c.Click("Save name", "Your name is saved")
	c.Expect("422")
	c.Type("current", "not the password")
	c.Type("password", otherPassword)
	c.Click("Change password", "This is not your password")
	c.inspect("settings-account-refused")
	c.Type("current", password)
	c.Type("password", otherPassword)
	c.Click("Change password", "Your password is changed")

	c.Type("email", to)
	c.Type("email-password", otherPassword)
	c.Click("Send the link", "Waiting for you to confirm")
	c.inspect("settings-account-waiting")
	c.Click("Keep my old address", "stays as it is")
	c.Type("email", to)
	c.Type("email-password", otherPassword)
	c.Click("Send the link", "Waiting for you to confirm")
	c.Goto(a.url + a.link(to))
	c.See("From now on, you sign in with")
	c.inspect("settings-email-confirm")
	spent := c.Address()
	c.Click("Use this address", "Your email address is changed")
	c.inspect("settings-account-moved")
	c.Expect("404")
	c.Goto(spent)
	c.See("no longer valid")
	c.inspect("settings-email-spent")
	if letter := a.letter(old); !strings.Contains(letter.Subject, "has changed") {
		t.Errorf("the old address got %q", letter.Subject)
	}

	ada := a.staffAt(t, "Ada Reyes", accounts.Admin)
	ada.Goto(a.url + "/staff/devices")
	ada.See("This device")
	ada.inspect("staff-devices")
}

// A password can be shown while it is typed, with the mouse or the keyboard. Showing it
// does not send the form.
func TestBrowserShowsAPassword(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.Goto(a.url + "/signin")
	c.enter("password", "guess")
	const kind = `document.querySelector("[name=password]").type`
	c.Click("Show Password", "Hide Password")
	if got := c.Value(kind); got != "text" {
		t.Errorf("after Show, the field is a %s", got)
	}
	c.press("Hide Password", "Show Password")
	if got := c.Value(kind); got != "password" {
		t.Errorf("after Hide, the field is a %s", got)
	}
	if got := c.Value(`document.querySelector("[name=password]").value`); got != "guess" {
		t.Errorf("the field holds %q", got)
	}
}
