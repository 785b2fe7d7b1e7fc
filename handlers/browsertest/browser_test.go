package browsertest_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/fieldbridge/fieldbridge/handlers/browsertest"
)

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m.Run)) }

// recorder collects what would fail a test.
type recorder struct {
	testing.TB
	said    []string
	cleanup []func()
}

func (r *recorder) Errorf(format string, args ...any) { r.said = append(r.said, format) }
func (r *recorder) Cleanup(f func())                  { r.cleanup = append(r.cleanup, f) }

// The checks must find each kind of problem that they look for.
func TestProblemsAreFound(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		_, _ = w.Write([]byte(`<!doctype html><title>x</title><p style="color:red">shown</p><img src="/missing.png">`))
	}))
	defer server.Close()
	r := &recorder{TB: t}
	p := browsertest.Open(r)
	p.Goto(server.URL)
	p.See("shown")
	p.Accessible()
	for _, f := range r.cleanup {
		f()
	}
	said := strings.Join(r.said, "\n")
	if !strings.Contains(said, "%s: %s: %s") || strings.Count(said, "the browser's console says") < 2 {
		t.Errorf("found only: %s", said)
	}
}

// A page gets what a person does, and the look that the person prefers.
func TestPageGetsWhatAPersonDoes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/framed" {
			_, _ = w.Write([]byte(`<!doctype html><title>x</title><p>framed<p><a href="#" onclick="parent.postMessage('told', '*'); return false">Tell</a>`))
			return
		}
		_, _ = w.Write([]byte(`<!doctype html><title>x</title><link rel="icon" href="data:,"><p id="said">nothing</p>
			<div style="height: 3000px"></div><form><input name="word"><textarea name="lines"></textarea></form><a href="/?next" target="_blank">Open</a>
			<button onclick="said.textContent = event.isTrusted + ' ' + word.value + '|' + lines.value">Say</button><iframe src="/framed" sandbox="allow-scripts"></iframe>
			<script>onmessage = e => said.textContent = e.data; const [word, lines] = document.forms[0]; said.dataset.ran = ""</script>`))
	}))
	defer server.Close()
	p := browsertest.Open(t)
	p.Goto(server.URL)
	p.Type("word", "a BRIDGE?")
	p.Press(kb.Tab)
	p.Press("one\ntwo" + kb.Home + ">" + kb.Backspace + "+")
	p.Click("Say", "true a BRIDGE?|one +two")
	p.ClickFramed("Tell")
	p.See("told")
	if text := p.Framed("document.body.innerText"); !strings.Contains(text, "framed") {
		t.Errorf("the frame shows %q", text)
	}

	const look = "[innerWidth, innerHeight, ...['(prefers-color-scheme: dark)', '(prefers-reduced-motion: reduce)'].map(q => matchMedia(q).matches)].join()"
	if at := p.Value(look); at != "1280,900,false,false" {
		t.Errorf("at first, the page looks like %s", at)
	}
	p.Look(390, 844, "dark")
	p.Goto(strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
	if at := p.Value(look); at != "390,844,true,true" {
		t.Errorf("on a phone in the dark, the page looks like %s", at)
	}

	p.Cookies(server.URL, []*http.Cookie{{Name: "bridge", Value: "field"}})
	p.Goto(server.URL)
	opened := p.Opened(func() { p.Click("Open", "nothing") })
	opened.See("nothing")
	if at, cookie := opened.Address(), opened.Value("document.cookie"); at != server.URL+"/?next" || cookie != "bridge=field" {
		t.Errorf("%s opens with the cookies %q", at, cookie)
	}
	opened.Close()
	other := browsertest.Open(t).Tab()
	other.Goto(server.URL)
	if cookie := other.Value("document.cookie"); cookie != "" {
		t.Errorf("another person's cookies are %q", cookie)
	}
	p.WithoutScripts()
	p.Reload()
	p.Gone("[data-ran]")
}
