// Package browsertest drives a real browser for tests. Only tests import it.
package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// patience is how long a page may take to show what a test waits for.
	patience = 20 * time.Second
	// startTime is how long a browser may take to start.
	startTime = time.Minute
)

// running is the browser of this process's tests.
var running struct {
	once    sync.Once
	browser browser
	err     error
}

// Main runs the tests, and then ends the browser. Call it from TestMain.
func Main(run func() int) int {
	code := run()
	if running.browser != nil && running.err == nil {
		running.browser.quit()
	}
	return code
}

// Page is a tab with its own cookies. A message in the browser's console fails the test
// unless the test expects it. Such messages are script errors, refusals by the content
// security policy, and missing files.
type Page struct {
	testing.TB
	tab      tab
	closed   sync.Once
	said     []string // by the console of a closed tab
	expected []string
}

// Open opens a tab with the size of a desktop screen, in light colors.
func Open(t testing.TB) *Page {
	t.Helper()
	start := findBrowser(t)
	running.once.Do(func() { running.browser, running.err = start() })
	if running.err != nil {
		t.Fatal(running.err)
	}
	return begin(t, running.browser.open)
}

// begin opens a tab. Its messages fail the test when it ends.
func begin(t testing.TB, open func() (tab, error)) *Page {
	t.Helper()
	opened, err := open()
	if err != nil {
		t.Fatalf("open tab: %v", err)
	}
	p := &Page{TB: t, tab: opened, expected: []string{
		`Cleared data types: "cache"`,              // at each sign-out
		"Autofocus processing was blocked because", // when a test is faster than the page's autofocus
	}}
	p.Cleanup(func() {
		p.Close()
		for _, message := range p.said {
			if !slices.ContainsFunc(p.expected, func(part string) bool { return strings.Contains(message, part) }) {
				p.Errorf("the browser's console says: %s", message)
			}
		}
	})
	p.do(func(ctx context.Context) error { return opened.resize(ctx, 1280, 900) })
	return p
}

// Close closes the tab before the test ends.
func (p *Page) Close() { p.closed.Do(func() { p.said = p.tab.close() }) }

// Tab opens a second tab of the same browser, with the same cookies.
func (p *Page) Tab() *Page {
	p.Helper()
	return begin(p.TB, p.tab.beside)
}

// Opened returns the tab that open opens, with the same cookies.
func (p *Page) Opened(open func()) *Page {
	p.Helper()
	return begin(p.TB, func() (tab, error) {
		ctx, cancel := context.WithTimeout(p.tab.context(), patience)
		defer cancel()
		return p.tab.opens(ctx, open)
	})
}

// Expect allows console messages that contain the text, such as the status of an error
// page that the test asks for.
func (p *Page) Expect(part string) { p.expected = append(p.expected, part) }

// do takes a step in the tab.
func (p *Page) do(step func(context.Context) error) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.tab.context(), patience)
	defer cancel()
	if err := step(ctx); err != nil {
		p.Fatalf("browser: %v\n%s", err, p.text())
	}
}

// get takes a step in the tab, and returns what it tells.
func get[T any](p *Page, step func(context.Context) (T, error)) (value T) {
	p.Helper()
	p.do(func(ctx context.Context) (err error) { value, err = step(ctx); return err })
	return value
}

// text returns what the page shows, for failure messages.
func (p *Page) text() string {
	ctx, cancel := context.WithTimeout(p.tab.context(), time.Second)
	defer cancel()
	text, err := p.tab.evaluate(ctx, "location.pathname + '\\n' + document.body.innerText")
	if err != nil {
		return ""
	}
	return text
}

// Goto opens an address.
func (p *Page) Goto(address string) {
	p.Helper()
	p.do(func(ctx context.Context) error { return p.tab.navigate(ctx, address) })
}

// Back goes back in the tab's history. Wait for what the page shows, because the
// browser may show a page that it kept without loading it again.
func (p *Page) Back() { p.Helper(); p.Value(`setTimeout(() => history.back(), 0), ""`) }

// Reload reloads the page.
func (p *Page) Reload() { p.Helper(); p.do(p.tab.reload) }

// named finds the visible button or link with the given words.
const named = `[...document.querySelectorAll("button, a, summary")].find(e =>
	e.checkVisibility() && e.innerText.replace(/\s+/g, " ").trim() === %q)`

// Click clicks the button or link with the given words, and waits until the page shows
// the text.
func (p *Page) Click(words, then string) {
	p.Helper()
	p.click(fmt.Sprintf(named, words))
	p.See(then)
}

// Choose clicks the element that the CSS selector names.
func (p *Page) Choose(selector string) { p.Helper(); p.click(selected(selector)) }

func (p *Page) click(element string) {
	p.Helper()
	p.do(func(ctx context.Context) error { return p.tab.click(ctx, element) })
}

// selected is the expression that finds the element that a CSS selector names.
func selected(selector string) string { return fmt.Sprintf(`document.querySelector(%q)`, selector) }

// Type fills in the field with the name.
func (p *Page) Type(field, text string) {
	p.Helper()
	named := selected(fmt.Sprintf(`[name=%q]`, field))
	p.Value(named + `.value = ""`)
	p.do(func(ctx context.Context) error { return p.tab.fill(ctx, named, text) })
}

// Press presses keys, one after another.
func (p *Page) Press(keys string) {
	p.Helper()
	p.do(func(ctx context.Context) error { return p.tab.press(ctx, keys) })
}

// See waits until the page shows the text.
func (p *Page) See(text string) {
	p.Helper()
	p.wait(fmt.Sprintf(`document.readyState === "complete" && document.body.innerText.replace(/\s+/g, " ").includes(%q)`, text), fmt.Sprintf("%q does not come", text))
}

// wait waits until an expression is true.
func (p *Page) wait(expression, otherwise string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.tab.context(), patience)
	defer cancel()
	// If a navigation interrupts the expression, the next page evaluates it again.
	if !until(ctx, func() bool {
		there, err := p.tab.evaluate(ctx, `String(`+expression+`)`)
		return err == nil && there == "true"
	}) {
		p.Fatalf("%s; the page shows:\n%s", otherwise, p.text())
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

// Value evaluates an expression on the page, whose value is a text or the promise of
// one.
func (p *Page) Value(expression string) string {
	p.Helper()
	return get(p, func(ctx context.Context) (string, error) { return p.tab.evaluate(ctx, expression) })
}

// Address returns the tab's address.
func (p *Page) Address() string { p.Helper(); return p.Value("location.href") }

// Look sets the size of the window and the color scheme that the person prefers.
func (p *Page) Look(width, height int64, scheme string) {
	p.Helper()
	p.do(func(ctx context.Context) error {
		if err := p.tab.resize(ctx, width, height); err != nil {
			return err
		}
		return p.tab.prefer(ctx, scheme)
	})
}

// WithoutScripts opens pages from now on as a browser does that runs no scripts. Then
// Accessible and Back do not work.
func (p *Page) WithoutScripts() { p.Helper(); p.do(p.tab.stopScripts) }

// Cookies gives the tab the cookies of another browser for an address.
func (p *Page) Cookies(address string, cookies []*http.Cookie) {
	p.Helper()
	p.do(func(ctx context.Context) error { return p.tab.setCookies(ctx, address, cookies) })
}

// screenshotsIn names the folder for screenshots.
const screenshotsIn = "FIELDBRIDGE_SCREENSHOTS"

// TakesScreenshots reports whether Screenshot saves pictures.
func TakesScreenshots() bool { return os.Getenv(screenshotsIn) != "" }

// Screenshot saves a picture of the whole page under the name, in the folder that
// FIELDBRIDGE_SCREENSHOTS names. Without that variable, it does nothing.
func (p *Page) Screenshot(name string) { p.Helper(); p.save(name, true) }

// Picture is like Screenshot, and saves what the window shows without scrolling.
func (p *Page) Picture(name string) { p.Helper(); p.save(name, false) }

func (p *Page) save(name string, whole bool) {
	p.Helper()
	folder := os.Getenv(screenshotsIn)
	if folder == "" {
		return
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		p.Fatal(err)
	}
	taken := get(p, func(ctx context.Context) ([]byte, error) { return p.tab.screenshot(ctx, whole) })
	if err := os.WriteFile(filepath.Join(folder, name+".png"), taken, 0o600); err != nil {
		p.Fatal(err)
	}
}
