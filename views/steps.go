package views

import (
	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models"
)

// stepsOf shows how far the reader has come. current counts from 1.
func stepsOf(current int, names []string) templ.Component {
	return byHand(func(p *pen) {
		p.html(`<ol class="steps" role="list" aria-label="Step `)
		p.number(current)
		p.html(` of `)
		p.number(len(names))
		p.html(`">`)
		for i, name := range names {
			switch {
			case i+1 < current:
				p.html(`<li class="done"><span class="sr">Done: </span>`)
			case i+1 == current:
				p.html(`<li aria-current="step">`)
			default:
				p.html(`<li>`)
			}
			p.text(name)
			p.html(`</li>`)
		}
		p.html(`</ol>`)
	})
}

// madeFacts lists the steps by which a connection was made, and what came of each.
func madeFacts(c models.Connection) templ.Component {
	return byHand(func(p *pen) {
		fact := func(done markup) {
			p.html(`<li data-tone="ok">`)
			p.component(Icon("ok"))
			p.html(`<div class="row split"><b>`)
			p.html(done)
			p.html(`</b> <span class="muted">`)
		}
		const end = `</span></div></li>`
		p.html(`<ul class="list inset lined sm" role="list" aria-label="What was done">`)
		fact(`Access received`)
		p.text(rights(models.Areas(c.ScopeList())))
		p.html(end)
		fact(`Your account reached`)
		p.text(c.Environment.Label())
		p.html(`, tenant `)
		p.number(int(c.TenantID))
		p.html(end)
		if c.BusinessUnits > 0 {
			fact(`Business units read`)
			p.number(c.BusinessUnits)
			p.html(` found` + end)
		}
		p.html(`</ul>`)
	})
}
