package handlers_test

import (
	"strings"
	"testing"
)

// signOut signs out with the menu, as a person does.
func (c *contractor) signOut() {
	c.Helper()
	c.Choose(`button[popovertarget="account"]`)
	c.Click("Sign out", "Welcome back.")
}

// leave goes back in the tab's history, and waits until another page is there.
func (c *contractor) leave() {
	c.Helper()
	c.Value(`document.documentElement.dataset.left = "yes"`)
	c.Back()
	c.Gone("[data-left]")
}

// lookedAt tells the page that somebody looks at its tab again. Without a screen,
// the browser shows all tabs at all times and does not tell the page itself.
func (c *contractor) lookedAt() {
	c.Helper()
	c.Value(`document.dispatchEvent(new Event("visibilitychange")), ""`)
}

// The next person at the computer cannot see the account by going back.
func TestBrowserBackAfterSignOut(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.signOut()
	c.leave()
	c.See("Welcome back.")
	if at := c.Address(); !strings.Contains(at, "/signin") {
		t.Errorf("the page is %s", at)
	}
}

// The same is true if the session has ended without the browser knowing.
func TestBrowserBackAfterTheSessionEnded(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.Goto(a.url + "/connect")
	c.See("Can you sign in to ServiceTitan as an admin?")
	a.exec("DELETE FROM sessions")
	c.Goto(a.url + "/signup")
	c.See("Create your account")
	c.leave()
	c.See("Welcome back.")
}

// Other tabs notice a sign-out as soon as somebody looks at them.
func TestBrowserSignOutInAnotherTab(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	other := &contractor{Page: c.Tab(), app: a}
	other.Goto(a.url + "/connect")
	other.See("Can you sign in to ServiceTitan as an admin?")
	c.signOut()
	other.lookedAt()
	other.See("Welcome back.")
	if at := other.Address(); !strings.HasSuffix(at, "/signin?next=connect") {
		t.Errorf("the page is %s", at)
	}
	// Somebody else signs in.
	c.signUp("Delta Duct")
	other.Goto(a.url + "/connections")
	other.See("Delta Duct")
	c.signOut()
	c.signUp("Bluebird Comfort")
	other.lookedAt()
	other.See("Bluebird Comfort")
}
