package pagetest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/fieldbridge/fieldbridge/static"
)

// WellMade requires a title and a heading, no script but our own, nothing that the
// content policy forbids, references that lead somewhere, named fields, and words for
// those who read the page.
func (p Page) WellMade() {
	p.Helper()
	if title := Text(p.All("title")[0]); !strings.HasSuffix(title, " · Fieldbridge") || strings.HasPrefix(title, " ") {
		p.Errorf("title %q", title)
	}
	if h1 := p.All("h1"); len(h1) != 1 || Text(h1[0]) == "" {
		p.Errorf("%d h1, want one with words", len(h1))
	}
	for _, src := range p.ForeignScripts() {
		p.Errorf("has another script than ours: %q", src)
	}
	for _, tag := range []string{"style", "iframe", "object", "base"} {
		if len(p.All(tag)) > 0 {
			p.Errorf("has a %s", tag)
		}
	}
	p.checkAttributes()
	p.checkForms()
	for _, bad := range []string{" .", " ,", "..", "!"} {
		if strings.Contains(p.Words(), bad) {
			p.Errorf("%q in: %s", bad, p.Words())
		}
	}
	for _, misfit := range Misfits(p.readers(), p.Words()) {
		p.Error(misfit)
	}
}

// readers returns those for whom the page is.
func (p Page) readers() Readers {
	switch {
	case strings.Contains(p.Source, `class="shell staff"`), strings.Contains(p.Source, static.URL("staff.css")):
		return Staff
	case strings.Contains(p.Source, `"/developers/`), strings.Contains(p.Source, static.URL("reference.css")):
		return Engineers
	default:
		return Contractors
	}
}

// ForeignScripts returns the addresses of scripts that are not ours, and an empty one for
// each script in the page itself.
func (p Page) ForeignScripts() (found []string) {
	ours := []string{static.URL("form.js"), static.URL("app.js"), static.URL("tour.js"), static.URL("follow.js"), static.URL("passkeys.js"), static.URL("keys.js")}
	for _, script := range p.All("script") {
		src, _ := Attribute(script, "src")
		if !slices.Contains(ours, src) || Text(script) != "" {
			found = append(found, src)
		}
	}
	return found
}

// checkAttributes requires that nothing inline is forbidden by the content policy,
// that all addresses are our own, and that references lead somewhere.
func (p Page) checkAttributes() {
	ids := map[string]bool{}
	for _, n := range p.All("*") {
		if id, ok := Attribute(n, "id"); ok {
			if ids[id] {
				p.Errorf("id %q twice", id)
			}
			ids[id] = true
		}
	}
	for _, n := range p.All("*") {
		for _, a := range n.Attr {
			switch {
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				p.Errorf("%s has %s", n.Data, a.Key)
			case a.Key == "href" || a.Key == "action":
				local := strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "//")
				if out := Value(n, "rel") == "noopener"; !local && !out && a.Val != "" && !strings.HasPrefix(a.Val, "#") {
					p.Errorf("%s leads to %q", n.Data, a.Val)
				}
				if strings.HasPrefix(a.Val, "#") && !ids[a.Val[1:]] {
					p.Errorf("%s leads to %q, which is not there", n.Data, a.Val)
				}
			case a.Key == "aria-labelledby" || a.Key == "aria-describedby" || a.Key == "for" || a.Key == "popovertarget" || a.Key == "commandfor" || a.Key == "form":
				for _, id := range strings.Fields(a.Val) {
					if !ids[id] {
						p.Errorf("%s of %s names %q, which is not there", a.Key, n.Data, id)
					}
				}
			}
		}
		part := n.Parent != nil && n.Parent.Data == "svg" // of a picture that has a name
		if n.Data == "svg" && !part && Value(n, "aria-hidden") != "true" && Value(n, "role") == "" {
			p.Error("a picture is neither hidden nor named")
		}
	}
}

// checkPassword requires that a field for a password helps password managers and
// cuts nothing off.
func (p Page) checkPassword(n *html.Node) {
	name, fills := Value(n, "name"), Value(n, "autocomplete")
	if kind := Value(n, "type"); kind == "hidden" {
		return
	} else if kind != "password" {
		if strings.Contains(name, "password") || strings.HasSuffix(fills, "-password") {
			p.Errorf("input %q shows what is typed", name)
		}
		return
	}
	if _, cuts := Attribute(n, "maxlength"); cuts {
		p.Errorf("input %q cuts a password", name)
	}
	if name != "secret" && fills != "current-password" && fills != "new-password" {
		p.Errorf("input %q does not say which password it is", name)
	}
}

// checkForms requires that every field has a name for the reader and that every
// form posts.
func (p Page) checkForms() {
	labels := map[string]bool{}
	for _, label := range p.All("label") {
		labels[Value(label, "for")] = true
		for n := range label.Descendants() {
			if n.Data == "input" {
				labels[Value(n, "id")] = true
			}
		}
	}
	focused := 0
	for _, tag := range []string{"textarea", "select"} {
		for _, n := range p.All(tag) {
			if !labels[Value(n, "id")] && Value(n, "aria-label") == "" {
				p.Errorf("%s %q has no label", tag, Value(n, "name"))
			}
		}
	}
	for _, n := range p.All("input") {
		_, hidden := Attribute(n, "hidden")
		if !hidden && Value(n, "type") != "hidden" && !labels[Value(n, "id")] && Value(n, "aria-label") == "" {
			p.Errorf("input %q has no label", Value(n, "name"))
		}
		if Value(n, "type") == "password" && Value(n, "value") != "" {
			p.Error("shows a password")
		}
		p.checkPassword(n)
		if _, ok := Attribute(n, "autofocus"); ok {
			focused++
		}
	}
	if focused > 1 {
		p.Errorf("%d inputs want the focus", focused)
	}
	for _, n := range p.All("form") {
		// A search changes nothing, and its address can be shared. Another form that changes
		// nothing says so. A form of a dialog closes it.
		if method := Value(n, "method"); method != "post" && method != "get" && method != "dialog" && Value(n, "role") != "search" {
			p.Errorf("form to %q does not post", Value(n, "action"))
		}
	}
}

// The names on the test pages. All other text on a page is our own.
var namesOnPages = []string{
	"Northgate", "Dana", "Luis Ortega", "Ruth Abara", "Ada Reyes", "Sam Okafor", "Lee", "Booking sync", "Called.", "Requested by their owner",
}

// Isolated requires that each name on the page is isolated, since it may run from
// right to left. In a title or a field, no element can isolate it.
func (p Page) Isolated() {
	p.Helper()
	for n := range p.Root.Descendants() {
		if n.Type != html.TextNode || n.Parent.Data == "title" || n.Parent.Data == "textarea" || inBDI(n) || Value(n.Parent, "aria-hidden") == "true" {
			continue
		}
		for _, name := range namesOnPages {
			if strings.Contains(n.Data, name) {
				p.Errorf("%q is not isolated: %s", name, n.Data)
			}
		}
	}
}

func inBDI(n *html.Node) bool {
	for up := range n.Ancestors() {
		if up.Data == "bdi" {
			return true
		}
	}
	return false
}

// Bannered requires the demo's banner once on a page that is shown in a demo to
// Dana Whitfield, after the link that skips to the content.
func Bannered(ctx context.Context, t *testing.T, name string, page templ.Component) {
	t.Helper()
	var b strings.Builder
	if err := page.Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), `<aside class="demo-banner"`); n != 1 {
		t.Errorf("%s has %d banners", name, n)
	}
	if !strings.Contains(b.String(), "You are <bdi>Dana Whitfield</bdi>.") {
		t.Errorf("%s does not say who is signed in", name)
	}
	skip, banner := strings.Index(b.String(), `href="#main"`), strings.Index(b.String(), "demo-banner")
	if skip > banner {
		t.Errorf("%s: the banner comes before the link to the content", name)
	}
}
