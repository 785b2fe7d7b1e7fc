package static_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/static"
)

func get(t *testing.T, method, address string, header ...string) *http.Response {
	t.Helper()
	request := httptest.NewRequest(method, "http://localhost/", nil)
	request.URL = &url.URL{Path: address}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	static.Handler().ServeHTTP(answer, request)
	return answer.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// source returns a file as it is served. The address of the font is in the stylesheet.
func source(t *testing.T, name string) string {
	t.Helper()
	all, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(all), "url(inter.woff2)", "url("+static.URL("inter.woff2")+")", 1)
}

// comments matches the comments of stylesheets, and of scripts on lines of their own.
var comments = regexp.MustCompile(`(?s)/\*.*?\*/|(?m)^\s*//.*?$`)

// names matches what must stay as it is in a shorter file: the classes of a stylesheet, and
// the words of a script.
var names = map[string]*regexp.Regexp{
	".css": regexp.MustCompile(`\.[a-z][a-z-]*`),
	".js":  regexp.MustCompile(`"[\w -]+"`),
}

// same reports whether a file is served as it is, or shorter and without comments.
func same(t *testing.T, served, name string) bool {
	t.Helper()
	long := source(t, name)
	kept := names[path.Ext(name)]
	if kept == nil {
		return served == long
	}
	for _, word := range kept.FindAllString(comments.ReplaceAllString(long, ""), -1) {
		if !strings.Contains(served, strings.Trim(word, `"`)) && word != `"use strict"` {
			t.Errorf("%s has lost %s", name, word)
		}
	}
	return len(served) < len(long) && !comments.MatchString(served)
}

func TestServesEachFileForever(t *testing.T) {
	for _, want := range []struct{ name, contentType, address string }{
		{"app.css", "text/css; charset=utf-8", `^/static/app\.[0-9a-f]{8,}\.css$`},
		{"app.js", "text/javascript; charset=utf-8", `^/static/app\.[0-9a-f]{8,}\.js$`},
		{"inter.woff2", "font/woff2", `^/static/inter\.[0-9a-f]{8,}\.woff2$`},
		{"favicon.svg", "image/svg+xml", `^/static/favicon\.[0-9a-f]{8,}\.svg$`},
	} {
		t.Run(want.name, func(t *testing.T) {
			address := static.URL(want.name)
			if !regexp.MustCompile(want.address).MatchString(address) {
				t.Errorf("address %q", address)
			}
			answer := get(t, http.MethodGet, address)
			if answer.StatusCode != http.StatusOK || !same(t, body(t, answer.Body), want.name) {
				t.Errorf("status %d, or other content than the file's", answer.StatusCode)
			}
			for name, value := range map[string]string{
				"Content-Type":           want.contentType,
				"Cache-Control":          "public, max-age=31536000, immutable",
				"X-Content-Type-Options": "nosniff",
				"Vary":                   "Accept-Encoding",
				"Content-Encoding":       "",
			} {
				if got := answer.Header.Get(name); got != value {
					t.Errorf("%s is %q, want %q", name, got, value)
				}
			}
		})
	}
}

func TestCompressesForThoseWhoAccept(t *testing.T) {
	for accept, want := range map[string]bool{
		"gzip":                      true,
		"br, GZIP;q=0.5":            true,
		"deflate, gzip ; q=1.0, br": true,
		"gzip;q=0":                  false,
		"gzip; Q=0.000":             false,
		"gzip;q=nonsense":           false,
		"br":                        false,
		"xgzip":                     false,
		"*":                         false,
		"":                          false,
	} {
		answer := get(t, http.MethodGet, static.URL("app.css"), "Accept-Encoding", accept)
		if got := answer.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("Accept-Encoding %q: compressed %v, want %v", accept, got, want)
			continue
		}
		if !want {
			continue
		}
		packed := body(t, answer.Body)
		if got := answer.Header.Get("Content-Length"); got != strconv.Itoa(len(packed)) {
			t.Errorf("Accept-Encoding %q: Content-Length %q of %d", accept, got, len(packed))
		}
		unpacked, err := gzip.NewReader(strings.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if !same(t, body(t, unpacked), "app.css") {
			t.Errorf("Accept-Encoding %q: unpacks to something else", accept)
		}
	}
}

// The font comes with a first visit, so it is small. It is compressed already.
func TestFontIsSmall(t *testing.T) {
	answer := get(t, http.MethodGet, static.URL("inter.woff2"), "Accept-Encoding", "gzip")
	font := body(t, answer.Body)
	if !strings.HasPrefix(font, "wOF2") || len(font) > 60<<10 || answer.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d bytes, which begin with %.4q, in the encoding %q", len(font), font, answer.Header.Get("Content-Encoding"))
	}
	if !strings.Contains(source(t, "app.css"), "url("+static.URL("inter.woff2")+")") {
		t.Error("the stylesheet does not name the font")
	}
	if license := source(t, "inter-LICENSE.txt"); !strings.Contains(license, "SIL OPEN FONT LICENSE") {
		t.Error("the font has no license beside it")
	}
}

func TestAnswersKnownVersionsWithoutABody(t *testing.T) {
	address := static.URL("app.css")
	plain := get(t, http.MethodGet, address).Header.Get("ETag")
	zipped := get(t, http.MethodGet, address, "Accept-Encoding", "gzip").Header.Get("ETag")
	if plain == "" || plain == zipped {
		t.Fatalf("ETags %q and %q, want two different ones", plain, zipped)
	}
	for _, c := range []struct {
		header []string
		status int
	}{
		{[]string{"If-None-Match", plain}, http.StatusNotModified},
		{[]string{"If-None-Match", zipped, "Accept-Encoding", "gzip"}, http.StatusNotModified},
		{[]string{"If-None-Match", zipped}, http.StatusOK},
	} {
		if answer := get(t, http.MethodGet, address, c.header...); answer.StatusCode != c.status {
			t.Errorf("%q: status %d, want %d", c.header, answer.StatusCode, c.status)
		}
	}
	head := get(t, http.MethodHead, address)
	if got := body(t, head.Body); head.StatusCode != http.StatusOK || got != "" || head.Header.Get("ETag") != plain {
		t.Errorf("HEAD: status %d, %d bytes, ETag %q", head.StatusCode, len(got), head.Header.Get("ETag"))
	}
}

func TestServesNothingElse(t *testing.T) {
	address := static.URL("app.css")
	for _, other := range []string{
		"/static", "/static/", "/static/.", "/static/app.css", "/static/favicon.svg", "/static/static.go", "/static/app.00000000.css",
		"/static/../go.mod", "/static/..%2fgo.mod", "/static/%2e%2e/go.mod", `/static/..\go.mod`, "/static/..%5cgo.mod",
		address + "\x00", address + "/", "/" + address, "/static//evil.example/..", "//evil.example/..", "/go.mod", "", address[1:],
	} {
		answer := get(t, http.MethodGet, other)
		if answer.StatusCode != http.StatusNotFound || answer.Header.Get("Location") != "" || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: status %d, Location %q, Cache-Control %q", other, answer.StatusCode, answer.Header.Get("Location"), answer.Header.Get("Cache-Control"))
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		answer := get(t, method, address)
		if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, answer.StatusCode, answer.Header.Get("Allow"))
		}
	}
}

func TestURLOfAnUnknownFilePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	static.URL("missing.js")
}

// A brace too many would end a layer early, and what follows would win over everything.
func TestEveryStyleIsInALayer(t *testing.T) {
	sheets, err := filepath.Glob("*.css")
	if err != nil || len(sheets) == 0 {
		t.Fatalf("%d stylesheets, %v", len(sheets), err)
	}
	for _, name := range sheets {
		depth := 0
		for line := range strings.Lines(comments.ReplaceAllString(source(t, name), "")) {
			if depth == 0 && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "@layer ") && !strings.HasPrefix(line, "@font-face ") {
				t.Errorf("%s: outside of all layers: %s", name, line)
			}
			depth += strings.Count(line, "{") - strings.Count(line, "}")
		}
		if depth != 0 {
			t.Errorf("%s has %d braces too few", name, depth)
		}
	}
}
