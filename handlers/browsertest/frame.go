package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Framed evaluates an expression in the page's only frame, whose value is a text. The
// frame is sandboxed, so the browser runs it in a separate process.
func (p *Page) Framed(expression string) string {
	p.Helper()
	frame := p.frame()
	return get(p, func(ctx context.Context) (string, error) { return p.tab.evaluateIn(ctx, frame, expression) })
}

// frame waits for the page's frame.
func (p *Page) frame() string {
	p.Helper()
	source := p.Value(`document.querySelector("iframe").src`)
	ctx, cancel := context.WithTimeout(p.tab.context(), patience)
	defer cancel()
	var found string
	if !until(ctx, func() bool { found = p.frames()[source]; return found != "" }) {
		p.Fatalf("there is no frame of %s", source)
	}
	return found
}

// Frames returns the addresses that sandboxed frames show.
func (p *Page) Frames() []string { p.Helper(); return slices.Collect(maps.Keys(p.frames())) }

func (p *Page) frames() map[string]string {
	p.Helper()
	return get(p, p.tab.frames)
}

// ClickFramed clicks the button or link with the given words in the page's frame, with
// the mouse. Frame and page scroll separately, so it scrolls the page itself: the frame
// would do it too late.
func (p *Page) ClickFramed(words string) {
	p.Helper()
	spot := p.point(p.Framed(fmt.Sprintf(`(() => {
		const e = `+named+`, at = () => e.getClientRects()[0];
		scrollTo(0, scrollY + at().y - innerHeight / 2);
		return JSON.stringify([at().x + at().width / 2, at().y + at().height / 2]) })()`, words)))
	// The browser knows a frame's position only after it has drawn the page.
	at := p.point(p.Value(fmt.Sprintf(`(async () => {
		const [x, y] = [%f, %f], at = () => document.querySelector("iframe").getBoundingClientRect();
		scrollTo(0, scrollY + at().y + y - innerHeight / 2);
		for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
		return JSON.stringify([at().x + x, at().y + y]) })()`, spot[0], spot[1])))
	p.do(func(ctx context.Context) error { return p.tab.clickAt(ctx, at[0], at[1]) })
}

func (p *Page) point(text string) (at [2]float64) {
	p.Helper()
	if err := json.Unmarshal([]byte(text), &at); err != nil {
		p.Fatal(err)
	}
	return at
}
