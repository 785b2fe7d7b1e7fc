package browsertest

import (
	"context"
	"net/http"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// chromium is a running Chromium, which speaks the DevTools protocol.
type chromium struct {
	root context.Context
	end  context.CancelFunc
}

func startChromium(path string) (*chromium, error) {
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("hide-scrollbars", true),
		// What people's browsers do without being told, and the one without windows does not: sites
		// and sandboxed frames have processes of their own, and no site is served another's cache.
		chromedp.Flag("site-per-process", true),
		chromedp.Flag("enable-features", "NetworkService,NetworkServiceInProcess,SplitCacheByNetworkIsolationKey"))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	root, cancel := chromedp.NewContext(allocator)
	c := &chromium{root: root, end: func() { cancel(); end() }}
	if err := chromedp.Do(root); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

func (c *chromium) quit() { c.end() }

func (c *chromium) open() (tab, error) {
	return newChromiumTab(c.root, chromedp.WithNewBrowserContext())
}

// chromiumTab is a tab of Chromium.
type chromiumTab struct {
	ctx    context.Context
	cancel context.CancelFunc
	said   []string // by the console, until heard is closed
	heard  chan struct{}
}

// newChromiumTab opens a tab. The first step runs on the tab's own context, because the
// tab would end with a shorter one.
func newChromiumTab(parent context.Context, options ...chromedp.ContextOption) (*chromiumTab, error) {
	ctx, cancel := chromedp.NewContext(parent, options...)
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		return nil, err
	}
	t := &chromiumTab{ctx: ctx, cancel: cancel, heard: make(chan struct{})}
	messages := chromedp.Console(ctx)
	go func() {
		defer close(t.heard)
		for m, err := range messages {
			if err != nil {
				return
			}
			t.said = append(t.said, m.String()+" "+m.URL)
		}
	}()
	return t, nil
}

func (t *chromiumTab) beside() (tab, error) { return newChromiumTab(t.ctx) }

func (t *chromiumTab) opens(ctx context.Context, act func()) (tab, error) {
	own := chromedp.FromContext(t.ctx).BrowserContextID
	opened := chromedp.WaitNewTarget(ctx, func(t *target.Info) bool { return t.Type == "page" && t.BrowserContextID == own })
	act()
	id, ok := <-opened
	if !ok {
		return nil, context.DeadlineExceeded
	}
	return newChromiumTab(t.ctx, chromedp.WithTargetID(id))
}

func (t *chromiumTab) close() []string {
	t.cancel()
	<-t.heard
	return t.said
}

func (t *chromiumTab) context() context.Context { return t.ctx }

func (t *chromiumTab) navigate(ctx context.Context, address string) error {
	return chromedp.Do(ctx, chromedp.Navigate(address))
}

func (t *chromiumTab) reload(ctx context.Context) error { return chromedp.Do(ctx, chromedp.Reload()) }

func (t *chromiumTab) evaluate(ctx context.Context, expression string) (string, error) {
	return chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
}

func (t *chromiumTab) frames(context.Context) (map[string]string, error) {
	targets, err := chromedp.Targets(t.ctx)
	frames := map[string]string{}
	for _, t := range targets {
		if address, _, _ := strings.Cut(t.URL, "#"); t.Type == "iframe" {
			frames[address] = string(t.TargetID)
		}
	}
	return frames, err
}

func (t *chromiumTab) evaluateIn(ctx context.Context, frame, expression string) (string, error) {
	inside, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(target.ID(frame)), chromedp.WithDetachOnCancel())
	defer cancel()
	return t.evaluate(inside, expression)
}

func (t *chromiumTab) click(ctx context.Context, element string) error {
	return chromedp.Do(ctx, chromedp.Click(chromedp.JSPath(element)))
}

func (t *chromiumTab) clickAt(ctx context.Context, x, y float64) error {
	return chromedp.Do(ctx, chromedp.MouseClickXY(x, y))
}

func (t *chromiumTab) fill(ctx context.Context, element, text string) error {
	return chromedp.Do(ctx, chromedp.SendKeys(chromedp.JSPath(element), text))
}

func (t *chromiumTab) press(ctx context.Context, keys string) error {
	return chromedp.Do(ctx, chromedp.KeyEvent(keys))
}

func (t *chromiumTab) resize(ctx context.Context, width, height int64) error {
	return chromedp.Do(ctx, chromedp.EmulateViewport(width, height))
}

func (t *chromiumTab) prefer(ctx context.Context, scheme string) error {
	return chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

func (t *chromiumTab) stopScripts(ctx context.Context) error {
	return chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

func (t *chromiumTab) setCookies(ctx context.Context, address string, cookies []*http.Cookie) error {
	return chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, c := range cookies {
			if _, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: address}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (t *chromiumTab) screenshot(ctx context.Context, whole bool) ([]byte, error) {
	if !whole {
		return chromedp.Run(ctx, chromedp.CaptureScreenshot())
	}
	return chromedp.Run(ctx, chromedp.FullScreenshot(100))
}
