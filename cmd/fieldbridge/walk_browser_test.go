package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/browsertest"
)

// mostClicks is how many clicks lead from the front page of a demo to a connection.
const mostClicks = 7

// walk goes through the pages of a demo, and takes a picture of each.
type walk struct {
	*browsertest.Page
	name             string
	pictures, clicks int
}

// picture takes the next picture, of what somebody sees without scrolling.
func (w *walk) picture() {
	w.Helper()
	w.pictures++
	w.Picture(fmt.Sprintf("%s-%02d", w.name, w.pictures))
}

// click clicks and counts.
func (w *walk) click(words, then string) {
	w.Helper()
	w.Click(words, then)
	w.clicks++
}

// The shortest way from the front page of a demo to a connection takes few clicks. The
// README's pictures are of this walk, in light and in dark.
func TestBrowserWalk(t *testing.T) {
	base, _ := runDemo(t)
	for _, look := range []string{"light", "dark"} {
		t.Run(look, func(t *testing.T) {
			page := browsertest.Open(t)
			page.Look(1280, 800, look)
			page.Goto(base + "/")
			page.See("Connect ServiceTitan once.")
			w := &walk{Page: page, name: "walk-" + look}
			w.picture()
			began := time.Now()
			w.click("Take a quick tour", "Quick tours")
			w.picture()
			w.Page = w.Opened(func() { press(page, `[aria-labelledby="journey-1"]`, "", "Start as Dana") })
			w.clicks++
			w.Look(1280, 800, look)
			w.See(canYouSignIn)
			w.picture()
			w.click("Yes, I can", "What is your tenant ID?")
			w.Type("tenant", map[string]string{"light": "842193311", "dark": "918640725"}[look])
			w.picture()
			w.click("Continue", "Continue to ServiceTitan")
			w.picture()
			w.click("Continue to ServiceTitan", "Sign in to the sandbox")
			w.click("Sign in", "Allow Fieldbridge to use a test company?")
			w.picture()
			w.click("Allow", "Go to your connection")
			t.Logf("%d clicks and %.1f s from the front page to a connection, pictures included", w.clicks, time.Since(began).Seconds())
			if w.clicks > mostClicks {
				t.Errorf("%d clicks, want at most %d", w.clicks, mostClicks)
			}
			w.picture()
			w.Click("Go to your connection", "Access renews automatically")
			w.Screenshot("connection-" + look)
			w.picture()
		})
	}
}
