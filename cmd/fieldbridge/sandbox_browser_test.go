package main

import (
	"strings"
	"testing"
)

// The sandbox's pages work on a desktop and on a phone.
func TestBrowserSandbox(t *testing.T) {
	base, box := runDemo(t)
	g := newGuest(t, base, box)
	g.start(1, "Start as Dana", canYouSignIn)
	g.Click("Yes, I can", "What is your tenant ID?")
	g.Type("tenant", "842193311")
	g.Click("Continue", "Continue to ServiceTitan")
	g.toServiceTitan()
	consent := g.Address()
	g.Goto(box + "/mailbox")
	letter := g.Value(`document.querySelector("tbody a").href`)
	for _, look := range []struct {
		name          string
		width, height int64
		scheme        string
	}{
		{"desk", 1280, 800, "light"}, {"dark", 1280, 800, "dark"}, {"phone", 390, 844, "light"}, {"phone-dark", 390, 844, "dark"},
	} {
		g.Look(look.width, look.height, look.scheme)
		for name, address := range map[string]string{
			"consent": consent, "portal": box + "/portal", "mailbox": box + "/mailbox", "letter": letter,
		} {
			g.Goto(address)
			g.See("SANDBOX – not ServiceTitan")
			g.Screenshot("sandbox-" + name + "-" + look.name)
			g.Accessible()
			for what, fault := range sandboxPageProblems() {
				if got := g.Value(fault); got != "" {
					t.Errorf("%s at %s: %s: %s", name, look.name, what, got)
				}
			}
			if home := g.Value(`document.querySelector("header a").href`); home != base+"/demo" {
				t.Errorf("%s leads home to %s", name, home)
			}
		}
		g.Goto(consent)
		g.Click("Other companies", "Prairie Wind Mechanical")
		g.Screenshot("sandbox-others-" + look.name)
	}
	g.Goto(box + "/portal")
	if labels := g.Value(`[...new Set([...document.querySelectorAll("td:has([value=add], [value=remove])")].map(e => e.dataset.label))].join()`); labels != "In the app" {
		t.Errorf("the buttons to add and remove are labelled %q", labels)
	}
	if words := g.Value(`document.body.innerText`); !strings.Contains(words, "stays “Not added”") {
		t.Errorf("it is not said why companies are not added:\n%s", words)
	}
}

// sandboxPageProblems are expressions that name problems of a page of the sandbox.
func sandboxPageProblems() map[string]string {
	return map[string]string{
		"it is wider than the window": `document.documentElement.scrollWidth > innerWidth ? String(document.documentElement.scrollWidth) : ""`,
		"an email or an ID is broken": `[...document.querySelectorAll("td > code, td > .any, th code")].filter(e => {
			const range = document.createRange()
			range.selectNodeContents(e)
			return new Set([...range.getClientRects()].map(r => r.top)).size > 1
		}).map(e => e.innerText).join()`,
		"an email or an ID is cut off": `[...document.querySelectorAll("td > code, td > .any, th code")].filter(e =>
			e.getBoundingClientRect().right > e.closest(".card").getBoundingClientRect().right).map(e => e.innerText).join()`,
		"a button to answer with is out of sight": `[...document.querySelectorAll("[name=decision]")].filter(e => {
			const r = e.getBoundingClientRect()
			return !e.contains(document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2))
		}).map(e => e.innerText).join()`,
		"a card is too narrow": `[...document.querySelectorAll(".card")].filter(e => e.checkVisibility() && e.offsetWidth < 200).map(e => e.innerText).join()`,
		"what can be opened stands too near": `[...document.querySelectorAll("fieldset details")].filter(e =>
			e.getBoundingClientRect().top - e.previousElementSibling.getBoundingClientRect().bottom < 8).map(e => e.innerText).join()`,
	}
}
