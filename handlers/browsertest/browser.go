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

// Main runs the tests and ends the browser. Call it from TestMain.
func Main(run func() int) int {
	code := run()
	if chromium.cancel != nil {
		chromium.cancel()
	}
	return code
}

// Page is a tab with cookies of its own. A message of the browser's console
// that the test does not expect, such as a script error, a refusal by the
// content security policy or a file not found, fails the test.
type Page struct {
	testing.TB
	// Close closes the tab; otherwise the end of the test does.
	Close    func()
	ctx      context.Context
	expected []string
}

// find looks for Chromium without windows, which takes half as long for a page,
// and then for the whole one.
func find() string {
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Open opens a tab of the size of a desk's screen, in light colours.
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

// begin opens a tab. Its first step is on the tab's own context: the tab would
// end with a shorter one.
func begin(t testing.TB, parent context.Context, options ...chromedp.ContextOption) *Page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		t.Fatalf("open tab: %v", err)
	}
	p := &Page{TB: t, ctx: ctx, Close: cancel, expected: []string{
		`Cleared data types: "cache"`,              // whenever somebody signs out
		"Autofocus processing was blocked because", // where a test is quicker than a page's autofocus
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

// Opened is the tab that something opens, with the same cookies.
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

// Expect allows console messages that hold the text, such as the status of an
// error page that the test asks for.
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

// text is what the page shows, for messages.
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

// Back goes back in the tab's history. Wait for what the page shows: one that
// the browser has kept comes back without being loaded.
func (p *Page) Back() { p.Helper(); p.Value(`setTimeout(() => history.back(), 0), ""`) }

// Reload loads the page again.
func (p *Page) Reload() { p.Helper(); p.do(chromedp.Reload()) }

// named finds the visible button or link with the words.
const named = `[...document.querySelectorAll("button, a, summary")].find(e =>
	e.checkVisibility() && e.innerText.replace(/\s+/g, " ").trim() === %q)`

// Click clicks the button or link with the words, and waits until the page
// shows the text.
func (p *Page) Click(words, then string) {
	p.Helper()
	p.do(chromedp.Click(chromedp.JSPath(fmt.Sprintf(named, words))))
	p.See(then)
}

// Choose clicks what the CSS selector names.
func (p *Page) Choose(selector string) { p.Helper(); p.do(chromedp.Click(chromedp.CSS(selector))) }

// Type fills the field of the name.
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
		// A question that a navigation interrupts is asked again on the next page.
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

// Value evaluates an expression on the page.
func (p *Page) Value(expression string) string {
	p.Helper()
	return run(p, chromedp.Evaluate[string](expression))
}

// Address is where the tab is.
func (p *Page) Address() string { p.Helper(); return run(p, chromedp.Location()) }

// Look sets the size of the window and the colours that the person prefers.
func (p *Page) Look(width, height int64, scheme string) {
	p.Helper()
	p.do(chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// Screenshot saves a picture of the whole page under the name, in the folder
// that FIELDBRIDGE_SCREENSHOTS names, if it is set.
func (p *Page) Screenshot(name string) {
	p.Helper()
	folder := os.Getenv("FIELDBRIDGE_SCREENSHOTS")
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
