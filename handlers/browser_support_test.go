package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// staffAt returns a staff member at a browser.
func (a *app) staffAt(t *testing.T, name string, role accounts.StaffRole) *contractor {
	t.Helper()
	c := a.contractor(t)
	email := strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@fieldbridge.example"
	c.Goto(a.url + "/password/reset?token=" + a.addStaff(email, role))
	c.See("Choose your password")
	c.Type("name", name)
	c.Type("password", password)
	c.enrolInBrowser()
	return c
}

// A support agent has a contractor on the phone, and hands over to an admin for
// what only admins may do.
func TestBrowserSupport(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.toServiceTitan(northgate)
	c.allow()
	c.Click("Go to your connection", "Access renews automatically")
	path := strings.TrimPrefix(c.Address(), a.url)
	a.history(strings.TrimPrefix(path, "/connections/"))
	a.exec("UPDATE users SET email = 'ruth.abara@northgateheating.example' WHERE name = 'Ruth Abara'")

	sam := a.staffAt(t, "Sam Okafor", accounts.Support)
	sam.Goto(a.url + "/staff" + path)
	sam.See("It works · since")
	sam.inspect("staff-connection")
	sam.keepsWhole()
	sam.Click("Refresh now", "Refreshed.")

	a.sandbox.RevokeGrants(northgate)
	sam.Click("Refresh now", "The refresh did not work")
	sam.inspect("staff-refresh-failed")
	sam.Goto(a.url + "/staff" + path)
	sam.See("Tell them: “ServiceTitan no longer lets us in")
	sam.Click("Copy reconnect link", "Link to their page")
	sam.inspect("staff-reconnect-link")
	if link := sam.Value(`document.querySelector("#link").value`); link != a.url+path {
		t.Errorf("the link is %s", link)
	}
	sam.Expect("422")
	sam.Type("text", "Their secret is cs1.stc_abcdefgh1234")
	sam.Click("Add note", "looked like a secret")
	sam.inspect("staff-note-refused")
	sam.Type("text", "Called. A new admin cleaned up app access by mistake.\nDana reconnects this afternoon.")
	sam.Click("Add note", "Sam Okafor · today at")
	sam.Click("Older events", "Newest events")
	sam.Click("Newest events", "Tell them:")

	sam.Click("The company", "Company since")
	sam.inspect("staff-company")
	sam.keepsWhole()
	// An email that does not fit on any line breaks instead of widening the page.
	a.exec("UPDATE users SET email = ? WHERE name = 'Ruth Abara'", strings.Repeat("a", 64)+"@"+strings.Repeat("b", 60)+".example")
	for _, page := range []string{sam.Address(), a.url + "/staff" + path} {
		sam.Goto(page)
		sam.Look(390, 844, "light")
		if wide := sam.Value(`document.documentElement.scrollWidth > innerWidth ? document.documentElement.scrollWidth + " pixels" : ""`); wide != "" {
			t.Errorf("%s is %s wide", page, wide)
		}
	}
	sam.Look(1280, 900, "light")
	sam.Expect("403")
	sam.Goto(a.url + "/staff" + path + "/disconnect")
	sam.See("Only admins can do this")
	sam.inspect("staff-admins-only")

	ada := a.staffAt(t, "Ada Reyes", accounts.Admin)
	ada.Click("Team", "Add to the team")
	ada.Type("email", "priya@fieldbridge.example")
	ada.Click("Make a link", "A link for priya@fieldbridge.example")
	ada.inspect("staff-team-link")
	ada.Click("Done", "No password yet")
	ada.inspect("staff-team")
	ada.Choose(`[aria-label="Remove priya@fieldbridge.example"]`)
	ada.See("signed out everywhere")
	ada.inspect("staff-remove")
	ada.Click("Keep them", "Add to the team")

	ada.Goto(a.url + "/staff" + path)
	ada.Click("The company", "Lock the company")
	ada.Click("Lock the company", "They can still sign out")
	ada.inspect("staff-lock")
	ada.Type("text", "Their owner reports a stolen laptop.")
	ada.Click("Lock the company", "The company is locked · since")
	ada.inspect("staff-company-locked")
	c.Expect("403")
	c.Goto(a.url + path)
	c.See("This account is locked")
	c.inspect("locked")
	ada.Click("Unlock the company", "Emails that were waiting are sent")
	ada.Type("text", "It is found.")
	ada.Click("Unlock the company", "Lock the company")

	ada.Goto(a.url + "/staff" + path)
	ada.Click("More", "Disconnect for them")
	ada.Click("Disconnect for them", "Why")
	ada.inspect("staff-disconnect")
	ada.Type("text", "Dana asked for it by phone.")
	ada.Click("Disconnect", "It is disconnected · since")
	ada.inspect("staff-disconnected")
	c.Goto(a.url + path)
	c.See("Fieldbridge support disconnected it")
}

// broken finds the tenant IDs, and the halves of email addresses, that take more
// than one line.
const broken = `(() => {
	const found = [], walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT), range = document.createRange();
	for (let node; node = walker.nextNode();) {
		const text = node.data.trim(), half = node.nextSibling?.nodeName === "WBR";
		if (!half && !/^[0-9]{6,}$/.test(text) && !/^[^ ]*@[^ ]+$/.test(text)) continue;
		range.selectNodeContents(node);
		if (new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1) found.push(text);
	}
	return found.join(", ");
})()`

// keepsWhole requires that none is broken, in windows of every common width.
func (c *contractor) keepsWhole() {
	c.Helper()
	for _, width := range []int64{360, 390, 900, 1280} {
		c.Look(width, 900, "light")
		if words := c.Value(broken); words != "" {
			c.Errorf("at %d pixels these are broken: %s", width, words)
		}
	}
}

// history gives a connection the records of a month: renewals, a bad day, older
// events, a second owner, and an API key.
func (a *app) history(id string) {
	a.Helper()
	now := a.clock.Now().UTC()
	company := a.lookup("SELECT company_id FROM connections WHERE id = ?", id)
	for i := range 30 {
		ok, failed := 24, 0
		switch i {
		case 9:
			failed = 2
		case 17:
			ok, failed = 0, 6
		}
		a.exec("INSERT INTO renewal_days (connection_id, day, ok, failed) VALUES (?, ?, ?, ?)", id, now.AddDate(0, 0, -i).Format(time.DateOnly), ok, failed)
	}
	for i := range 20 {
		a.exec(`INSERT INTO events (id, company_id, connection_id, kind, actor_name, millis, support_code, at)
			VALUES (?, ?, ?, 'test_passed', 'Dana Whitfield', 420, 'FB-2H6P-83QA', ?)`,
			fmt.Sprintf("01900000-0000-7000-8000-0000000000%02d", i), company, id, now.Add(-time.Duration(100-i)*time.Hour))
	}
	other := a.signUp("Elsewhere", "Ruth Abara")
	a.exec("UPDATE memberships SET company_id = ? WHERE user_id = (SELECT id FROM users WHERE email = ?)", company, other.email)
	a.exec("UPDATE api_keys SET name = 'Booking sync', reads = 1204, last_used_at = ? WHERE id = ?", now.Add(-time.Minute), a.backEnd(other).key.ID)
}
