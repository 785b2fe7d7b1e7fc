package handlers_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// pick chooses an option of the select with the ID.
func (c *contractor) pick(id, value string) {
	c.Helper()
	if c.Value(fmt.Sprintf(`document.getElementById(%q).value = %q`, id, value)) != value {
		c.Fatalf("%s has no option %q", id, value)
	}
}

// unfold opens what most demos do without.
func (c *contractor) unfold() {
	c.Helper()
	c.Value(`document.getElementById("all").open = true, ""`)
}

// action presses a button of "Do at once" and waits for what the page says.
func (c *contractor) action(name, then string) {
	c.Helper()
	c.unfold()
	c.Choose(fmt.Sprintf(`[aria-label="Do: %s"]`, name))
	c.See(then)
}

// Somebody gives a demo. They switch faults on and off next to Fieldbridge, and see
// everything that happens.
func TestBrowserSandboxControl(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.toServiceTitan(northgate)
	c.allow()
	c.Click("Go to your connection", "Access renews automatically")
	control := c.contractorAt("/")
	control.See("None. Everything works.")
	control.inspect("sandbox-control")

	// A fault that happens once, for one company, set with its radio button,
	// fields, and button.
	control.unfold()
	control.Choose(`[name=kind][value="status_503"]`)
	control.pick("fault-tenant", fmt.Sprint(northgate))
	control.Type("times", "1")
	control.Click("Switch it on", "once more 0 Off")
	// A fault that stays, and concerns the API.
	control.unfold()
	control.Choose(`[name=kind][value="slow"]`)
	control.pick("path", sandbox.PathBusinessUnits)
	control.Type("seconds", "0.05")
	control.Click("Switch it on", "until switched off 0 Off")
	// A fault that is not possible.
	control.Expect("422")
	control.unfold()
	control.Choose(`[name=kind][value="deny"]`)
	control.pick("path", sandbox.PathToken)
	control.Click("Switch it on", "Fault deny is only about /connect/authorize.")
	control.inspect("sandbox-control-faults")

	a.clock.Add(16 * time.Minute)
	c.Click("Test connection", "Retrying")
	if n := a.sandbox.Fired(sandbox.Status503); n != 1 {
		t.Errorf("the 503 fired %d times, want once", n)
	}
	a.clock.Add(6 * time.Minute)
	c.Click("Test connection", "Test passed.")
	if n := a.sandbox.Fired(sandbox.Slow); n != 1 {
		t.Errorf("the slow answer fired %d times, want once", n)
	}
	control.Goto(a.standIn.URL + "/")
	control.unfold()
	control.See("Unavailable (503) · fired 1×")
	control.Choose(`[aria-label="Off: Slow"]`)
	control.See("None. Everything works.")

	// The list of requests stays current without a script.
	requests := c.contractorAt("/requests")
	requests.See("503, fault: unavailable (503)")
	requests.See("refresh_token=[redacted]")
	requests.inspect("sandbox-requests")
	requests.Click("Update live", "This page reloads every")

	// Next come actions and settings.
	control.pick("action-tenant", fmt.Sprint(northgate))
	control.action("Expire access tokens", "Expired access tokens: 2.")
	control.pick("life", "2m0s")
	control.pick("grace", "10s")
	control.Click("Set", "The settings apply to tokens")
	if got := a.sandbox.Settings(); got.AccessTokenLife != 2*time.Minute || got.RefreshGrace != 10*time.Second {
		t.Errorf("settings are %+v", got)
	}
	c.Click("Test connection", "Test passed.")
	// The page of requests has reloaded itself, and shows the 401.
	requests.See("401")
	control.action("Revoke the grant", "Revoked grants: 1.")
	control.inspect("sandbox-control-done")
	a.clock.Add(16 * time.Minute)
	c.Click("Test connection", "needs you to allow the access again")

	// The consent has faults of its own, for this sign-in only.
	c.Click("Reconnect", "Continue to ServiceTitan")
	c.Click("Continue to ServiceTitan", "Allow Fieldbridge")
	c.Choose(`[name=fault][value="expired_code"]`)
	c.inspect("sandbox-consent-fault")
	c.Expect("400")
	c.Click("Allow", "ServiceTitan’s approval expired")
	if n := a.sandbox.Fired(sandbox.ExpiredCode); n != 1 {
		t.Errorf("the code lapsed %d times, want once", n)
	}

	// A secret that is generated again is shown once.
	if err := a.sandbox.Allow(northgate); err != nil {
		t.Fatal(err)
	}
	control.pick("action-tenant", fmt.Sprint(northgate))
	control.action("Regenerate the client secret", "Copy the new secret now")
	control.inspect("sandbox-control-secret")
	control.Click("Reset everything", "Reset everything?")
	control.Click("Reset", "No requests yet.")
}

// The control page works with the keyboard alone.
func TestBrowserSandboxKeyboard(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.Goto(a.standIn.URL + "/")
	c.Value(`document.querySelector(".advanced > summary").focus(), ""`)
	c.Press(kb.Enter)
	c.Value(`document.querySelector("input[name=kind]").focus(), ""`)
	c.Press(kb.ArrowDown)
	c.Press(kb.Enter)
	c.See("until switched off")
	planned := a.sandbox.Faults()
	if len(planned) != 1 || planned[0].Kind != sandbox.ExpiredCode || planned[0].Path != sandbox.PathAuthorize {
		t.Errorf("planned are %+v", planned)
	}
}
