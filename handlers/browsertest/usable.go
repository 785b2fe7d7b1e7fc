package browsertest

import (
	"context"
	_ "embed" // for what Usable needs on a page

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// shifts is what only Chromium measures.
const shifts = "parts that move"

//go:embed usable.js
var usable string

//go:embed whole.js
var whole string

// ForUsable prepares the tab for Usable. Call it before the tab opens a page.
func (p *Page) ForUsable() {
	p.Helper()
	p.Look(1280, 900, "light")
	inChromium(p, shifts, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: whole})
		return err
	}))
}

// Usable fails the test if the page is hard to use with the fingers, with the keyboard
// alone, in a narrow or enlarged window, in forced colors, or with reduced motion, or if
// its parts moved while it loaded. Accessible finds other problems. It returns the bytes of
// the page, its stylesheets, and its scripts.
func (p *Page) Usable() int {
	p.Helper()
	p.Value(usable + `;""`)
	found := p.lists("usable.begin()")
	p.tabThrough()
	found = append(found, p.lists("usable.after()")...)
	p.forcedColors("active")
	inChromium(p, shifts, chromedp.EmulateViewport(640, 450)) // this desk at 200 %
	found = append(found, p.lists("usable.sideways().concat(usable.bare())")...)
	p.forcedColors("none")
	inChromium(p, shifts, chromedp.EmulateViewport(390, 844))
	found = append(found, p.lists("usable.small()")...)
	inChromium(p, shifts, chromedp.EmulateViewport(320, 700))
	found = append(found, p.lists("usable.sideways()")...)
	inChromium(p, shifts, chromedp.EmulateViewport(1280, 900))
	p.wait("innerWidth === 1280", "the window stays narrow") // the next page must not see it grow
	for _, problem := range found {
		p.Errorf("%s: %s", p.Address(), problem)
	}
	return inChromium(p, shifts, chromedp.Evaluate[int]("usable.weight()"))
}

// lists returns what a function of usable.js has found.
func (p *Page) lists(function string) []string {
	p.Helper()
	return inChromium(p, shifts, chromedp.Evaluate[[]string](function, chromedp.EvalAwaitPromise))
}

// tabThrough presses Tab until it has reached every control, or reaches no more.
func (p *Page) tabThrough() {
	p.Helper()
	count := func() int { p.Helper(); return inChromium(p, shifts, chromedp.Evaluate[int]("usable.missed()")) }
	for missed, last := count(), -1; missed != last && missed > 0; {
		inChromium(p, shifts, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			for range min(missed+3, 60) {
				if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "rawKeyDown", Key: "Tab", Code: "Tab", WindowsVirtualKeyCode: 9}); err != nil {
					return err
				}
			}
			return nil
		}))
		missed, last = count(), missed
	}
}

// forcedColors sets whether the person has chosen all colors.
func (p *Page) forcedColors(value string) {
	p.Helper()
	inChromium(p, shifts, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: "light"}, {Name: "prefers-reduced-motion", Value: "reduce"}, {Name: "forced-colors", Value: value},
		}})
		return err
	}))
}
