package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/live"
)

// A failure, and its end, show on pages that are open, without a reload: in two tabs, and
// without moving what somebody is doing there.
func TestBrowserSeesAConnectionChange(t *testing.T) {
	a := newLiveApp(t)
	c := a.contractor(t)
	c.signUp("Northgate")
	c.toServiceTitan(northgate)
	c.allow()
	path, _, _ := strings.Cut(c.Address(), "?")
	c.Goto(path)
	c.See("Access renews automatically")
	second := c.Tab()
	second.Goto(path + "?show=problems")
	second.See("There were no problems.")
	c.Value(`document.notReloaded = "yes"`)
	c.Click("Show the technical names", "tn.crm.customers:r")
	c.Value(`document.querySelector("#test button").focus(), ""`)

	other := c.Tab()
	other.Goto(path)
	a.clock.Add(16 * time.Minute)
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503})
	other.Click("Test connection", "Test did not pass")
	c.See("We couldn’t renew access. We keep trying.")
	second.See("We couldn’t renew access.")
	if got := c.Value(`document.getElementById("follow-says").textContent`); got != "We couldn’t renew access. We keep trying." {
		t.Errorf("screen readers hear %q", got)
	}
	c.inspect("connection-changed")
	a.sandbox.ClearFaults()
	a.clock.Add(6 * time.Minute)
	other.Click("Test connection", "Test passed")
	c.See("Access renews automatically")
	c.Gone(".banner")
	for what, expression := range map[string]string{
		"the page is loaded again":  `document.notReloaded ?? ""`,
		"the details are closed":    `document.querySelector("#works ~ *, details[open]") ? "yes" : ""`,
		"the focus is lost":         `document.activeElement.matches("#test button") ? "yes" : ""`,
		"nothing is told to people": `document.getElementById("follow-says").textContent === "Working." ? "yes" : ""`,
	} {
		if c.Value(expression) != "yes" {
			t.Error(what)
		}
	}
}

// A page whose stream is refused, or that comes back into view, loads itself.
func TestBrowserCatchesUpWithoutAStream(t *testing.T) {
	a := newApp(t)
	a.goLive(live.Options{Every: 10 * time.Millisecond, InAll: -1})
	c := a.contractor(t)
	c.Expect("503 (Service Unavailable)")
	c.Expect("can’t establish a connection") // Firefox says this too
	c.signUp("Northgate")
	c.toServiceTitan(northgate)
	c.allow()
	path, _, _ := strings.Cut(c.Address(), "?")
	c.Goto(path)
	c.See("Access renews automatically")
	a.clock.Add(16 * time.Minute)
	a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503})
	other := c.Tab()
	other.Expect("503 (Service Unavailable)")
	other.Expect("can’t establish a connection")
	other.Goto(path)
	other.Click("Test connection", "Test did not pass")
	c.Value(`document.dispatchEvent(new Event("visibilitychange")), ""`)
	c.See("We couldn’t renew access.")
}
