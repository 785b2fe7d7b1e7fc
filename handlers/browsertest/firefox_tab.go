package browsertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/chromedp/chromedp/kb"
)

// firefoxTab is a tab of Firefox.
type firefoxTab struct {
	*firefox
	ctx    context.Context
	cancel context.CancelFunc
	id     string // the tab's browsing context
	user   string // its user context, which has the cookies
	first  bool   // whether the user context ends with the tab
}

// create opens a tab of a user context, in a window of its own. So it is visible at all
// times, as the tabs of a Chromium without a screen are.
func (f *firefox) create(ctx context.Context, user string, first bool) (*firefoxTab, error) {
	made, err := call[inContext](ctx, f.session, "browsingContext.create", newTab{Type: "window", UserContext: user})
	if err != nil {
		return nil, err
	}
	return f.adopt(made.Context, user, first), nil
}

func (f *firefox) adopt(id, user string, first bool) *firefoxTab {
	ctx, cancel := context.WithCancel(context.Background())
	return &firefoxTab{firefox: f, ctx: ctx, cancel: cancel, id: id, user: user, first: first}
}

func (t *firefoxTab) beside() (tab, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return t.create(ctx, t.user, false)
}

func (t *firefoxTab) opens(ctx context.Context, act func()) (tab, error) {
	opened := make(chan string, 1)
	t.mu.Lock()
	t.opening[t.user] = opened
	t.mu.Unlock()
	act()
	select {
	case id := <-opened:
		return t.adopt(id, t.user, false), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (t *firefoxTab) close() []string {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	// All that the console has said comes before the answer.
	if t.first {
		_ = do(ctx, t.session, "browser.removeUserContext", userContext{t.user})
	} else {
		_ = do(ctx, t.session, "browsingContext.close", inContext{t.id})
	}
	t.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	said := t.said[t.id]
	delete(t.said, t.id)
	return said
}

func (t *firefoxTab) context() context.Context { return t.ctx }

func (t *firefoxTab) navigate(ctx context.Context, address string) error {
	return do(ctx, t.session, "browsingContext.navigate", navigation{Context: t.id, URL: address, Wait: "complete"})
}

func (t *firefoxTab) reload(ctx context.Context) error {
	return do(ctx, t.session, "browsingContext.reload", navigation{Context: t.id, Wait: "complete"})
}

func (t *firefoxTab) evaluate(ctx context.Context, expression string) (string, error) {
	return t.firefox.evaluate(ctx, t.id, expression)
}

func (t *firefoxTab) frames(ctx context.Context) (map[string]string, error) {
	tree, err := call[contextTree](ctx, t.session, "browsingContext.getTree", treeOf{Root: t.id})
	if err != nil {
		return nil, err
	}
	frames := map[string]string{}
	for _, frame := range tree.Contexts[0].Children {
		// Where a page is refused, the tree has its address, but the frame shows the browser's own.
		if address, err := t.firefox.evaluate(ctx, frame.Context, "document.documentURI"); err == nil {
			address, _, _ = strings.Cut(address, "#")
			frames[address] = frame.Context
		}
	}
	return frames, nil
}

func (t *firefoxTab) evaluateIn(ctx context.Context, frame, expression string) (string, error) {
	return t.firefox.evaluate(ctx, frame, expression)
}

// find brings the tab to the front, because only that one gets clicks and keys. Then it
// waits until an element is visible, and calls one of its methods.
func (t *firefoxTab) find(ctx context.Context, element, method string) (string, error) {
	if err := do(ctx, t.session, "browsingContext.activate", inContext{t.id}); err != nil {
		return "", err
	}
	script := fmt.Sprintf(`(e => { if (!e?.checkVisibility()) return null; e.%s; return e })(%s)`, method, element)
	var id string
	if !until(ctx, func() bool {
		found, err := t.value(ctx, t.id, script) // a navigation may interrupt it
		id = found.SharedID
		return err == nil && id != ""
	}) {
		return "", errors.New("there is no visible " + element)
	}
	return id, nil
}

func (t *firefoxTab) click(ctx context.Context, found string) error {
	id, err := t.find(ctx, found, `scrollIntoView({ block: "center", behavior: "instant" })`)
	if err != nil {
		return err
	}
	return t.mouse(ctx, action{Type: "pointerMove", X: new(0), Y: new(0), Origin: &origin{Type: "element", Element: element{id}}})
}

func (t *firefoxTab) clickAt(ctx context.Context, x, y float64) error {
	if err := do(ctx, t.session, "browsingContext.activate", inContext{t.id}); err != nil {
		return err
	}
	return t.mouse(ctx, action{Type: "pointerMove", X: new(int(x)), Y: new(int(y))})
}

// mouse clicks where a move leads to.
func (t *firefoxTab) mouse(ctx context.Context, move action) error {
	return t.act(ctx, inputActions{Type: "pointer", ID: "mouse", Actions: []action{move, {Type: "pointerDown", Button: new(0)}, {Type: "pointerUp", Button: new(0)}}})
}

func (t *firefoxTab) act(ctx context.Context, how inputActions) error {
	return do(ctx, t.session, "input.performActions", actions{Context: t.id, Actions: []inputActions{how}})
}

func (t *firefoxTab) fill(ctx context.Context, found, text string) error {
	if _, err := t.find(ctx, found, "focus()"); err != nil {
		return err
	}
	return t.keys(ctx, text)
}

func (t *firefoxTab) press(ctx context.Context, keys string) error {
	if err := do(ctx, t.session, "browsingContext.activate", inContext{t.id}); err != nil {
		return err
	}
	return t.keys(ctx, keys)
}

// toWebDriver replaces the names of keys in tests with those of WebDriver.
var toWebDriver = strings.NewReplacer(
	"\n", "\uE007", kb.Enter, "\uE007", kb.Tab, "\uE004", kb.Escape, "\uE00C", kb.Backspace, "\uE003",
	kb.ArrowLeft, "\uE012", kb.ArrowUp, "\uE013", kb.ArrowRight, "\uE014", kb.ArrowDown, "\uE015", kb.End, "\uE010", kb.Home, "\uE011",
)

func (t *firefoxTab) keys(ctx context.Context, text string) error {
	var pressed []action
	for _, key := range toWebDriver.Replace(text) {
		pressed = append(pressed, action{Type: "keyDown", Value: string(key)}, action{Type: "keyUp", Value: string(key)})
	}
	return t.act(ctx, inputActions{Type: "key", ID: "keyboard", Actions: pressed})
}

func (t *firefoxTab) resize(ctx context.Context, width, height int64) error {
	return do(ctx, t.session, "browsingContext.setViewport", viewport{Context: t.id, Viewport: size{Width: width, Height: height}})
}

func (t *firefoxTab) prefer(ctx context.Context, scheme string) error {
	return t.wish(ctx, fmt.Sprintf(`{ prefersColorSchemeOverride: %q, prefersReducedMotionOverride: "reduce" }`, scheme))
}

func (t *firefoxTab) stopScripts(ctx context.Context) error {
	return t.wish(ctx, `{ allowJavascript: false }`)
}

func (t *firefoxTab) wish(ctx context.Context, wished string) error {
	_, err := t.firefox.evaluate(ctx, t.window, fmt.Sprintf(`wish(%q, %s)`, t.id, wished))
	return err
}

func (t *firefoxTab) setCookies(ctx context.Context, address string, cookies []*http.Cookie) error {
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	for _, c := range cookies {
		set := cookie{Name: c.Name, Value: cookieValue{Type: "string", Value: c.Value}, Domain: at.Hostname()}
		if err := do(ctx, t.session, "storage.setCookie", newCookie{Cookie: set, Partition: partition{Type: "storageKey", UserContext: t.user}}); err != nil {
			return err
		}
	}
	return nil
}

func (t *firefoxTab) screenshot(ctx context.Context, whole bool) ([]byte, error) {
	wanted := picture{Context: t.id, Origin: "viewport"}
	if whole {
		wanted.Origin = "document"
	}
	taken, err := call[pictureData](ctx, t.session, "browsingContext.captureScreenshot", wanted)
	return taken.Data, err
}
