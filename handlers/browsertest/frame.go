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

// Framed evaluates an expression in the page's one frame. The frame is a
// sandboxed one, which the browser runs apart from the page.
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
	var id target.ID
	p.untilFrames(func(frames map[string]target.ID) bool {
		id = frames[source]
		return id != ""
	}, "there is no frame of "+source)
	return id
}

// FrameLeaves waits until the page's frame shows another address, and returns
// those that frames show then.
func (p *Page) FrameLeaves() []string {
	p.Helper()
	source := p.Value(`document.querySelector("iframe").src`)
	var shown []string
	p.untilFrames(func(frames map[string]target.ID) bool {
		shown = slices.Collect(maps.Keys(frames))
		return frames[source] == ""
	}, "the frame still shows "+source)
	return shown
}

// untilFrames waits until the frames that the browser runs apart are as wanted.
func (p *Page) untilFrames(wanted func(frames map[string]target.ID) bool, failure string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
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
		if wanted(frames) {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			p.Fatal(failure)
		}
	}
}

// ClickFramed clicks the button or link with the words in the page's frame, by
// the mouse. Frame and page scroll apart: told to, the frame would scroll the
// page later.
func (p *Page) ClickFramed(words string) {
	p.Helper()
	spot := Framed[[]float64](p, fmt.Sprintf(`(() => {
		const e = `+named+`, at = () => e.getClientRects()[0];
		scrollTo(0, scrollY + at().y - innerHeight / 2);
		return [at().x + at().width / 2, at().y + at().height / 2] })()`, words))
	// The browser knows where a frame is once it has drawn the page.
	at := run(p, chromedp.Evaluate[[]float64](fmt.Sprintf(`(async () => {
		const [x, y] = [%f, %f], at = () => document.querySelector("iframe").getBoundingClientRect();
		scrollTo(0, scrollY + at().y + y - innerHeight / 2);
		for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
		return [at().x + x, at().y + y] })()`, spot[0], spot[1]), chromedp.EvalAwaitPromise))
	p.do(chromedp.MouseClickXY(at[0], at[1]))
}
