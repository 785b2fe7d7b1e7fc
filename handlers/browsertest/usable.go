package browsertest

import (
	"context"
	_ "embed" // for what Usable needs on a page
	"net/http"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed usable.js
var usable string

// Usable fails the test if the page is hard to use with the fingers, with the keyboard
// alone, in a narrow or enlarged window, in forced colors, or with reduced motion, or if
// its parts moved while it loaded. Accessible finds other problems. Usable leaves the
// window as it was after Open. It may load the page again. It returns the bytes of the page, its stylesheets, and its
// scripts.
func (p *Page) Usable() int {
	p.Helper()
	var found []string
	collect := func(check string) {
		p.Helper()
		found = append(found, run(p, chromedp.Evaluate[[]string]("usable."+check+"()"))...)
	}
	p.media("reduce", "none")
	moved := p.moved()
	if len(moved) > 0 { // a busy machine may have shown half of a page
		p.Reload()
		moved = p.moved()
	}
	found = append(found, moved...)
	weight := run(p, chromedp.Evaluate[int]("usable.weight()"))
	collect("moving")
	p.media("reduce", "active")
	collect("bare")
	count := func() int { p.Helper(); return run(p, chromedp.Evaluate[int]("usable.missed()")) }
	collect("before")
	for missed, last := count(), -1; missed != last && missed > 0; {
		p.do(chromedp.KeyEvent(strings.Repeat(kb.Tab, min(missed+3, 60))))
		missed, last = count(), missed
	}
	collect("after")
	p.media("reduce", "none")
	p.do(chromedp.EmulateViewport(640, 450, chromedp.EmulateScale(2))) // an enlargement to 200 %
	collect("sideways")
	p.do(chromedp.EmulateViewport(390, 844))
	collect("small")
	p.do(chromedp.EmulateViewport(320, 700))
	collect("sideways")
	p.do(chromedp.EmulateViewport(1280, 900))
	p.wait("innerWidth === 1280", "the window stays narrow") // the next page must not see it grow
	for _, problem := range found {
		p.Errorf("%s: %s", p.Address(), problem)
	}
	return weight
}

// moved returns the parts of the page that moved while it loaded.
func (p *Page) moved() []string {
	p.Helper()
	p.Value(usable + `;""`)
	return run(p, chromedp.Evaluate[[]string]("usable.shift()", chromedp.EvalAwaitPromise))
}

// media sets what the person prefers, beside light colors.
func (p *Page) media(motion, forcedColors string) {
	p.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: "light"}, {Name: "prefers-reduced-motion", Value: motion}, {Name: "forced-colors", Value: forcedColors},
		}})
		return err
	}))
}

// Cookies gives the tab the cookies of another browser for an address.
func (p *Page) Cookies(address string, cookies []*http.Cookie) {
	p.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, c := range cookies {
			if _, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: address}); err != nil {
				return err
			}
		}
		return nil
	}))
}
