package views

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/a-h/templ"
)

// templ allocates a few times for each component and for each value of a page. The
// parts that are on a page many times are therefore written by hand, or made once.

// markup is HTML of ours. A constant becomes markup by itself. TestHouseRules allows no
// other conversion than the one in escaped.
type markup string

// escaped returns anything else as markup, escaped as templ does it, for an element or
// an attribute.
func escaped(s string) markup { return markup(templ.EscapeString(s)) }

// Render writes the markup.
func (m markup) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, string(m))
	return err
}

// pen writes a component by hand. It remembers the first error.
type pen struct {
	ctx     context.Context
	w       io.Writer
	err     error
	scratch []byte
}

// byHand returns a component that write writes.
func byHand(write func(p *pen)) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		p := pen{ctx: ctx, w: w}
		write(&p)
		return p.err
	})
}

// html writes HTML of ours.
func (p *pen) html(m markup) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, string(m))
	}
}

// text writes anything else.
func (p *pen) text(s string) { p.html(escaped(s)) }

// number writes a number.
func (p *pen) number(n int) {
	p.scratch = strconv.AppendInt(p.scratch[:0], int64(n), 10)
	p.flush()
}

// flush writes what scratch holds, which needs no escape.
func (p *pen) flush() {
	if p.err == nil {
		_, p.err = p.w.Write(p.scratch)
	}
}

// component writes another component.
func (p *pen) component(c templ.Component) {
	if p.err == nil {
		p.err = c.Render(p.ctx, p.w)
	}
}

// time writes a moment in the given words.
func (p *pen) time(t time.Time, words string) {
	p.html(`<time datetime="`)
	p.scratch = t.UTC().AppendFormat(p.scratch[:0], time.RFC3339)
	p.flush()
	p.html(`">`)
	p.text(words)
	p.html(`</time>`)
}

// told writes a sentence with names from Isolate.
func (p *pen) told(sentence string) {
	for part := range spans(sentence) {
		if part.name {
			p.html(`<bdi>`)
			p.text(part.text)
			p.html(`</bdi>`)
		} else {
			p.text(part.text)
		}
	}
}
