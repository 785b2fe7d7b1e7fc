package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/browsertest"
)

// guest is somebody who tries a demo in a browser with three tabs: one with the
// journeys, one with Fieldbridge, and one with its sandbox.
type guest struct {
	*browsertest.Page
	tour, beside *browsertest.Page
	base, box    string
}

// runDemo runs the command itself, and returns the addresses of the app and its
// sandbox.
func runDemo(t *testing.T) (base, box string) {
	t.Helper()
	dir := t.TempDir()
	addr, admin, sandbox := freeAddrs(t)
	// The app has another host name than the sandbox, as in a demo by default.
	base = strings.Replace("http://"+addr, "127.0.0.1", "localhost", 1)
	for name, value := range map[string]string{
		"FIELDBRIDGE_ADDR": addr, "FIELDBRIDGE_ADMIN_ADDR": admin, "FIELDBRIDGE_BASE_URL": base,
		"FIELDBRIDGE_SANDBOX_ADDR": sandbox, "FIELDBRIDGE_SANDBOX_URL": "http://" + sandbox,
		"FIELDBRIDGE_DATABASE_URL": filepath.Join(dir, "app.db"), "FIELDBRIDGE_KEYSET_FILE": filepath.Join(dir, "keyset.json"), "FIELDBRIDGE_LOG_LEVEL": "error",
		// Shorter than the default, so that the test need not wait long.
		"FIELDBRIDGE_KEEPALIVE": "10s",
	} {
		t.Setenv(name, value)
	}
	running(t, demoCommand{}.Run, admin)
	return base, "http://" + sandbox
}

func newGuest(t *testing.T, base, box string) *guest {
	t.Helper()
	page := browsertest.Open(t)
	page.Expect("/live") // a page's stream is refused after another tab has signed in as somebody else
	return &guest{Page: page, tour: page.Tab(), beside: page.Tab(), base: base, box: box}
}

// start presses a button of the nth journey, whose title is checked. The test continues
// in the tab that opens.
func (g *guest) start(n int, label, then string) {
	g.Helper()
	g.tour.Goto(fmt.Sprintf("%s/demo?tour=%d", g.base, n))
	g.tour.See("Quick tours")
	opened := g.tour.Opened(func() { press(g.tour, fmt.Sprintf(`[aria-labelledby="journey-%d"]`, n), "", label) })
	opened.See(then)
	g.tour.See("Quick tours")
	g.Goto(opened.Address())
	g.See(then)
	opened.Close()
}

// press presses the button or link whose text begins with the words, within the element
// of the selector.
func (g *guest) press(within, words, then string) {
	g.Helper()
	press(g.Page, within, "", words)
	g.See(then)
}

// besideRow presses a button in the row of the sandbox's page that has the words.
func (g *guest) besideRow(row, button, then string) {
	g.Helper()
	g.besideIn("tr", row, button, then)
}

// besideIn presses a button in the element of the sandbox's page that has the words.
func (g *guest) besideIn(element, words, button, then string) {
	g.Helper()
	next(g.beside, then, func() { press(g.beside, element, words, button) })
}

// next does something that leads to another page, and waits until that page shows the
// text. The previous page may show it too.
func next(p *browsertest.Page, then string, do func()) {
	p.Helper()
	p.Value(`document.body.dataset.before = "", ""`)
	do()
	p.Gone("[data-before]")
	p.See(then)
}

// press presses a button or link within the first element of a selector that has the
// text.
func press(p *browsertest.Page, within, text, words string) {
	p.Helper()
	const script = `(() => {
		const shown = e => e.checkVisibility(), wordsOf = e => e.innerText.replace(/\s+/g, " ").trim()
		const at = [...document.querySelectorAll(%q)].find(e => shown(e) && wordsOf(e).includes(%q))
		;[...at.querySelectorAll("button, a, summary")].find(e => shown(e) && wordsOf(e).startsWith(%q)).click()
		return "" })()`
	p.Value(fmt.Sprintf(script, within, text, words))
}

// toBeside opens a page of the sandbox with a journey's link.
func (g *guest) toBeside(n int, link, then string) {
	g.Helper()
	g.beside.Goto(fmt.Sprintf("%s/demo?tour=%d", g.base, n))
	address := g.beside.Value(fmt.Sprintf(`[...document.querySelectorAll('[aria-labelledby="journey-%d"] a')].find(e => e.innerText.startsWith(%q)).href`, n, link))
	g.beside.Goto(address)
	g.beside.See(then)
}

// toServiceTitan goes from the review to the sandbox, and signs in there.
func (g *guest) toServiceTitan() {
	g.Helper()
	g.Click("Continue to ServiceTitan", "Sign in to the sandbox")
	g.Click("Sign in", "Allow Fieldbridge to use a test company?")
}

// reloaded reloads the page until it shows the text.
func (g *guest) reloaded(text string) {
	g.Helper()
	until(g, func() bool {
		g.Reload()
		return strings.Contains(g.Value(`document.body.innerText.replace(/\s+/g, " ")`), text)
	})
}

// becomes reloads the page until the connection has the state. The timeline below may
// name the state too, from an earlier day.
func (g *guest) becomes(state string) {
	g.Helper()
	until(g, func() bool {
		g.Reload()
		return g.Value(`document.querySelector("main .badge").innerText`) == state
	})
}

// renewing is the journey whose last tick comes after up to two minutes.
const renewing = "Watch access renew itself"

// canYouSignIn is the first question of connecting.
const canYouSignIn = "Can you sign in to ServiceTitan as an admin?"

// tickedAtFirst returns how many steps are ticked off.
func (g *guest) tickedAtFirst() string {
	g.Helper()
	g.tour.Goto(g.base + "/demo")
	return g.tour.Value(`"" + document.querySelectorAll(".how > .done").length`)
}

// ticked waits until the nth journey has a tick at each step that anybody can know about.
// The page of the journeys ticks them off by itself, also as soon as somebody comes back
// to it.
func (g *guest) ticked(n int) {
	g.Helper()
	if g.tour.Value("location.pathname") != "/demo" {
		g.tour.Goto(g.base + "/demo")
	}
	g.tour.Value(`dispatchEvent(new Event("focus")), ""`)
	g.tour.Gone(fmt.Sprintf(`[aria-labelledby="journey-%d"] .how > li:not(.done, .look)`, n))
	g.tour.See("Done")
}

// A guest can follow all fifteen journeys of a demo exactly as it describes them.
func TestBrowserDemoJourneys(t *testing.T) {
	base, box := runDemo(t)
	walks := []struct {
		title string
		walk  func(*guest)
	}{
		{"Connect in under a minute", func(g *guest) {
			g.start(1, "Start as Dana", canYouSignIn)
			g.Click("Yes, I can", "What is your tenant ID?")
			g.Type("tenant", "842193311")
			g.Click("Continue", "Continue to ServiceTitan")
			g.toServiceTitan()
			g.Click("Allow", "Go to your connection")
			g.Click("Go to your connection", "Access renews automatically")
		}},
		{"Say no, and try again", func(g *guest) {
			g.start(2, "Start as Dana", canYouSignIn)
			g.Click("Yes, I can", "What is your tenant ID?")
			g.Type("tenant", "918640725")
			g.Click("Continue", "Continue to ServiceTitan")
			g.toServiceTitan()
			g.Click("Deny", "Access was not given")
			g.Click("Try again", "Continue to ServiceTitan")
			g.Click("Continue to ServiceTitan", "Allow Fieldbridge to use a test company?")
			g.Click("Allow", "Go to your connection")
		}},
		{renewing, func(g *guest) {
			g.start(3, "Start as Theo", "Theo Marsh Member")
			g.press("main", "Blue Mesa Air Conditioning", "Access renews automatically")
			g.Click("Test connection", "Theo Marsh ran a test")
			g.toBeside(3, "Last requests, live", "Last requests")
			g.beside.See("/connect/token")
			g.beside.See("grant_type=refresh_token")
			g.Reload()
			g.See("Last renewed")
		}},
		{"ServiceTitan is down, and comes back", func(g *guest) {
			g.start(4, "Start as Grace", "Grace Lindqvist Owner")
			g.press("main", "Lakeshore Comfort Systems", "Retrying")
			g.toBeside(4, "Faults that are on", "Lakeshore Comfort Systems")
			g.besideRow("Lakeshore Comfort Systems", "Off", "Faults that are on")
			g.start(4, "Continue as Priya", "Priya Nair Support")
			g.press("main", "Lakeshore Comfort Systems", "Timeline")
			g.Click("Refresh now", "Refreshed.")
			g.See("Works again")
			g.See("Connected")
		}},
		{"Access was withdrawn: reconnect", func(g *guest) {
			g.start(5, "Start as Luis", "Luis Ortega Owner")
			g.press("main", "Harbor Line Electric", "Needs reconnect")
			g.Click("Reconnect", "Continue to ServiceTitan")
			g.toServiceTitan()
			g.Click("Allow", "Go to your connection")
			g.Click("Go to your connection", "Access renews automatically")
			g.See("Reconnected")
		}},
		{"Withdraw access, and follow the email", func(g *guest) {
			g.toBeside(6, "Do at once", "Do at once")
			g.beside.Choose(`[aria-label="Do: Withdraw the app"]`)
			g.beside.See("Withdraw the app · done 1×")
			g.start(6, "Start as June", "June Abbott Owner")
			g.press("main", "Kettle Creek Plumbing & Drain", "Disconnect")
			if g.Value(`document.querySelector("main .badge").innerText`) == "Connected" { // the keeper has not noticed it yet
				g.Click("Test connection", "Needs reconnect")
			}
			g.toBeside(6, "Mailbox", "Mailbox")
			g.Goto(g.inLetter("Reconnect needed", "june@kettlecreek.example", "Reconnect ServiceTitan"))
			g.See("Needs reconnect")
			g.press("main", "Reconnect", "Continue to ServiceTitan")
			g.toServiceTitan()
			g.Click("Allow", "Go to your connection")
			g.inLetter("Works again", "june@kettlecreek.example", "connection")
		}},
		{"Set up with us, from both sides", func(g *guest) {
			g.start(7, "Start as Wade", "Wade Jensen Owner")
			g.press("main", "New ServiceTitan account", "Prairie Wind")
			path := g.Address()
			g.start(7, "Continue as Priya", "Priya Nair Support")
			g.press("main", "Prairie Wind Mechanical", "Tenant ID is added")
			desk := g.Address()
			g.toBeside(7, "Developer portal", "Prairie Wind Mechanical")
			g.besideRow("Prairie Wind Mechanical", "Add", "Not Connected Yet")
			g.Click("Tenant ID is added", "Their admin allows access")
			g.start(7, "Start as Wade", "Wade Jensen Owner")
			g.Goto(path)
			g.See("I have allowed it")
			g.toBeside(7, "Wade’s ServiceTitan page", "Connect New App")
			g.beside.Click("Connect New App", "Fieldbridge: review API scopes")
			g.beside.Click("Allow Access", "Application Details")
			g.Click("I have allowed it", "There is nothing you need to do.")
			g.start(7, "Continue as Priya", "Priya Nair Support")
			g.toBeside(7, "Developer portal", "Prairie Wind Mechanical")
			id, secret := g.generate("tr", "Prairie Wind Mechanical")
			g.Goto(desk)
			g.See("Confirm who controls the tenant")
			g.Type("admin", "Wade Jensen")
			g.Type("role", "Owner")
			g.Choose("#channel-called_back")
			g.Type("contact", "The number on their website")
			g.Click("Record the confirmation", "Confirmed with")
			g.See("Check and connect")
			g.Type("client", id)
			g.Type("secret", secret)
			g.Click("Check and connect", "It works")
		}},
		{"Use a client ID and secret", func(g *guest) {
			g.start(8, "Start as Dana", canYouSignIn)
			g.Click("I have a client ID and secret", "What is your tenant ID?")
			g.Type("tenant", "905118274")
			g.Click("Continue", "Check and connect")
			g.toBeside(8, "Northgate South’s ServiceTitan page", "Connect New App")
			g.beside.Click("Connect New App", "Fieldbridge: review API scopes")
			g.beside.Click("Allow Access", "Application Details")
			id, secret := g.generate("main", "Application Details")
			g.Type("client", id)
			g.Type("secret", secret)
			g.Click("Check and connect", "Go to your connection")
		}},
		{"A contractor calls", func(g *guest) {
			g.start(9, "Start as Priya", "Priya Nair Support")
			g.Type("q", "Silver Creek")
			next(g.Page, "Silver Creek Sprinkler", func() { g.Choose("[role=search] button") })
			g.press("table", "Silver Creek Sprinkler", "Timeline")
			g.See("Needs reconnect")
			g.See("Tell them")
			g.Click("Copy reconnect link", "Link to their page")
			g.Type("text", "Dale asks the office to enable Fieldbridge again.")
			g.Click("Add note", "Dale asks the office to enable Fieldbridge again.")
		}},
		{"Disconnect, and who may", func(g *guest) {
			g.start(10, "Start as Otis", "Otis Bell Member")
			g.press("main", "Cedar Ridge HVAC", "Only owners can end this connection. Ask Marta Quinn.")
			g.start(10, "Continue as Marta", "Marta Quinn Owner")
			g.press("main", "Cedar Ridge HVAC", "Access renews automatically")
			g.Click("Disconnect", "Disconnect ServiceTitan?")
			g.press("dialog", "Disconnect", "Disconnected")
		}},
		{"An app connects its customer", func(g *guest) {
			g.toBeside(11, "Acme Scheduling", "Our customers")
			g.beside.Screenshot("demo-sample-app")
			g.beside.Accessible()
			g.besideIn("li", "Bright Sky Plumbing", "Connect ServiceTitan", "Acme Scheduling wants to connect ServiceTitan for Bright Sky Plumbing")
			g.beside.Click("Continue", "Continue to ServiceTitan")
			g.beside.Click("Continue to ServiceTitan", "Sign in to the sandbox")
			g.beside.Click("Sign in", "Allow Fieldbridge to use a test company?")
			g.beside.Click("Allow", "Back at Acme Scheduling")
			g.beside.See("Status of the session")
			g.beside.See("Plumbing - Service")
			g.beside.Accessible()
			g.beside.Screenshot("demo-sample-app-return")
			g.toBeside(11, "Webhooks", "connection.connected")
			g.beside.See("Verified")
			g.beside.Goto(g.box + "/webhooks") // does not reload by itself
			g.beside.Accessible()
			g.beside.Screenshot("demo-webhooks")
			g.start(11, "Start as Priya", "Priya Nair Support")
			g.Type("q", "Bright Sky")
			next(g.Page, "Bright Sky Plumbing", func() { g.Choose("[role=search] button") })
			g.press("table", "Bright Sky Plumbing", "Timeline")
		}},
		{"Replace a client secret, without a break", func(g *guest) {
			g.start(12, "Start as Simone", "Simone Landry Owner")
			g.press("main", "Bayou Air & Electric", "Replace it")
			g.Click("Replace it", "Check and replace")
			g.toBeside(12, "Bayou Air’s ServiceTitan page", "Application Details")
			g.besideIn(".actions", "cs2 empty", "Generate", "Copy the new secret now")
			g.Type("secret", g.beside.Value(`document.querySelector("#client-secret").innerText`))
			g.Click("Check and replace", "One step is left")
			g.besideIn(".actions", "cs1 in use", "Delete", "cs1 empty")
			g.Click("I have deleted the old secret", "Client secret deleted")
			g.start(12, "Continue as Priya", "Priya Nair Support")
			g.Click("Secrets", "No secret is ever shown")
			g.Click("Queue", "Secrets to replace")
		}},
		{"Tokens still come, and nothing works", func(g *guest) {
			g.toBeside(13, "Do at once", "Do at once")
			g.beside.Choose(`[aria-label="Do: Disable the app, with tokens as before"]`)
			g.beside.See("Companies that disabled the app: 1.")
			g.start(13, "Start as Owen", "Owen Tremblay Owner")
			g.press("main", "Granite State Heating", "Disconnect")
			if g.Value(`document.querySelector("main .badge").innerText`) == "Connected" { // no check has noticed it yet
				g.Click("Test connection", "Needs reconnect")
			}
			g.beside.Choose(`[aria-label="Do: Restore"]`)
			g.beside.See("Companies restored: 1.")
			g.Click("I have allowed it again", "Test passed")
		}},
		{"Part of the access is lost", func(g *guest) {
			g.toBeside(14, "Do at once", "Do at once")
			g.beside.Choose(`[aria-label="Do: Lose a scope"]`)
			g.beside.See("Companies that lost the scope: 1.")
			g.start(14, "Start as Marcus", "Marcus Webb Owner")
			g.press("main", "Riverbend Electric", "Disconnect")
			g.reloaded("New version to allow")
			g.beside.Choose(`[aria-label="Do: Restore"]`)
			g.beside.See("Companies restored: 1.")
		}},
		{"An outage of ServiceTitan, and its end", func(g *guest) {
			g.toBeside(15, "Outage", "Take ServiceTitan down")
			g.beside.Click("Take ServiceTitan down", "ServiceTitan is down.")
			g.start(15, "Start as Declan", "Declan O’Rourke Owner")
			g.press("main", "O’Rourke & Sons Heating", "Disconnect")
			g.becomes("Retrying")
			g.See("There is nothing you need to do")
			g.start(15, "Continue as Priya", "Priya Nair Support")
			g.See("Retrying")
			g.beside.Click("Bring it back", "Take ServiceTitan down")
			g.start(15, "Start as Declan", "Declan O’Rourke Owner")
			g.press("main", "O’Rourke & Sons Heating", "Disconnect")
			g.becomes("Connected")
			g.toBeside(15, "Mailbox", "Mailbox")
			if page := g.beside.Value(`document.body.innerText`); strings.Contains(page, "declan@orourkeheating.example") {
				g.Errorf("Declan got a mail:\n%s", page)
			}
		}},
	}
	if ticked := newGuest(t, base, box).tickedAtFirst(); ticked != "0" {
		t.Errorf("%s steps are ticked off before anybody has done anything", ticked)
	}
	if n := len(demoPages(new(url.URL), nil).Journeys); n != len(walks) {
		t.Fatalf("%d journeys, %d are walked", n, len(walks))
	}
	for i, w := range walks {
		t.Run(w.title, func(t *testing.T) {
			g := newGuest(t, base, box)
			g.Look(1280, 900, "light") // without transitions, which change colors on the way
			g.Goto(base + "/demo")
			g.See(w.title)
			if i == 0 {
				g.Accessible()
			}
			w.walk(g)
			if w.title != renewing {
				g.ticked(i + 1)
			}
			g.Screenshot(fmt.Sprintf("demo-journey-%d", i+1))
		})
	}
	t.Run(renewing+", and has", func(t *testing.T) {
		newGuest(t, base, box).ticked(3)
	})
	t.Run("Reset everything", func(t *testing.T) {
		g := newGuest(t, base, box)
		g.start(1, "Start as Dana", canYouSignIn)
		g.beside.Goto(box)
		g.beside.Click("Reset everything", "The demo starts over")
		press(g.beside, "dialog", "", "Reset")
		g.beside.See("No requests yet.")
		g.Goto(base + "/connections")
		g.See("Demo sign-in")
		g.press("main", "DW Dana Whitfield", "connect ServiceTitan")
	})
}

// inLetter waits until the newest mail to somebody has the subject, and returns the
// target of its link with the words.
func (g *guest) inLetter(subject, to, words string) string {
	g.Helper()
	const newest = `[...document.querySelectorAll("tbody tr")].find(e => e.innerText.includes(%q))?.querySelector("a").innerText ?? ""`
	until(g, func() bool {
		g.beside.Goto(g.box + "/mailbox")
		return strings.Contains(g.beside.Value(fmt.Sprintf(newest, to)), subject)
	})
	press(g.beside, "tr", to, "")
	g.beside.See("Plain text version")
	g.beside.Goto(g.beside.Value(`document.querySelector("iframe").src`))
	g.beside.See(words)
	return g.beside.Value(fmt.Sprintf(`[...document.querySelectorAll("a")].find(e => e.innerText.includes(%q)).href`, words))
}

// generate makes a client secret in the row of the sandbox's page that has the words.
// The secret is shown only once.
func (g *guest) generate(row, words string) (id, secret string) {
	g.Helper()
	press(g.beside, row, words, "Generate")
	g.beside.See("Copy the new secret now")
	return g.beside.Value(`document.querySelector("#client-id").innerText`), g.beside.Value(`document.querySelector("#client-secret").innerText`)
}
