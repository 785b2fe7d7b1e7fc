package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/api/apitest"
)

// The page about the API is made from its document, and the same for everybody.
func TestAPIPage(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	page := amy.get("/api").want(t, 200)
	shown := text(page.body)
	for path, item := range apitest.Document().Paths.Map() {
		for method, o := range item.Operations() {
			if !strings.Contains(shown, path) || !strings.Contains(page.body, `id="`+o.OperationID+`"`) {
				t.Errorf("%s %s is not on the page", method, path)
			}
		}
	}
	for name := range apitest.Document().Webhooks {
		if !strings.Contains(shown, name) {
			t.Errorf("%s is not on the page", name)
		}
	}
	seen := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		if seen[id[1]] {
			t.Errorf("the ID %s is there twice", id[1])
		}
		seen[id[1]] = true
	}
	for _, link := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		if !seen[link[1]] {
			t.Errorf("a link leads to #%s, which is not there", link[1])
		}
	}
	if strings.Contains(page.body, "connect.example.com") || strings.Contains(otherScripts(page.body), "<script") || strings.Contains(page.body, "Amy") {
		t.Error("the page has another address, a script, or a person")
	}
	document := amy.get("/api/openapi.yaml").want(t, 200, "openapi: 3.1.0", a.url)
	if got := document.header.Get("Content-Type"); got != "application/yaml" {
		t.Errorf("the document's type is %s", got)
	}
	for _, got := range []answer{page, document} {
		path := strings.TrimPrefix(got.request, "GET ")
		if h := got.header; h.Get("Cache-Control") != "public, max-age=300" || h.Get("Set-Cookie") != "" || strings.Contains(h.Get("Vary"), "Cookie") {
			t.Errorf("%s: %v", path, h)
		}
		r := amy.request(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", got.header.Get("ETag"))
		amy.send(r).want(t, 304)
		zipped, plain := amy.zipped(http.MethodGet, path, "cross-site"), amy.accepts(http.MethodGet, path, "", "identity")
		if zipped.unzip(t) != got.body || plain.body != got.body || zipped.header.Get("ETag") == plain.header.Get("ETag") {
			t.Errorf("%s: the compressed form is another one", path)
		}
	}
}

// The type of each problem is the address of a page that says what to do.
func TestAPIProblemPages(t *testing.T) {
	a := newApp(t)
	b := a.newBrowser()
	problems := 0
	for _, r := range apitest.Document().Components.Responses {
		for _, m := range r.Value.Content {
			for name := range m.Examples {
				page := text(b.get("/api/problems/"+name).want(t, 200, "What it means", "What to do", name).body)
				_, means, _ := strings.Cut(page, "What it means ")
				means, remedy, _ := strings.Cut(means, "What to do ")
				if len(means) < 20 || len(remedy) < 60 {
					t.Errorf("%s: %q, %q", name, means, remedy)
				}
				problems++
			}
		}
	}
	if problems < 20 {
		t.Errorf("%d problems", problems)
	}
	b.get("/api/problems/made-up").want(t, 404, "Support code")
	b.get("/api/problems").want(t, 404)
	got := a.backEnd(nil).ask("/connections?x=1")
	kind := got.problem(t, 400)["type"].(string)
	b.get(strings.TrimPrefix(kind, a.url)).want(t, 200, "Invalid request")
}
