// Package browsertest drives a real browser for tests. Only tests import it.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// patience is how long a page may take to show what a test waits for.
const patience = 20 * time.Second

// chromium is the browser of this process's tests.
var chromium struct {
	once   sync.Once
	root   context.Context
	cancel context.CancelFunc
	err    error
}

// Main runs the tests, and then ends the browser. Call it from TestMain.
func Main(run func() int) int {
	code := run()
	if chromium.cancel != nil {
		chromium.cancel()
	}
	return code
}

// Page is a tab with its own cookies. A message in the browser's console fails the test
// unless the test expects it. Such messages are script errors, refusals by the content
// security policy, and missing files.
type Page struct {
	testing.TB
	// Close closes the tab before the test ends.
	Close    func()
	ctx      context.Context
	expected []string
}

// find returns the path of Chromium, or an empty string. It prefers the one without
// windows, which needs half the time for a page.
func find() string {
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Open opens a tab with the size of a desktop screen, in light colors.
func Open(t testing.TB) *Page {
	t.Helper()
	path := find()
	if path == "" {
		testdb.Missing(t, "Chromium")
	}
	chromium.once.Do(func() {
		options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
		options = append(options, chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.Flag("disable-background-networking", true), chromedp.Flag("hide-scrollbars", true),
			// What people's browsers do without being told, and the one without windows does not: sites
			// and sandboxed frames have processes of their own, and no site is served another's cache.
			chromedp.Flag("site-per-process", true),
			chromedp.Flag("enable-features", "NetworkService,NetworkServiceInProcess,SplitCacheByNetworkIsolationKey"))
		allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
		root, cancel := chromedp.NewContext(allocator)
		chromium.root, chromium.cancel = root, func() { cancel(); cancelAllocator() }
		chromium.err = chromedp.Do(root)
	})
	if chromium.err != nil {
		t.Fatal(chromium.err)
	}
	return begin(t, chromium.root, chromedp.WithNewBrowserContext())
}

// begin opens a tab. The first step runs on the tab's own context, because the tab
// would end with a shorter one.
func begin(t testing.TB, parent context.Context, options ...chromedp.ContextOption) *Page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		t.Fatalf("open tab: %v", err)
	}
	p := &Page{TB: t, ctx: ctx, Close: cancel, expected: []string{
		`Cleared data types: "cache"`,              // at each sign-out
		"Autofocus processing was blocked because", // when a test is faster than the page's autofocus
	}}
	p.do(chromedp.EmulateViewport(1280, 900))
	p.watch(cancel)
	return p
}

// Tab opens a second tab of the same browser, with the same cookies.
func (p *Page) Tab() *Page {
	p.Helper()
	return begin(p.TB, p.ctx)
}

// Opened returns the tab that open opens, with the same cookies.
func (p *Page) Opened(open func()) *Page {
	p.Helper()
	own := chromedp.FromContext(p.ctx).BrowserContextID
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	opened := chromedp.WaitNewTarget(ctx, func(t *target.Info) bool { return t.Type == "page" && t.BrowserContextID == own })
	open()
	id, ok := <-opened
	if !ok {
		p.Fatalf("no tab opens from:\n%s", p.text())
	}
	return begin(p.TB, p.ctx, chromedp.WithTargetID(id))
}

// watch collects the console's messages until the test ends.
func (p *Page) watch(cancel context.CancelFunc) {
	messages := chromedp.Console(p.ctx)
	done := make(chan struct{})
	var seen []string
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			seen = append(seen, m.String()+" "+m.URL)
		}
	}()
	p.Cleanup(func() {
		cancel()
		<-done
		for _, message := range seen {
			if !slices.ContainsFunc(p.expected, func(part string) bool { return strings.Contains(message, part) }) {
				p.Errorf("the browser's console says: %s", message)
			}
		}
	})
}

// Expect allows console messages that contain the text, such as the status of an error
// page that the test asks for.
func (p *Page) Expect(part string) { p.expected = append(p.expected, part) }

func (p *Page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.Fatalf("browser: %v\n%s", err, p.text())
	}
}

func run[T any](p *Page, action chromedp.Action[T]) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.Fatalf("browser: %v", err)
	}
	return value
}

// text returns what the page shows, for failure messages.
func (p *Page) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.pathname + '\\n' + document.body.innerText"))
	if err != nil {
		return ""
	}
	return text
}

// Goto opens an address.
func (p *Page) Goto(address string) { p.Helper(); p.do(chromedp.Navigate(address)) }

// Back goes back in the tab's history. Wait for what the page shows, because the
// browser may show a page that it kept without loading it again.
func (p *Page) Back() { p.Helper(); p.Value(`setTimeout(() => history.back(), 0), ""`) }

// Reload reloads the page.
func (p *Page) Reload() { p.Helper(); p.do(chromedp.Reload()) }

// named finds the visible button or link with the given words.
const named = `[...document.querySelectorAll("button, a, summary")].find(e =>
	e.checkVisibility() && e.innerText.replace(/\s+/g, " ").trim() === %q)`

// Click clicks the button or link with the given words, and waits until the page shows
// the text.
func (p *Page) Click(words, then string) {
	p.Helper()
	p.do(chromedp.Click(chromedp.JSPath(fmt.Sprintf(named, words))))
	p.See(then)
}

// Choose clicks the element that the CSS selector names.
func (p *Page) Choose(selector string) { p.Helper(); p.do(chromedp.Click(chromedp.CSS(selector))) }

// Type fills in the field with the name.
func (p *Page) Type(field, text string) {
	p.Helper()
	selector := fmt.Sprintf(`[name=%q]`, field)
	p.Value(fmt.Sprintf(`document.querySelector(%q).value = ""`, selector))
	p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Press presses a key.
func (p *Page) Press(key string) { p.Helper(); p.do(chromedp.KeyEvent(key)) }

// See waits until the page shows the text.
func (p *Page) See(text string) {
	p.Helper()
	p.wait(fmt.Sprintf(`document.readyState === "complete" && document.body.innerText.replace(/\s+/g, " ").includes(%q)`, text), fmt.Sprintf("%q does not come", text))
}

// wait waits until an expression is true.
func (p *Page) wait(expression, otherwise string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		// If a navigation interrupts the expression, the next page evaluates it again.
		if there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err == nil && there {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			p.Fatalf("%s; the page shows:\n%s", otherwise, p.text())
		}
	}
}

// Gone waits until nothing on the page matches the selector.
func (p *Page) Gone(selector string) {
	p.Helper()
	p.wait(fmt.Sprintf(`document.readyState === "complete" && !document.querySelector(%q)`, selector), selector+" stays")
}

// Focuses waits until the page has moved the focus to an element that matches the
// selector.
func (p *Page) Focuses(selector string) {
	p.Helper()
	p.wait(fmt.Sprintf(`document.readyState === "complete" && document.activeElement.matches(%q)`, selector), selector+" does not get the focus")
}

// Value evaluates an expression on the page.
func (p *Page) Value(expression string) string {
	p.Helper()
	return run(p, chromedp.Evaluate[string](expression))
}

// Address returns the tab's address.
func (p *Page) Address() string { p.Helper(); return run(p, chromedp.Location()) }

// Look sets the size of the window and the color scheme that the person prefers.
func (p *Page) Look(width, height int64, scheme string) {
	p.Helper()
	p.do(chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// WithoutScripts opens pages from now on as a browser does that runs no scripts. Then
// Accessible and Back do not work.
func (p *Page) WithoutScripts() {
	p.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// screenshotsIn names the folder for screenshots.
const screenshotsIn = "FIELDBRIDGE_SCREENSHOTS"

// TakesScreenshots reports whether Screenshot saves pictures.
func TakesScreenshots() bool { return os.Getenv(screenshotsIn) != "" }

// Screenshot saves a picture of the whole page under the name, in the folder that
// FIELDBRIDGE_SCREENSHOTS names. Without that variable, it does nothing.
func (p *Page) Screenshot(name string) {
	p.Helper()
	folder := os.Getenv(screenshotsIn)
	if folder == "" {
		return
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), run(p, chromedp.FullScreenshot(100)), 0o600); err != nil {
		p.Fatal(err)
	}
}
