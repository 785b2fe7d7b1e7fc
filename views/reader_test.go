package views

import (
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
)

// testPage is a page as a browser reads it.
type testPage struct {
	*testing.T
	source string
	root   *html.Node
}

func show(t *testing.T, c templ.Component) testPage {
	t.Helper()
	var page strings.Builder
	if err := c.Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(page.String()))
	if err != nil {
		t.Fatal(err)
	}
	return testPage{t, page.String(), root}
}

// all is every element with the tag.
func (p testPage) all(tag string) []*html.Node {
	var found []*html.Node
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && (tag == "*" || n.Data == tag) {
			found = append(found, n)
		}
	}
	return found
}

// banners are the notices across the page.
func (p testPage) banners() []*html.Node {
	return slices.DeleteFunc(p.all("section"), func(n *html.Node) bool { return value(n, "class") != "banner" })
}

// inline has the elements that do not part words.
var inline = map[string]bool{"a": true, "b": true, "bdi": true, "code": true, "small": true, "span": true, "time": true, "wbr": true}

// text is the words in an element, as a reader sees them.
func text(n *html.Node) string {
	var words strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			words.WriteString(d.Data)
		case d.Type == html.ElementNode && !inline[d.Data]:
			words.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(words.String()), " ")
}

func (p testPage) words() string { return text(p.all("body")[0]) }

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func value(n *html.Node, name string) string {
	v, _ := attribute(n, name)
	return v
}

// actions is where the forms of the page post to.
func (p testPage) actions() []string {
	var actions []string
	for _, form := range p.all("form") {
		actions = append(actions, value(form, "action"))
	}
	return actions
}

func (p testPage) says(words ...string) {
	p.Helper()
	for _, w := range words {
		if !strings.Contains(p.words(), w) {
			p.Errorf("does not say %q in: %s", w, p.words())
		}
	}
}

func (p testPage) doesNotSay(words ...string) {
	p.Helper()
	for _, w := range words {
		if strings.Contains(p.words(), w) {
			p.Errorf("says %q", w)
		}
	}
}
