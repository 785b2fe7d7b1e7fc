package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/pquerna/otp/totp"
)

// focused describes the element that has the focus: the words of a button, link, or
// summary, and the name of a field. After a bar, it says whether the focus cannot be
// seen there.
const focused = `(() => {
	const e = document.activeElement, style = getComputedStyle(e), at = e.getBoundingClientRect();
	if (e === document.body) return "|";
	const words = e.matches("input, select, textarea") ? e.name || e.id : e.innerText.replace(/\s+/g, " ").trim();
	const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
	const inside = at.width > 0 && at.bottom > 0 && at.top < innerHeight && at.right > 0 && at.left < innerWidth;
	return words + "|" + (outlined ? "" : "no outline ") + (inside ? "" : "outside of the window");
})()`

// tabTo presses Tab until the element with the words or the name has the focus. Each
// stop on the way must show that it has the focus.
func (c *contractor) tabTo(name string) {
	c.Helper()
	var stops []string
	for range 80 {
		c.Press(kb.Tab)
		stop, wrong, _ := strings.Cut(c.Value(focused), "|")
		if stop == "" {
			continue // the page itself, after the last element
		}
		stops = append(stops, stop)
		if wrong != "" {
			c.Errorf("%s: the focus on %q cannot be seen: %s", c.Address(), stop, wrong)
		}
		if stop == name {
			return
		}
	}
	c.Fatalf("%s: Tab does not reach %q, only %q", c.Address(), name, stops)
}

// enter types a text into the field with the name, which Tab reaches.
func (c *contractor) enter(name, text string) { c.Helper(); c.tabTo(name); c.Press(text) }

// press moves the focus to a button or link, and presses Enter.
func (c *contractor) press(words, then string) {
	c.Helper()
	c.tabTo(words)
	c.Press(kb.Enter)
	c.See(then)
}

// People reach and use everything of their accounts with the keyboard alone, and
// see where they are.
func TestBrowserAccountsWithKeyboard(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	const email = "dana@northgate.example"

	c.Goto(a.url + "/signup")
	c.enter("email", email)
	c.Press(kb.Enter)
	c.See("Check your email")
	c.Goto(a.url + a.link(email))
	c.See("Company name")
	c.enter("company", "Northgate")
	c.enter("name", "Dana Whitfield")
	c.enter("password", password)
	c.press("Create account", "Connect your ServiceTitan account")

	// The menu, whose entries come after their button.
	c.tabTo("DW Dana Whitfield Owner")
	c.Press(kb.Enter)
	c.See("Where you are signed in")
	c.Press(kb.Escape)
	if on, _, _ := strings.Cut(c.Value(focused), "|"); on != "DW Dana Whitfield Owner" {
		t.Errorf("after Escape, the focus is on %q", on)
	}
	c.Press(" ")
	c.press("Sign out", "Welcome back.")
	c.press("Forgot your password?", "we send you a link to choose a new one")
	c.enter("email", email)
	c.press("Send the link", "Check your email")
	c.Goto(a.url + a.link(email))
	c.See("Choose your password")
	c.enter("password", otherPassword)
	c.Press(kb.Enter)
	c.See("Your password is saved")
	c.Expect("422")
	c.enter("email", email)
	c.enter("password", "not the password")
	c.Press(kb.Enter)
	c.See("Please check this")
	c.Focuses("[name=password]")
	c.Press(otherPassword)
	c.Press(kb.Enter)
	c.See("Connect your ServiceTitan account")

	c.keyboardSettings()
	c.keyboardTeam(t)
	c.keyboardAsk(t)
}

// keyboardSettings changes the company, its mails, and how Dana signs in, and deletes
// and keeps the company.
func (c *contractor) keyboardSettings() {
	c.Helper()
	c.press("Settings", "Emails about problems")
	c.tabTo("zone")
	c.Press("Pac")
	c.press("Save", "The settings are saved.")
	if zone := c.Value(`document.querySelector("#zone").value`); zone != "America/Los_Angeles" {
		c.Errorf("the zone is %q", zone)
	}
	c.press("Your account", "Current password")
	c.tabTo("name")
	c.Press(kb.End)
	c.Press(" Ortega")
	c.Press(kb.Enter)
	c.See("Your name is saved")
	c.press("Passkeys and codes", "You have no passkey yet.")
	c.press("Turn on", "Confirm that it is you")
	c.Focuses("[name=password]")
	c.Press(otherPassword)
	c.Press(kb.Enter)
	c.See("Turn on codes from your phone")
	c.tabTo("Type the key instead")
	c.Press(kb.Enter)
	code, err := totp.GenerateCode(strings.ReplaceAll(c.Value(`document.querySelector("#factor-key").innerText`), " ", ""), c.app.clock.Now())
	if err != nil {
		c.Fatal(err)
	}
	c.enter("code", code)
	c.press("Turn on", "Your recovery codes")
	c.press("I have saved them", "10 recovery codes are left.")
	c.press("Devices", "This device")
	c.press("Company", "Emails about problems")
	c.press("Delete the company", "Type the company’s name")
	c.enter("name", "Northgate")
	c.enter("password", otherPassword)
	c.press("Delete in 14 days", "This company will be deleted on")
	c.press("Keep this company", "The company is kept")
}

// keyboardTeam invites somebody as an owner, makes them a member, and removes them.
func (c *contractor) keyboardTeam(t *testing.T) {
	t.Helper()
	a := c.app
	const email = "jo@northgate.example"
	c.press("Team", "Invite a teammate")
	c.enter("email", email)
	c.tabTo("role")
	c.Press("O")
	c.press("Send invitation", "The invitation is on its way.")
	jo := a.contractor(t)
	jo.Goto(a.url + a.link(email))
	jo.See("Create account and join")
	jo.enter("name", "Jo Park")
	jo.enter("password", password)
	jo.press("Create account and join", "Connect your ServiceTitan account")
	c.Reload()
	c.See("Jo Park")
	c.tabTo("Actions for Jo Park")
	c.Press(kb.Enter)
	c.See("Remove from the company")
	c.press("Make member", "The role is changed.")
	c.tabTo("Actions for Jo Park")
	c.Press(" ")
	c.See("Remove from the company")
	c.press("Remove from the company", "They can no longer see")
	c.Focuses(`.question [href="/team"]`) // the harmless choice
	c.press("Remove", "is told by email.")
	c.press("Leave the company", "You are the only owner")
	c.press("Go to the team", "Invite a teammate")
	c.press("Activity", "Who did what")
	c.press("Team and settings", "Changed the time zone")

	// Another company, and back.
	a.clock.Add(time.Minute)
	c.tabTo("DO Dana Whitfield Ortega Owner")
	c.Press(kb.Enter)
	c.See("Add a company")
	c.press("Add a company", "You become its owner")
	c.enter("company", "Park Plumbing")
	c.Press(kb.Enter)
	c.See("Connect your ServiceTitan account")
	c.tabTo("PP Park Plumbing Switch company")
	c.Press(kb.Enter)
	c.See("Add a company")
	c.press("N Northgate", "Northgate is set up.")
	c.Goto(a.url + "/team")
	c.See("People who can use Fieldbridge for Northgate.")
}

// keyboardAsk makes a link, with which somebody without an account connects.
func (c *contractor) keyboardAsk(t *testing.T) {
	t.Helper()
	c.press("Connections", "Connect your ServiceTitan account")
	c.press("Connect ServiceTitan", "Can you sign in to ServiceTitan as an admin?")
	c.press("Yes, I can", "Which ServiceTitan do you want to connect?")
	c.press("Production", "What is your tenant ID?")
	c.Focuses("[name=tenant]")
	c.Press(fmt.Sprint(northgate))
	c.press("Continue", "Someone else has the ServiceTitan admin account")
	c.press("Make a link", "Send this link to your ServiceTitan admin")
	link := c.Value(`document.querySelector("#link").value`)
	c.press("Follow the progress", "This page reloads every 15 seconds")
	c.press("Stop", "update live")
	pat := c.app.contractor(t)
	pat.Goto(link)
	pat.See("asks you to connect ServiceTitan")
	pat.enter("name", "Pat Lee")
	pat.press("Start", "in Fieldbridge?")
	pat.tabTo("Connect ServiceTitan to Northgate in Fieldbridge")
	pat.Press(kb.Enter)
	pat.See("not ServiceTitan")
	c.press("update live", "Waiting at ServiceTitan")
	c.press("Cancel this link", "Canceled")
}
