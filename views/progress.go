package views

import (
	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models"
)

// stepState says how far a step of connecting is.
type stepState int

const (
	stepAhead stepState = iota
	stepGoing
	stepDone
	stepFailed
)

// failedSteps says how far an attempt came, for each outcome that shows it. An attempt
// with another outcome may have ended anywhere.
//
//exhaustive:ignore
var failedSteps = map[models.Outcome][3]stepState{
	models.OutcomeDenied:        {stepFailed, stepAhead, stepAhead},
	models.OutcomeStartAgain:    {stepFailed, stepAhead, stepAhead},
	models.OutcomeSetupProblem:  {stepFailed, stepAhead, stepAhead},
	models.OutcomeWrongTenant:   {stepDone, stepFailed, stepAhead},
	models.OutcomeTenantUnknown: {stepDone, stepFailed, stepAhead},
	models.OutcomeNotAllowed:    {stepDone, stepFailed, stepAhead},
	models.OutcomeUnauthorized:  {stepDone, stepFailed, stepAhead},
	models.OutcomeScopeMissing:  {stepDone, stepDone, stepFailed},
}

// connectingSteps are the steps that follow when somebody has allowed the access, as they
// are called before they are done, and after.
var connectingSteps = [3]struct{ going, done markup }{
	{"Receiving access", "Access received"},
	{"Reaching your account", "Your account reached"},
	{"Reading business units", "Business units read"},
}

// progress shows how far each of the three steps is.
func progress(access, account, units stepState) templ.Component {
	return byHand(func(p *pen) {
		p.html(`<ul class="list inset lined sm" role="list" aria-label="Progress">`)
		for i, state := range [3]stepState{access, account, units} {
			switch words := &connectingSteps[i]; state {
			case stepDone:
				p.connectingStep(`<li data-tone="ok">`, Icon("ok"), words.done, `<span class="sr">: done</span>`)
			case stepGoing:
				p.connectingStep(`<li data-tone="info" aria-current="step">`, turningIcon("spin"), words.going, `<span class="sr">: in progress</span>`)
			case stepFailed:
				p.connectingStep(`<li data-tone="bad">`, Icon("bad"), words.going, `: did not work`)
			case stepAhead:
				p.connectingStep(`<li data-tone="off">`, Icon("off"), words.going, `<span class="sr">: not started</span>`)
			}
		}
		p.html(`</ul>`)
	})
}

// connectingStep writes one step. state is its state in words.
func (p *pen) connectingStep(item markup, icon templ.Component, words, state markup) {
	p.html(item)
	p.component(icon)
	p.html(`<div>`)
	p.html(words)
	p.html(state)
	p.html(`</div></li>`)
}
