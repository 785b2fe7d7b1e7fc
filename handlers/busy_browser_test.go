package handlers_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// pressTwice presses the button twice with a busy label, and says at once what the button
// shows, whether it counts as disabled, and what screen readers are told.
const pressTwice = `(() => {
	const button = document.querySelector('[data-busy="Asking ServiceTitan"]');
	button.click(); button.click();
	const told = document.querySelector("body > p[role=status]").textContent;
	return [button.innerText.trim(), button.getAttribute("aria-disabled"), told].join(" | ");
})()`

// While ServiceTitan takes its time, the button says so at once, and a second press does
// nothing.
func TestBrowserBusyButton(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.signUp("Northgate Heating & Plumbing")
	c.toServiceTitan(northgate)
	c.allow()
	c.Click("Go to your connection", "Test connection")
	if _, err := a.sandbox.PlanFault(sandbox.Fault{Kind: sandbox.Slow, Path: sandbox.PathBusinessUnits, Delay: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
	const busy = "Asking ServiceTitan | true | Asking ServiceTitan"
	if got := c.Value(pressTwice); got != busy {
		t.Errorf("the button shows %q, want %q", got, busy)
	}
	c.See("Test passed. ServiceTitan answered in 2.")
	if n := a.sandbox.Fired(sandbox.Slow); n != 1 {
		t.Errorf("ServiceTitan was asked %d times, want once", n)
	}
	c.Back()
	c.See("Test connection")
	const normal = `[...document.querySelectorAll("[data-busy]")].filter((button) => button.ariaDisabled).length + ""`
	if n := c.Value(normal); n != "0" {
		t.Errorf("%s buttons are still busy", n)
	}
}

// The font has every character of our pages, so that no other font is among it.
func TestBrowserFontHasWhatPagesSay(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.Goto(a.url + "/signup")
	c.See("Create your account")
	c.Reload() // a font that comes too late is used from the second page on
	c.See("Create your account")
	c.Value(`(() => { const p = document.createElement("p"); p.id = "said"; p.textContent = ` + strconv.Quote(saidByPages(t)) + `; document.querySelector("main").append(p); return String(p.offsetWidth) })()`)
	got := c.Fonts("#said")
	if len(got) != 1 || got["Inter Variable"]+got["Inter"] == 0 {
		t.Errorf("the characters are drawn in %v", got)
	}
}

// typed matches the letters and signs beyond ASCII in pages. Signs that a page only reads,
// and never shows, are not among them.
var typed = regexp.MustCompile(`[^\x00-\x7f]`)

// saidByPages returns each character of the templates once, with those of names.
func saidByPages(t *testing.T) string {
	t.Helper()
	said := []string{"0123456789 abcxyz ABCXYZ ÅÉÑÖßéñøüčđęğłőřşšťůźžŽ €"}
	for _, pattern := range []string{"../views/*.templ", "../views/staff/*.templ"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 10 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, sign := range typed.FindAllString(string(text), -1) {
				if !slices.Contains(said, sign) {
					said = append(said, sign)
				}
			}
		}
	}
	return strings.Join(said, "")
}
