package views

import "github.com/a-h/templ"

// nicknameForm lets an owner give the connection another name. It is open if what was
// typed could not be used.
func nicknameForm(c *ConnectionPage) templ.Component {
	return byHand(func(p *pen) {
		value, problem := c.Connection.Nickname, c.NicknameProblem
		if problem != "" {
			value = c.Nickname
			p.html(`<details class="sm" id="name" open>`)
		} else {
			p.html(`<details class="sm" id="name">`)
		}
		if c.Connection.Nickname == "" {
			p.html(`<summary>Give it a nickname</summary>`)
		} else {
			p.html(`<summary>Change the nickname</summary>`)
		}
		p.html(`<form class="stack tight" method="post" action="/connections/`)
		p.text(c.Connection.ID.String())
		p.html(`/nickname"><div class="field"><label class="label" for="nickname">Nickname</label><small id="nickname-hint">Your company and Fieldbridge support see it. Leave it empty to use the name from ServiceTitan.</small><input class="in" id="nickname" name="nickname" type="text" autocomplete="off" value="`)
		p.text(value)
		if problem == "" {
			p.html(`" aria-describedby="nickname-hint"></div>`)
		} else {
			p.html(`" aria-describedby="nickname-hint nickname-error" aria-invalid="true" autofocus>`)
			p.component(FieldError("nickname", problem))
			p.html(`</div>`)
		}
		p.html(`<div class="actions"><button class="btn">Save</button></div></form></details>`)
	})
}
