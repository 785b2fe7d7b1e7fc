package browsertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Framed evaluates an expression in the page's only frame. The frame is sandboxed, so
// the browser runs it in a separate process.
func Framed[T any](p *Page, expression string) T {
	p.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithTargetID(p.frame()), chromedp.WithDetachOnCancel())
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.Fatalf("browser, in the frame: %v", err)
	}
	return value
}

// frame waits for the page's frame.
func (p *Page) frame() target.ID {
	p.Helper()
	source := p.Value(`document.querySelector("iframe").src`)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if id, ok := p.frames()[source]; ok {
			return id
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			p.Fatalf("there is no frame of %s", source)
		}
	}
}

// Frames returns the addresses that sandboxed frames show.
func (p *Page) Frames() []string { p.Helper(); return slices.Collect(maps.Keys(p.frames())) }

func (p *Page) frames() map[string]target.ID {
	p.Helper()
	targets, err := chromedp.Targets(p.ctx)
	if err != nil {
		p.Fatalf("browser: %v", err)
	}
	frames := map[string]target.ID{}
	for _, t := range targets {
		if address, _, _ := strings.Cut(t.URL, "#"); t.Type == "iframe" {
			frames[address] = t.TargetID
		}
	}
	return frames
}

// ClickFramed clicks the button or link with the given words in the page's frame, with
// the mouse. Frame and page scroll separately, so it scrolls the page itself: the frame
// would do it too late.
func (p *Page) ClickFramed(words string) {
	p.Helper()
	spot := Framed[[]float64](p, fmt.Sprintf(`(() => {
		const e = `+named+`, at = () => e.getClientRects()[0];
		scrollTo(0, scrollY + at().y - innerHeight / 2);
		return [at().x + at().width / 2, at().y + at().height / 2] })()`, words))
	// The browser knows a frame's position only after it has drawn the page.
	at := run(p, chromedp.Evaluate[[]float64](fmt.Sprintf(`(async () => {
		const [x, y] = [%f, %f], at = () => document.querySelector("iframe").getBoundingClientRect();
		scrollTo(0, scrollY + at().y + y - innerHeight / 2);
		for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
		return [at().x + x, at().y + y] })()`, spot[0], spot[1]), chromedp.EvalAwaitPromise))
	p.do(chromedp.MouseClickXY(at[0], at[1]))
}
