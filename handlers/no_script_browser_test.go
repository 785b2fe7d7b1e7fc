package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// withoutScripts returns a person at a browser that runs no scripts.
func (a *app) withoutScripts(t *testing.T) *contractor {
	t.Helper()
	c := a.contractor(t)
	c.WithoutScripts()
	return c
}

// signsIn signs in on the sign-in page, which the tab shows.
func (c *contractor) signsIn(email, password, then string) {
	c.Helper()
	c.Type("email", email)
	c.Type("password", password)
	c.Click("Sign in", then)
}

// entersCode enters the code that an authenticator app shows for a key, one minute
// later, so that it is another code than the last one.
func (c *contractor) entersCode(key, button, then string) {
	c.Helper()
	c.app.clock.Add(time.Minute)
	code, err := totp.GenerateCode(strings.ReplaceAll(key, " ", ""), c.app.clock.Now())
	if err != nil {
		c.Fatal(err)
	}
	c.Type("code", code)
	c.Click(button, then)
}

// Everything that people do with their accounts works without scripts, except
// passkeys.
func TestBrowserWithoutScripts(t *testing.T) {
	a := newApp(t)
	c := a.withoutScripts(t)
	const email, moved, changed = "dana@northgate.example", "dana.w@northgate.example", "another short sentence"

	// Sign up, and forget the password.
	c.Goto(a.url + "/signup")
	c.Type("email", email)
	c.Click("Send the link", "Check your email")
	c.Goto(a.url + a.link(email))
	c.See("Company name")
	c.Type("company", "Northgate Heating & Plumbing")
	c.Type("name", "Dana Whitfield")
	c.Type("password", password)
	c.Click("Create account", "Connect your ServiceTitan account")
	c.signOut()
	c.Click("Forgot your password?", "we send you a link to choose a new one")
	c.Type("email", email)
	c.Click("Send the link", "Check your email")
	c.Goto(a.url + a.link(email))
	c.See("Choose your password")
	c.Type("password", changed)
	c.Click("Save password", "Your password is saved")
	c.signsIn(email, changed, "Connect your ServiceTitan account")

	// One's own account.
	c.Goto(a.url + "/settings/account")
	c.Type("name", "Dana Ortega")
	c.Click("Save name", "Your name is saved")
	c.Type("current", changed)
	c.Type("password", password)
	c.Click("Change password", "Your password is changed")
	c.Type("email", moved)
	c.Type("email-password", password)
	c.Click("Send the link", "Waiting for you to confirm")
	c.Goto(a.url + a.link(moved))
	c.See("From now on, you sign in with")
	c.Click("Use this address", "Your email address is changed")
	dana := &member{browser: a.newBrowser(), email: moved}
	phone, tablet := dana.device(safariOnIPhone), dana.device(chromeOnWindows)
	c.Click("Devices", "Safari on iPhone")
	c.Choose(`[aria-label^="Sign out Safari on iPhone"]`)
	c.Gone(`[aria-label^="Sign out Safari on iPhone"]`)
	c.Click("Sign out all other devices", "This device")
	c.Gone(`[action$="/end-others"]`)
	phone.get("/connections").want(t, 303, "/signin")
	tablet.get("/connections").want(t, 303, "/signin")

	c.withoutScriptsCodes(moved)
	jo := c.withoutScriptsTeam(t)
	c.withoutScriptsAsk(t)

	// The company.
	c.Goto(a.url + "/settings")
	c.Type("name", "Southgate Plumbing")
	c.Value(`(document.querySelector("#zone").value = "America/Los_Angeles", "")`)
	c.Click("Save", "The settings are saved.")
	c.Choose(`input[type=checkbox]`)
	c.Click("Save the choice", "The choice is saved.")
	c.Click("Activity", "Who did what in Southgate Plumbing")
	c.Click("Team and settings", "Renamed the company")
	c.Goto(a.url + "/settings")
	c.Click("Delete the company", "Type the company’s name")
	c.Type("name", "Southgate Plumbing")
	c.Type("password", password)
	c.Click("Delete in 14 days", "This company will be deleted on")
	c.Click("Keep this company", "The company is kept")
	jo.Goto(a.url + "/connections")
	jo.See("Southgate Plumbing")
}

// withoutScriptsCodes turns codes from the phone on, and signs in with one.
func (c *contractor) withoutScriptsCodes(email string) {
	c.Helper()
	c.Goto(c.app.url + "/settings/passkeys")
	c.See("with JavaScript turned on")
	c.Click("Turn on", "Confirm that it is you")
	c.Type("password", password)
	c.Click("Continue", "Turn on codes from your phone")
	c.Click("Type the key instead", "Type the key instead")
	key := c.Value(`document.querySelector("#factor-key").innerText`)
	c.entersCode(key, "Turn on", "Your recovery codes")
	c.Click("I have saved them", "10 recovery codes are left.")
	c.signOut()
	if shown := c.Value(`document.querySelector("[data-passkey]").checkVisibility() ? "shown" : ""`); shown != "" {
		c.Error("the button for passkeys shows, and cannot work")
	}
	c.signsIn(email, password, "Enter the code")
	c.entersCode(key, "Continue", "Connect your ServiceTitan account")
}

// withoutScriptsTeam invites somebody, who joins, becomes an owner, and has a second
// company.
func (c *contractor) withoutScriptsTeam(t *testing.T) *contractor {
	t.Helper()
	a := c.app
	const email = "jo@northgate.example"
	c.Goto(a.url + "/team")
	c.Type("email", email)
	c.Click("Send invitation", "The invitation is on its way.")
	jo := a.withoutScripts(t)
	jo.Goto(a.url + a.link(email))
	jo.See("Create account and join")
	jo.Type("name", "Jo Park")
	jo.Type("password", password)
	jo.Click("Create account and join", "Connect your ServiceTitan account")
	c.Goto(a.url + "/team")
	c.See("Jo Park")
	c.Choose(`button[popovertarget^="m-"]`)
	c.Click("Make owner", "The role is changed.")
	jo.Goto(a.url + "/team")
	jo.See("Welcome back.")
	jo.signsIn(email, password, "Invite a teammate")
	jo.Choose(`button[popovertarget="account"]`)
	jo.Click("Add a company", "You become its owner")
	jo.Type("company", "Park Plumbing")
	jo.Click("Create company", "Connect your ServiceTitan account")
	jo.See("Park Plumbing")
	jo.Choose(`button[popovertarget="companies"]`)
	jo.Click("NP Northgate Heating & Plumbing", "Northgate Heating & Plumbing is set up.")
	jo.Goto(a.url + "/team")
	jo.See("People who can use Fieldbridge for Northgate Heating & Plumbing")
	return jo
}

// withoutScriptsAsk makes a link, with which somebody without an account connects.
func (c *contractor) withoutScriptsAsk(t *testing.T) {
	t.Helper()
	a := c.app
	c.Goto(a.url + "/connect")
	c.Click("Someone else can", "Which ServiceTitan do you want to connect?")
	c.Click("Sandbox", "Which tenant should they connect?")
	c.Type("tenant", fmt.Sprintf("https://go.servicetitan.com/#/settings?tenant=%d", northgate))
	c.Click("Make a link", "Send this link to your ServiceTitan admin")
	c.See("We read this as tenant 842 193 311.")
	if shown := c.Value(`document.querySelector("[data-copy]").checkVisibility() ? "shown" : ""`); shown != "" {
		t.Error("the button to copy shows, and cannot work")
	}
	link := c.Value(`document.querySelector("#link").getAttribute("value")`)
	c.Click("Follow the progress", "This page reloads every 15 seconds")
	c.Click("Stop", "update live")

	pat := a.withoutScripts(t)
	pat.Goto(link)
	pat.See("asks you to connect ServiceTitan")
	pat.Type("name", "Pat Lee")
	pat.Click("Start", "in Fieldbridge?")
	pat.Click("Connect ServiceTitan to Northgate Heating & Plumbing in Fieldbridge", "not ServiceTitan")
	pat.signInThere()
	pat.Click("Allow", "Done. Thank you")
	c.Reload()
	c.See("Done by Pat Lee")
	c.Click("See the connection", "connected ServiceTitan.")
}
