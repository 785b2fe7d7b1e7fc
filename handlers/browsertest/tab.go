package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/fieldbridge/fieldbridge/models/testdb"
)

// whichBrowser names the browser of the tests, chromium or firefox. Without it, they
// run in Chromium.
const whichBrowser = "FIELDBRIDGE_TEST_BROWSER"

// browser is a browser that runs.
type browser interface {
	// open opens a tab with cookies of its own.
	open() (tab, error)
	quit()
}

// tab is what each browser can do in a tab.
type tab interface {
	// beside opens another tab with the same cookies.
	beside() (tab, error)
	// opens returns the tab that act opens, with the same cookies.
	opens(ctx context.Context, act func()) (tab, error)
	// close closes the tab, and returns what its console has said.
	close() []string
	// context ends with the tab. The other methods need a context from it.
	context() context.Context

	navigate(ctx context.Context, address string) error
	reload(ctx context.Context) error
	// evaluate evaluates an expression whose value is a text or the promise of one.
	evaluate(ctx context.Context, expression string) (string, error)
	// frames returns the frames that show pages of other sites, by their addresses.
	frames(ctx context.Context) (map[string]string, error)
	evaluateIn(ctx context.Context, frame, expression string) (string, error)

	// click clicks the element that an expression finds, as soon as it is visible.
	click(ctx context.Context, element string) error
	clickAt(ctx context.Context, x, y float64) error
	// fill types a text into the element that an expression finds, as soon as it is visible.
	fill(ctx context.Context, element, text string) error
	press(ctx context.Context, keys string) error

	resize(ctx context.Context, width, height int64) error
	// prefer sets a color scheme, and asks pages to hold still.
	prefer(ctx context.Context, scheme string) error
	stopScripts(ctx context.Context) error
	setCookies(ctx context.Context, address string, cookies []*http.Cookie) error
	// screenshot takes a picture of the whole page, or of what the window shows of it.
	screenshot(ctx context.Context, whole bool) ([]byte, error)
}

// findBrowser returns a function that starts the browser of the tests. If it is not
// installed, the test is skipped.
func findBrowser(t testing.TB) func() (browser, error) {
	t.Helper()
	switch name := os.Getenv(whichBrowser); name {
	case "", "chromium":
		if path := installed("chromium-headless-shell", "chromium"); path != "" { // the first needs half the time for a page
			return func() (browser, error) { return startChromium(path) }
		}
		testdb.Missing(t, "Chromium")
	case "firefox":
		if path := installed("firefox-esr", "firefox"); path != "" {
			return func() (browser, error) { return startFirefox(path) }
		}
		testdb.Missing(t, "Firefox")
	default:
		t.Fatalf("%s is %q, want chromium or firefox", whichBrowser, name)
	}
	return nil
}

// installed returns the path of the first program that is installed, or an empty string.
func installed(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// inChromium takes a step that only Chromium can take. Other browsers say what needs it,
// and the test counts as one whose program is missing.
func inChromium[T any](p *Page, needs string, step chromedp.Action[T]) T {
	p.Helper()
	if _, ok := p.tab.(*chromiumTab); !ok {
		testdb.Missing(p, fmt.Sprintf("Chromium, for %s,", needs))
	}
	return get(p, func(ctx context.Context) (T, error) { return chromedp.Run(ctx, step) })
}

// until tries something until it works, and reports whether it did before the context
// ended.
func until(ctx context.Context, try func() bool) bool {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if try() {
			return true
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return false
		}
	}
}
