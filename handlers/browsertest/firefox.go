package browsertest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// preferences make Firefox start fast and keep still.
const preferences = `
user_pref("browser.startup.page", 0);
user_pref("browser.startup.homepage", "about:blank");
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.newtab.preload", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.chrome.site_icons", false);
user_pref("browser.formfill.enable", false);
user_pref("dom.ipc.processPrelaunch.enabled", false);
user_pref("extensions.enabledScopes", 0);
user_pref("places.history.enabled", false);
user_pref("toolkit.cosmeticAnimations.enabled", false);
`

// wish is a script for Firefox itself. It defines a function that sets what BiDi has no
// command for, such as the color scheme. A tab can get another browsing context with
// each page, so it sets them there again.
const wish = `
const { NavigableManager } = ChromeUtils.importESModule("chrome://remote/content/shared/NavigableManager.sys.mjs");
const wishes = new Map();
const grant = context => Object.assign(context, wishes.get(NavigableManager.getIdForBrowsingContext(context)));
Services.obs.addObserver(grant, "browsing-context-did-set-embedder");
globalThis.wish = (id, more) => {
	wishes.set(id, { ...wishes.get(id), ...more });
	grant(NavigableManager.getBrowsingContextById(id));
	return "";
};
""`

// firefox is a running Firefox, which speaks WebDriver BiDi.
type firefox struct {
	*session
	process *exec.Cmd
	kill    context.CancelFunc
	profile string
	window  string // the browsing context of its own window, where wish works

	mu      sync.Mutex
	parents map[string]string        // the parents of frames
	said    map[string][]string      // what a tab's console has said
	opening map[string]chan<- string // who waits for a tab, by the tab's user context
}

func startFirefox(path string) (*firefox, error) {
	profile, err := os.MkdirTemp("", "fieldbridge-firefox-")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(preferences), 0o600); err != nil {
		return nil, err
	}
	ctx, kill := context.WithCancel(context.Background())
	f := &firefox{
		kill: kill, profile: profile,
		process: exec.CommandContext(ctx, path, "--headless", "--no-remote", "--remote-debugging-port=0", "--remote-allow-system-access", "--profile", profile),
		parents: map[string]string{}, said: map[string][]string{}, opening: map[string]chan<- string{},
	}
	// Its window must hold the largest page of a test.
	f.process.Env = append(os.Environ(), "HOME="+profile, "MOZ_HEADLESS_WIDTH=1600", "MOZ_HEADLESS_HEIGHT=1200", "MOZ_CRASHREPORTER_DISABLE=1")
	f.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := f.connect(ctx); err != nil {
		f.quit()
		return nil, fmt.Errorf("start Firefox: %w", err)
	}
	return f, nil
}

// connect starts the process, and begins a session with it.
func (f *firefox) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	output, err := f.process.StderrPipe()
	if err != nil {
		return err
	}
	if err := f.process.Start(); err != nil {
		return err
	}
	address, err := listening(output)
	if err != nil {
		return err
	}
	if f.session, err = dial(ctx, address+"/session", f.hear); err != nil {
		return err
	}
	if err := do(ctx, f.session, "session.new", newSession{}); err != nil {
		return err
	}
	if err := do(ctx, f.session, "session.subscribe", subscription{Events: []string{logEntryAdded, contextCreated, responseCompleted}}); err != nil {
		return err
	}
	windows, err := call[contextTree](ctx, f.session, "browsingContext.getTree", treeOf{Scope: "chrome"})
	if err != nil {
		return err
	}
	f.window = windows.Contexts[0].Context
	_, err = f.evaluate(ctx, f.window, wish)
	return err
}

// listening returns the address that Firefox says it listens at. It reads what Firefox
// says afterwards too, so that Firefox need not wait.
func listening(output io.Reader) (string, error) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "WebDriver BiDi listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return address, nil
		}
	}
	return "", errors.Join(errors.New("it does not listen"), lines.Err())
}

// quit ends Firefox at once. Nothing of it is kept.
func (f *firefox) quit() {
	f.kill()
	_ = f.process.Wait()
	_ = os.RemoveAll(f.profile)
}

// hear gets the browser's events.
func (f *firefox) hear(event string, params json.RawMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch event {
	case contextCreated:
		if c, err := as[contextInfo](params); err == nil && c.Parent != "" {
			f.parents[c.Context] = c.Parent
		} else if opening := f.opening[c.UserContext]; err == nil && opening != nil {
			delete(f.opening, c.UserContext)
			opening <- c.Context
		}
	case logEntryAdded:
		if entry, err := as[logEntry](params); err == nil {
			f.say(entry.Source.Context, entry.String())
		}
	case responseCompleted:
		if r, err := as[response](params); err == nil && r.Response.Status >= 400 {
			f.say(r.Context, r.String())
		}
	}
}

// say notes what the console of a tab says. A frame belongs to its tab.
func (f *firefox) say(context, text string) {
	for f.parents[context] != "" {
		context = f.parents[context]
	}
	f.said[context] = append(f.said[context], text)
}

func (f *firefox) evaluate(ctx context.Context, in, expression string) (string, error) {
	value, err := f.value(ctx, in, expression)
	if err == nil && value.Type != "string" {
		err = fmt.Errorf("the value is no text, but %s", value.Type)
	}
	if err != nil {
		return "", err
	}
	return as[string](value.Value)
}

func (f *firefox) value(ctx context.Context, in, expression string) (remoteValue, error) {
	got, err := call[evaluated](ctx, f.session, "script.evaluate", evaluation{Expression: expression, Target: inContext{in}, AwaitPromise: true})
	if err == nil && got.Type != "success" {
		err = fmt.Errorf("script: %s", got.Exception.Text)
	}
	return got.Result, err
}

func (f *firefox) open() (tab, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	user, err := call[userContext](ctx, f.session, "browser.createUserContext", struct{}{})
	if err != nil {
		return nil, err
	}
	return f.create(ctx, user.UserContext, true)
}
