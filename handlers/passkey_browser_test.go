package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// A contractor adds a passkey, signs in without typing, renames it, and removes it.
func TestBrowserPasskeys(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	device := c.Device()
	c.Goto(a.url + "/settings/passkeys")
	c.See("You have no passkey yet.")
	c.inspect("passkeys-none")
	c.Click("Add a passkey", "Confirm that it is you")
	c.inspect("passkeys-confirm")
	c.Expect("422")
	c.Type("password", "not the password")
	c.Click("Continue", "This is not your password")
	c.inspect("passkeys-confirm-wrong")
	c.Type("password", password)
	c.Click("Continue", "Add a passkey")
	c.inspect("passkeys-add")
	c.Type("name", "Office laptop")

	// A device that does not recognize the person adds nothing.
	device.Verifies(false)
	c.Click("Continue", "Nothing was changed.")
	c.inspect("passkeys-add-refused")
	device.Verifies(true)
	c.Click("Continue", "Office laptop")
	c.See("Not used yet.")
	c.inspect("passkeys-one")

	// The same device does not add a second one.
	c.Click("Add a passkey", "To tell it from your other passkeys.")
	c.Click("Continue", "This device already has a passkey for your account.")
	c.Click("Cancel", "Office laptop")

	signOut := func() {
		t.Helper()
		c.Value(`document.querySelector("#sign-out").submit(), ""`)
		c.See("Welcome back")
	}
	signOut()
	c.inspect("sign-in-passkey")
	device.Verifies(false)
	c.Click("Sign in with a passkey", "Nothing was changed.")
	device.Verifies(true)
	c.Click("Sign in with a passkey", "Connect your ServiceTitan account")
	c.Goto(a.url + "/settings/passkeys")
	c.See("Last used")

	c.Click("Rename Office laptop", "Save")
	c.Type("name", "Van tablet")
	c.Click("Save", "Van tablet")
	c.inspect("passkeys-renamed")

	// Whoever has signed in with a passkey has just confirmed that it is them. Later,
	// a passkey confirms it again.
	a.clock.Add(11 * time.Minute)
	c.Click("Remove Van tablet", "Confirm that it is you")
	c.inspect("passkeys-confirm-passkey")
	c.Click("Use a passkey", "Remove this passkey?")
	c.inspect("passkeys-remove")
	c.Click("Remove", "You have no passkey yet.")
	signOut()
	c.Expect("422")
	c.Click("Sign in with a passkey", "This passkey was refused.")
	c.inspect("sign-in-passkey-refused")
}

// A contractor turns on codes from the phone.
func TestBrowserCodes(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.Goto(a.url + "/settings/passkeys")
	c.Click("Turn on", "Confirm that it is you")
	c.Type("password", password)
	c.Click("Continue", "Turn on codes from your phone")
	c.inspect("codes-turn-on")
	key := strings.ReplaceAll(c.Value(`document.querySelector("#factor-key").textContent`), " ", "")
	enter := func(button, then string) {
		t.Helper()
		code, err := totp.GenerateCode(key, a.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		c.Type("code", code)
		c.Click(button, then)
	}
	enter("Turn on", "Your recovery codes")
	c.inspect("codes-recovery")
	c.Click("I have saved them", "10 recovery codes are left.")
	c.inspect("codes-on")
	c.Value(`document.querySelector("#sign-out").submit(), ""`)
	c.See("Welcome back")
	c.Type("email", "northgateheatingplumbing@trades.example")
	c.Type("password", password)
	c.Click("Sign in", "Enter the code")
	c.inspect("codes-sign-in")
	c.Expect("422")
	c.Type("code", "123456")
	c.Click("Continue", "This code is wrong")
	c.inspect("codes-sign-in-wrong")
	a.clock.Add(time.Minute)
	enter("Continue", "Connect your ServiceTitan account")
	c.Goto(a.url + "/settings/passkeys/code")
	c.inspect("codes-change")
	a.clock.Add(time.Minute)
	enter("Turn off", "A stolen password is then not enough.")
}

// For staff, a passkey counts as both factors.
func TestBrowserStaffPasskey(t *testing.T) {
	a := newApp(t)
	sam := a.staffAt(t, "Sam Okafor", accounts.Support)
	sam.Device()
	sam.Goto(a.url + "/staff/passkeys")
	sam.Click("Add a passkey", "Confirm that it is you")
	sam.Type("password", password)
	sam.Click("Continue", "To tell it from your other passkeys.")
	sam.Click("Continue", "Chrome on Linux")
	sam.inspect("staff-passkeys")
	sam.Value(`document.querySelector("#sign-out").submit(), ""`)
	sam.See("Welcome back")
	sam.Click("Sign in with a passkey", "Needs attention now")
}
