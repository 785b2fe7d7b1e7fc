package handlers_test

import (
	"strings"
	"testing"
)

// A person signs up with a link from a mail, forgets the password, and chooses
// another one. Every page works without script on a phone and in the dark.
func TestBrowserSignUpAndReset(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	const email = "dana@northgate.example"
	c.Goto(a.url + "/signup")
	c.Type("email", email)
	c.Click("Send the link", "Check your email")
	c.inspect("sign-up-sent")
	c.Goto(a.url + a.link(email))
	c.See("Company name")
	if at := c.Address(); strings.Contains(at, "token") || len(at) > len(a.url)+len("/verify/")+16 {
		t.Errorf("the address is %s", at)
	}
	if zone := c.Value(`document.querySelector("input[name=zone]").value`); zone == "" || zone != c.Value(`Intl.DateTimeFormat().resolvedOptions().timeZone`) {
		t.Errorf("the form says that the browser's zone is %q", zone)
	}
	c.inspect("verify")
	c.Type("company", "Northgate Heating")
	c.Type("name", "Dana Whitfield")
	c.Type("password", password)
	c.Click("Create account", "Connect your ServiceTitan account")
	a.exec("UPDATE users SET proven_at = NULL")
	c.Goto(a.url + "/connections")
	c.See("Confirm your email address")
	c.inspect("home-unproven")
	c.Click("Send me the link", "Check your email")
	c.Goto(a.url + a.link(email))
	c.See("Confirm your email address")
	c.inspect("prove")
	c.Click("Confirm", "Connect your ServiceTitan account")
	c.Goto(a.url + "/connections")
	c.signOut()
	c.Goto(a.url + "/signin")
	c.Click("Forgot your password?", "Forgot your password?")
	c.inspect("forgot")
	c.Type("email", email)
	c.Click("Send the link", "Check your email")
	c.Goto(a.url + a.link(email))
	c.See("Choose your password")
	c.inspect("reset")
	c.Type("password", "another short sentence")
	c.Click("Save password", "Your password is saved")
	c.inspect("sign-in-password-set")
	c.Type("email", email)
	c.Type("password", "another short sentence")
	c.Click("Sign in", "Connect your ServiceTitan account")
}
