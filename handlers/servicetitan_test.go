package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// formOf reads the first form on a page with the given button. It returns where the
// form posts to, and the values of its fields.
func (b *browser) formOf(page answer, button string) (action string, fields url.Values) {
	b.Helper()
	root, err := html.Parse(strings.NewReader(page.body))
	if err != nil {
		b.Fatal(err)
	}
	attr := func(n *html.Node, key string) string {
		for _, a := range n.Attr {
			if a.Key == key {
				return a.Val
			}
		}
		return ""
	}
	for form := range root.Descendants() {
		if form.Type != html.ElementNode || form.Data != "form" || !strings.Contains(nodeText(form), button) {
			continue
		}
		fields = url.Values{}
		for n := range form.Descendants() {
			switch {
			case n.Data == "input" && attr(n, "type") != "radio" && attr(n, "name") != "":
				fields.Set(attr(n, "name"), attr(n, "value"))
			case n.Data == "button" && strings.TrimSpace(nodeText(n)) == button && attr(n, "name") != "":
				fields.Set(attr(n, "name"), attr(n, "value"))
			}
			if n.Data == "button" && strings.TrimSpace(nodeText(n)) == button && attr(n, "formaction") != "" {
				action = attr(n, "formaction")
			}
		}
		if action == "" {
			action = attr(form, "action")
		}
		return action, fields
	}
	b.Fatalf("no form with the button %q:\n%s", button, text(page.body))
	return "", nil
}

func nodeText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// resolve returns the full address for one found on a page of the sandbox.
func (b *browser) resolve(address string) string {
	b.Helper()
	u, err := parse(b.T, b.standIn.URL).Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	return u.String()
}

// atServiceTitan signs in at the sandbox and answers its question with a button. It
// returns the address that leads back to the app.
func (b *browser) atServiceTitan(authorize string, tenant int, button string) string {
	b.Helper()
	page := b.get(authorize)
	for range 6 {
		for page.status == http.StatusSeeOther {
			to := b.resolve(page.location)
			if strings.HasPrefix(to, b.url) {
				return to
			}
			page = b.get(to)
		}
		page.want(b, 200, "SANDBOX")
		if strings.Contains(page.body, `name="tenant"`) {
			action, fields := b.formOf(page, button)
			fields.Set("tenant", fmt.Sprint(tenant))
			page = b.send(b.request(http.MethodPost, b.resolve(action), fields))
			continue
		}
		action, fields := b.formOf(page, "Sign in")
		page = b.send(b.request(http.MethodPost, b.resolve(action), fields))
	}
	b.Fatalf("the sandbox did not lead back:\n%s", text(page.body))
	return ""
}

// trip goes to ServiceTitan, allows the access, and returns the address that leads
// back.
func (m *member) trip(env string, tenant int) string {
	m.Helper()
	return m.atServiceTitan(m.begin(env, tenant), tenant, "Allow")
}

// connect connects a tenant and returns the connection's address.
func (m *member) connect(env string, tenant int) string {
	m.Helper()
	to := m.get(m.trip(env, tenant)).want(m, 303, "/connections/").location
	path, _, _ := strings.Cut(to, "?")
	return path
}
