package handlers_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// The dialog that asks before disconnecting is modal. Tab stays inside, and Escape brings
// the focus back to the button that opened it.
func TestBrowserDialogIsModal(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Harbor Line Electric")
	c.toServiceTitan(northgate)
	c.allow()
	c.Click("Go to your connection", "Access renews automatically")
	c.Choose(`button[popovertarget="disconnect"]`)
	if got := c.Value(`document.querySelector("#disconnect").matches(":modal") + " " + document.activeElement.innerText`); got != "true Keep connected" {
		t.Errorf("the open dialog: %s", got)
	}
	for range 4 {
		c.Press(kb.Tab)
		if got := c.Value(`String(document.activeElement === document.body || !!document.activeElement.closest("dialog"))`); got != "true" {
			t.Error("Tab leaves the dialog")
		}
	}
	c.Press(kb.Escape)
	if got := c.Value(`document.activeElement.getAttribute("popovertarget") + " " + document.querySelector("#disconnect").open`); got != "disconnect false" {
		t.Errorf("after Escape: %s", got)
	}
}
