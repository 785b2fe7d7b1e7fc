package main

import (
	"fmt"
	"strings"
	"testing"
)

// inFrame waits until the page in a side's frame says the words.
func (g *guest) inFrame(side, words string) {
	g.Helper()
	const says = `(document.querySelector(".%s iframe").contentDocument?.body?.innerText ?? "").replace(/\s+/g, " ")`
	until(g, func() bool { return strings.Contains(g.Value(fmt.Sprintf(says, side)), words) })
}

// Somebody gives the demo of five minutes with Next alone. Both sides show what each step
// says, and the mail comes when a person has to act.
func TestBrowserDemoRun(t *testing.T) {
	base, box := runDemo(t)
	g := newGuest(t, base, box)
	g.Look(1440, 900, "light")
	g.Goto(base + "/demo/run")
	g.See("Step 1 of 8")
	g.inFrame("contractor", "Connect ServiceTitan")
	g.inFrame("support", "Juniper Ridge Mechanical")
	g.Accessible()
	g.Screenshot("demo-run-1")
	for _, step := range []struct {
		title, contractor, support string
	}{
		{"Connected in under a minute", "is connected", "Connected"},
		{"It works, and stays that way", "Connected", "Connected"},
		{"ServiceTitan goes down", "Retrying", "Retrying"},
		{"It comes back by itself", "Connected", "Connected"},
		{"Access is withdrawn", "Needs reconnect", "Needs reconnect"},
		{"Rosa reconnects", "Connected", "Connected"},
		{"And she can leave", "Disconnected", "Disconnected"},
	} {
		if step.title == "It comes back by itself" && strings.Contains(g.Value(`document.querySelector("[data-live=mails]").innerText`), "econnect") {
			t.Error("the outage has sent a mail")
		}
		next(g.Page, step.title, func() { press(g.Page, ".say", "", "Next") })
		g.inFrame("contractor", step.contractor)
		g.inFrame("support", step.support)
		if step.title == "Access is withdrawn" {
			g.See("Newest email to Rosa: Reconnect needed")
		}
		g.Screenshot("demo-run-" + strings.ToLower(strings.ReplaceAll(step.title, " ", "-")))
	}
	g.See("Take the quick tours")
	// Back makes the earlier step true again.
	next(g.Page, "Rosa reconnects", func() { press(g.Page, ".say", "", "Back") })
	g.inFrame("contractor", "Connected")

	// A phone shows one side at a time, and nothing is wider than it.
	g.Look(390, 844, "light")
	if shown := g.Value(`[...document.querySelectorAll(".run-side")].filter(e => e.checkVisibility()).length + " " + (document.documentElement.scrollWidth > innerWidth)`); shown != "1 false" {
		t.Errorf("on a phone: %s", shown)
	}
	g.Choose("#show-support")
	if shown := g.Value(`[...document.querySelectorAll(".run-side")].filter(e => e.checkVisibility()).map(e => e.ariaLabel).join()`); !strings.HasPrefix(shown, "Priya") {
		t.Errorf("it shows %s", shown)
	}
	g.Accessible()
	g.Screenshot("demo-run-phone")

	// A button in a frame does nothing, and leads to the button that opens the page.
	g.Look(1440, 900, "light")
	g.Value(`document.querySelector(".contractor iframe").contentDocument.querySelector("main form button, main a").click(), ""`)
	if focused := g.Value(`document.activeElement.innerText`); !strings.HasPrefix(focused, "Open as Rosa") {
		t.Errorf("%q has the focus", focused)
	}
	g.inFrame("contractor", "Connected")
}
