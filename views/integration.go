package views

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// Integration is the other end of the connection: the software that uses the
// company's ServiceTitan data. Without a name, pages speak of Fieldbridge alone. Each
// other field may be empty.
type Integration struct {
	// Name is what people call it: "Acme Scheduling".
	Name string
	// LogoPath is the address of its logo, which Fieldbridge serves.
	LogoPath string
	// HomeURL is where people return when they are connected.
	HomeURL string
	// Support is where people reach its own support.
	Support Contact
	// PrivacyURL and TermsURL are what it promises, and on what terms.
	PrivacyURL, TermsURL string
}

// integrationOf returns the integration that the page's connection is for.
func integrationOf(ctx context.Context) *Integration { return &operatorOf(ctx).Integration }

// integrationName returns the name of the integration, or nothing if the configuration
// names none. A sentence needs it in Isolate, and other text in Shown.
func integrationName(ctx context.Context) string { return integrationOf(ctx).Name }

// ends names both ends of the connection: "Acme Scheduling ↔ ServiceTitan". It shows
// nothing if the configuration names no integration.
func ends() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		i := integrationOf(ctx)
		if i.Name == "" {
			return nil
		}
		p := pen{ctx: ctx, w: w}
		p.html(`<p class="ends">`)
		p.logo(i)
		p.html(`<bdi>`)
		p.text(Shown(i.Name))
		p.html(`</bdi> <span role="img" aria-label="and">↔</span> ServiceTitan</p>`)
		return p.err
	})
}

// logo writes the logo of an integration. Its name is beside it.
func (p *pen) logo(i *Integration) {
	if i.LogoPath == "" {
		return
	}
	p.html(`<img src="`)
	p.text(i.LogoPath)
	p.html(`" alt="" width="20" height="20"/>`)
}

// bothEnds returns the names of both ends of the connection for text without markup.
func bothEnds(ctx context.Context) string {
	if name := integrationName(ctx); name != "" {
		return Plain(Isolate(name)) + " and ServiceTitan"
	}
	return "Fieldbridge and ServiceTitan"
}

// ForCaller returns a context whose pages name a program as the other end of the
// connection, because the program has opened them. If it is the operator's and has the name
// of the integration, the integration's logo and links stay.
func ForCaller(ctx context.Context, name string, operators bool) context.Context {
	o := operatorOf(ctx)
	if operators && o.Integration.Name == name {
		return ctx
	}
	return WithOperator(ctx, &Operator{Contact: o.Contact, Integration: Integration{Name: name}})
}

// legal reports whether there is anything for the foot of a page.
func (i *Integration) legal() bool { return i.PrivacyURL != "" || i.TermsURL != "" }
