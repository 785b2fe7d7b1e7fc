package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// An owner makes a link, and the admin connects in a browser of their own, without
// an account. The owner's page follows.
func TestBrowserAskSomeoneElse(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.toTenant()
	c.Type("tenant", fmt.Sprint(northgate))
	c.Click("Continue", "Someone else has the ServiceTitan admin account")
	c.inspect("ask-wizard")
	c.Click("Make a link", "Send this link to your ServiceTitan admin")
	c.inspect("ask-link")
	c.See("Copy link")
	link := c.Value(`document.querySelector("#link").value`)
	c.Click("Follow the progress", "This page reloads every 15 seconds")
	c.Click("Stop", "update live")
	c.inspect("ask-new")
	if strings.Contains(c.Value(`document.documentElement.outerHTML`), strings.TrimPrefix(link, a.url+"/ask/")) {
		t.Error("the link is shown again")
	}

	pat := a.contractor(t)
	pat.Goto(link)
	pat.See("Northgate Heating & Plumbing asks you to connect ServiceTitan")
	if strings.HasPrefix(pat.Address(), link) {
		t.Error("the secret stays in the address")
	}
	pat.inspect("asked-start")
	pat.Expect("422")
	pat.Type("name", "pat@lee.example")
	pat.Click("Start", "Leave web addresses")
	pat.inspect("asked-start-refused")
	pat.Type("name", "Pat Lee")
	pat.Press(kb.Enter)
	pat.See("Connect ServiceTitan to Northgate Heating & Plumbing in Fieldbridge?")
	pat.inspect("asked-confirm")

	stranger := a.contractor(t)
	stranger.Expect("409")
	stranger.Goto(link)
	stranger.See("This link was opened in another browser")
	stranger.inspect("asked-elsewhere")

	c.Click("update live", "Opened by Pat Lee")
	c.Click("Stop", "update live")
	c.inspect("ask-opened")
	pat.Click("Connect ServiceTitan to Northgate Heating & Plumbing in Fieldbridge", "not ServiceTitan")
	pat.signInThere()
	c.Reload()
	c.See("Waiting at ServiceTitan")
	c.inspect("ask-away")
	pat.Click("Deny", "Access was not given")
	pat.inspect("asked-denied")
	pat.Click("Try again", "Review what is asked for")
	pat.Click("Connect ServiceTitan to Northgate Heating & Plumbing in Fieldbridge", "Allow Fieldbridge")
	pat.Click("Allow", "Done. Thank you")
	pat.inspect("asked-done")
	if at := pat.Address(); strings.Contains(at, "code=") || strings.Contains(at, "state=") {
		t.Errorf("the address holds a code: %s", at)
	}

	c.Reload()
	c.See("Done by Pat Lee")
	c.inspect("ask-done")
	c.Click("See the connection", "Pat Lee (by a link from Dana Whitfield) connected ServiceTitan.")
	c.inspect("ask-connection")
	c.Click("Make a link", "Send this link to your ServiceTitan admin")
	c.Goto(a.url + "/connections")
	c.See("Waiting for your ServiceTitan admin")
	c.inspect("ask-list")
	c.Click(fmt.Sprintf("Tenant %d, Sandbox", northgate), "Cancel this link")
	c.Click("Cancel this link", "Canceled")
	c.inspect("ask-withdrawn")
}

// The other ways to be asked, and names that are as long as names can be.
func TestBrowserAskedInOtherWays(t *testing.T) {
	a := newApp(t)
	dana := a.signUp(strings.Repeat("W", 60)+" "+strings.Repeat("Plumbing ", 4), "Dana")
	a.exec("UPDATE users SET name = ? WHERE email = ?", "Dana "+strings.Repeat("Featherstonehaugh", 5), dana.email)
	id, secret := a.ownClient(south)

	pat := a.contractor(t)
	pat.Goto(a.url + dana.asks("own_credentials", south))
	pat.Type("name", "Pat Lee")
	pat.inspect("asked-long-names")
	pat.Click("Start", "Client secret")
	pat.inspect("asked-credentials")
	pat.Type("client", id)
	pat.Type("secret", "cs1.wrong")
	pat.Expect("422")
	pat.Press(kb.Enter)
	pat.See("did not accept")
	pat.inspect("asked-credentials-refused")
	pat.Type("client", id)
	pat.Type("secret", secret)
	pat.Press(kb.Enter)
	pat.See("Done. Thank you")

	lee := a.contractor(t)
	lee.Goto(a.url + dana.asks("guided", harbor))
	lee.Type("name", "Lee")
	lee.Click("Start", "It is still our turn")
	lee.inspect("asked-guided-later")
	a.exec("UPDATE setups SET step = 'allow_access', waits_for = 'company', tenant_added_at = ?", a.clock.Now().UTC())
	lee.Reload()
	lee.inspect("asked-guided")
	lee.Click("I have allowed it", "We finish the setup.")
	lee.inspect("asked-guided-done")
	lee.Expect("404")
	lee.Goto(a.url + "/ask/" + strings.Repeat("A", 26))
	lee.See("This link is no longer valid")
	lee.inspect("asked-over")
}
