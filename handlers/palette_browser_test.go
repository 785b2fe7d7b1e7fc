package handlers_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// active is the result that Enter would open.
const active = `(() => {
	const input = document.getElementById("palette-text"), option = document.getElementById(input.getAttribute("aria-activedescendant"));
	return option?.getAttribute("aria-selected") === "true" ? option.innerText.replace(/\s+/g, " ") : "";
})()`

// until waits for an expression to have a text in its value.
func (c *contractor) until(expression, part string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for got := c.Value(expression); !strings.Contains(got, part); got = c.Value(expression) {
		select {
		case <-again.C:
		case <-ctx.Done():
			c.Fatalf("%s: %q, want %q", c.Address(), got, part)
		}
	}
}

// Support finds a company with a typo and the keyboard alone, and acts on its connection.
func TestBrowserPalette(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Harbor Line Electric", "Luis Ortega")
	path := al.connect("sandbox", northgate)
	a.signUp("South Plumbing", "Bob Stone")
	id := strings.TrimPrefix(path, "/connections/")
	a.byHand = append(a.byHand, "closed")
	a.exec("UPDATE connections SET state = ?, reason = ?, next_renewal_at = NULL WHERE id = ?", models.ReconnectNeeded, models.ReasonGrantRefused, id)

	sam := a.staffAt(t, "Sam Okafor", accounts.Support)
	sam.Goto(a.url + "/staff")
	sam.See("Overview")
	sam.tabTo("Queue")
	sam.Press("/")
	sam.Focuses("#palette-text")
	sam.Press("queue")
	sam.until(active, "Queue Page")
	sam.Press(kb.Escape)
	sam.until(`document.querySelector("dialog[open]") ? "open" : "closed: " + document.activeElement.innerText`, "closed: Queue")

	// The typo finds it. Enter opens it.
	sam.Press("/")
	sam.Press("harbr")
	sam.until(active, "Harbor Line Electric Tenant 842193311 · Sandbox Needs reconnect Copy reconnect link")
	sam.Accessible()
	sam.Press(kb.Enter)
	sam.See("ServiceTitan refuses the access")

	// The actions of the connection that is open are found too.
	sam.Press("/")
	sam.Press("send rec")
	sam.until(active, "Send reconnect email Action here")
	sam.Press(kb.Enter)
	sam.See("1 person gets it")
	sam.Click("Go back", "Tell them:")

	// Nobody who types into a field loses a letter to the keys.
	sam.Choose("textarea[name=text]")
	sam.Press("a/b?jk")
	if got := sam.Value(`document.querySelector("textarea[name=text]").value + (document.querySelector("dialog[open]") ? " open" : "")`); got != "a/b?jk" {
		t.Errorf("the note is %q", got)
	}
}

// J and K move through the rows of a list, Enter opens one, and the dialog of keys turns them
// off.
func TestBrowserKeys(t *testing.T) {
	a := newApp(t)
	for name, tenant := range map[string]int{"Alder Air": northgate, "Birch Heating": south, "Cedar Plumbing": 738846120} {
		a.signUp(name, name+" Owner").connect("sandbox", tenant)
	}
	const row = `document.activeElement.innerText`
	sam := a.staffAt(t, "Sam Okafor", accounts.Support)
	sam.Goto(a.url + "/staff/connections?sort=company")
	sam.See("Alder Air")
	for _, step := range []struct{ key, at string }{{"j", "Alder Air"}, {"j", "Birch Heating"}, {"j", "Cedar Plumbing"}, {"j", "Cedar Plumbing"}, {"k", "Birch Heating"}} {
		sam.Press(step.key)
		sam.until(row, step.at)
	}
	sam.Press("?")
	sam.until(`document.querySelector("dialog[open]")?.id ?? ""`, "shortcuts")
	sam.Accessible()
	sam.Press(kb.Escape)
	sam.until(row, "Birch Heating")
	sam.Press(kb.Enter)
	sam.See("It works · since")

	sam.Press("?")
	sam.Choose("#keys-on")
	sam.Press(kb.Escape)
	sam.Goto(a.url + "/staff/connections?sort=company")
	sam.See("Alder Air")
	sam.Press("j")
	sam.Press("/")
	if got := sam.Value(`document.activeElement.tagName + (document.querySelector("dialog[open]") ? " open" : "")`); got != "BODY" {
		t.Errorf("a key that is off does something: %s", got)
	}
}

// The first screen of a connection that needs a reconnect has all that support needs on the
// phone. The reply can be copied, and the mail goes once.
func TestBrowserFirstScreen(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Harbor Line Electric", "Luis Ortega")
	path := al.connect("sandbox", northgate)
	id := strings.TrimPrefix(path, "/connections/")
	a.history(id)
	a.byHand = append(a.byHand, "closed")
	a.exec("UPDATE connections SET state = ?, reason = ?, next_renewal_at = NULL WHERE id = ?", models.ReconnectNeeded, models.ReasonGrantRefused, id)
	a.exec("UPDATE users SET disabled_at = ? WHERE name = 'Ruth Abara'", a.clock.Now().UTC())
	sam := a.staffAt(t, "Sam Okafor", accounts.Support)
	sam.Look(1280, 800, "light")
	sam.Goto(a.url + "/staff" + path)
	sam.See("ServiceTitan refuses the access")
	// The banner of a demo is 36 pixels high.
	const below = `[...document.querySelectorAll(
			"h1, h1 .badge, [data-actions] > *, #why, .tell > p, .tell > button, [aria-labelledby=activity] > header, [aria-labelledby=activity] .timeline:first-child > li:nth-child(-n + 5), .bars"
		)].filter(e => e.checkVisibility() && e.getBoundingClientRect().bottom > innerHeight - 36).map(e => e.className + " " + e.innerText + " ends at " + e.getBoundingClientRect().bottom).join("; ")`
	if got := sam.Value(below); got != "" {
		t.Errorf("below the first screen: %s", got)
	}
	if n := sam.Value(`String(document.querySelector("[aria-labelledby=activity] .timeline").children.length)`); n != "5" {
		t.Errorf("%s events are on the first screen", n)
	}
	reply := sam.Value(`document.getElementById("reply").value`)
	for _, want := range []string{"Hi Luis,\n\n", "choose Reconnect", a.url + path, "Sam\nFieldbridge support"} {
		if !strings.Contains(reply, want) {
			t.Errorf("the reply lacks %q: %s", want, reply)
		}
	}
	sam.Value(`window.copied = "", navigator.clipboard.writeText = async text => { window.copied = text }, ""`)
	sam.Click("Copy reply", "Copied")
	if got := sam.Value(`window.copied`); got != reply {
		t.Errorf("copied %q", got)
	}
	sam.inspect("staff-first-screen")

	send := func(then string) {
		sam.Click("Send reconnect email", "Send the reconnect email?")
		sam.See(then)
	}
	send("1 person gets it")
	sam.inspect("staff-reconnect-mail")
	sam.Click("Send it", "The reconnect email is on its way")
	sam.See("Reconnect email sent")
	send("one reconnect email a day")
	if n := a.count("SELECT count(*) FROM mails WHERE kind = 'reconnect_needed'"); n != 1 {
		t.Errorf("%d mails are queued", n)
	}
}
