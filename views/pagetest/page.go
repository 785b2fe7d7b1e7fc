package pagetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
)

// Page is a page as a browser reads it.
type Page struct {
	*testing.T
	Source string
	Root   *html.Node
}

// Show renders a page and reads it.
func Show(t *testing.T, c templ.Component) Page {
	t.Helper()
	var page strings.Builder
	if err := c.Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(page.String()))
	if err != nil {
		t.Fatal(err)
	}
	return Page{t, page.String(), root}
}

// All returns every element with the tag.
func (p Page) All(tag string) []*html.Node {
	var found []*html.Node
	for n := range p.Root.Descendants() {
		if n.Type == html.ElementNode && (tag == "*" || n.Data == tag) {
			found = append(found, n)
		}
	}
	return found
}

// Banners returns the notices across the page.
func (p Page) Banners() []*html.Node {
	return slices.DeleteFunc(p.All("section"), func(n *html.Node) bool { return Value(n, "class") != "banner" })
}

// inline lists the elements that do not separate words.
var inline = map[string]bool{"a": true, "b": true, "bdi": true, "code": true, "small": true, "span": true, "time": true, "wbr": true}

// Text returns the words in an element as a reader sees them.
func Text(n *html.Node) string {
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

// Words returns the words of the page.
func (p Page) Words() string { return Text(p.All("body")[0]) }

// Attribute returns an attribute, and whether it exists.
func Attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// Value returns an attribute. It is empty if it does not exist.
func Value(n *html.Node, name string) string {
	v, _ := Attribute(n, name)
	return v
}

// Actions returns the addresses to which the forms of the page post.
func (p Page) Actions() []string {
	var actions []string
	for _, form := range p.All("form") {
		actions = append(actions, Value(form, "action"))
	}
	return actions
}

// Says requires the words on the page.
func (p Page) Says(words ...string) {
	p.Helper()
	for _, w := range words {
		if !strings.Contains(p.Words(), w) {
			p.Errorf("does not say %q in: %s", w, p.Words())
		}
	}
}

// DoesNotSay requires that the page has none of the words.
func (p Page) DoesNotSay(words ...string) {
	p.Helper()
	for _, w := range words {
		if strings.Contains(p.Words(), w) {
			p.Errorf("says %q", w)
		}
	}
}
