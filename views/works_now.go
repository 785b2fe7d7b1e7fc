package views

import (
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// nowLine is something that works or does not: a title, and a sentence that ends with a
// moment.
type nowLine struct {
	tone, icon, title string
	text              string
	at                *time.Time
}

// worksLine shows whether something works, never by its color alone.
func worksLine(l nowLine, clock Clock) templ.Component {
	return byHand(func(p *pen) {
		p.html(`<li data-tone="`)
		p.text(l.tone)
		p.html(`">`)
		p.component(Icon(l.icon))
		p.html(`<div><h3>`)
		p.text(l.title)
		p.html(`</h3><p>`)
		p.text(l.text)
		if l.at != nil {
			p.html(` `)
			p.time(*l.at, clock.Ago(*l.at))
			p.html(`.`)
		}
		p.html(`</p></div></li>`)
	})
}

// renewing says whether renewals work.
func (p *ConnectionPage) renewing() bool {
	return p.works() && p.Connection.Failures == 0 && p.Connection.FailingSince == nil && p.Connection.Reason != models.ReasonOurSide
}

// renewalNow says whether access is renewed.
func (p *ConnectionPage) renewalNow() nowLine {
	l := nowLine{tone: "ok", icon: "ok", title: "Access renews automatically", text: "Access was given", at: &p.Connection.RenewedAt}
	if Renewed(p.Connection) {
		l.text = "Last renewed"
	}
	switch {
	case !p.works():
		l.tone, l.icon, l.title = "off", "off", "Access is no longer renewed"
	case !p.renewing():
		l.tone, l.icon, l.title = "info", "clock", "Access is not renewed right now. We keep trying"
	}
	return l
}

// answersNow says whether ServiceTitan answers.
func (p *ConnectionPage) answersNow() nowLine {
	l := nowLine{tone: "ok", icon: "ok", title: "ServiceTitan answers", text: "ServiceTitan last answered", at: p.Check.AnsweredAt}
	switch {
	case !p.works():
		l.tone, l.icon, l.title = "off", "off", "We no longer ask ServiceTitan"
	case p.Connection.UnansweredSince != nil:
		l.tone, l.icon, l.title = "info", "clock", "ServiceTitan does not answer right now. We keep asking"
	case p.unasked():
		l.tone, l.icon, l.title = "info", "clock", "We check again as soon as access is renewed"
	case p.Check.Failures > 0:
		l.tone, l.icon, l.title = "info", "clock", "The last check did not work. We check again soon"
	case p.testFailedSince(p.Check.AnsweredAt):
		l.tone, l.icon, l.title = "info", "clock", "The last test did not pass"
	case p.Check.AnsweredAt == nil:
		l.tone, l.icon, l.title = "off", "clock", "Not checked yet"
	}
	if l.at == nil {
		l.text = "ServiceTitan has not been asked yet."
	}
	return l
}

// unasked says that ServiceTitan has not answered since renewals began to fail, and that
// it cannot be asked with the access that is left.
func (p *ConnectionPage) unasked() bool {
	since := p.Connection.FailingSince
	return since != nil && !p.Connection.ExpiresAt.After(p.Clock.Now) && (p.Check.AnsweredAt == nil || p.Check.AnsweredAt.Before(*since))
}

// testFailedSince says whether the last test did not pass, and came after an answer.
func (p *ConnectionPage) testFailedSince(answered *time.Time) bool {
	at := p.Connection.TestedAt
	return at != nil && !p.Connection.TestPassed && !at.Before(p.Connection.ConnectedAt) && (answered == nil || at.After(*answered))
}

// accessArea is an area of access, and whether it is allowed.
type accessArea struct {
	models.Area
	// words are "Allowed: view", or why it is not allowed.
	words   string
	allowed bool
	// tone is of an area that is not allowed.
	tone string
}

// areas lists the areas that are allowed, and those that Fieldbridge needs and that are
// not.
func (p *ConnectionPage) areas() []accessArea {
	granted := models.Areas(p.Connection.ScopeList())
	list := make([]accessArea, 0, len(granted)+len(p.Missing))
	for _, area := range granted {
		a := accessArea{Area: area, allowed: true, words: "Allowed: view", tone: "warn"}
		if p.Connection.State == models.Disconnected {
			a.tone = "off"
		}
		if area.Change {
			a.words = "Allowed: view and change"
		}
		if why := p.notAllowed(area); why != "" {
			a.allowed, a.words = false, why
		}
		list = append(list, a)
	}
	if !p.works() {
		return list
	}
next:
	for _, area := range p.Missing {
		for i := range list {
			if list[i].Name == area.Name {
				list[i].allowed, list[i].words = false, "Allowed in part"
				continue next
			}
		}
		list = append(list, accessArea{Area: area, words: "Not allowed yet", tone: "warn"})
	}
	return list
}

// notAllowed returns why an area that the token names cannot be used; empty if it can.
func (p *ConnectionPage) notAllowed(area models.Area) string {
	switch {
	case p.Connection.State == models.Disconnected:
		return "Ended"
	case !p.works() && p.Connection.Reason == models.ReasonNotAllowed:
		return "Not allowed now"
	case !p.works():
		return "Does not work now"
	case p.Check.Reason == models.ReasonScopeMissing && slices.Contains(area.Scopes, servicetitan.AccountScope):
		return "Not allowed now"
	}
	return ""
}

// areaLine shows an area of access. Whether it is allowed is in words.
func areaLine(a accessArea) templ.Component {
	return byHand(func(p *pen) {
		p.html(`<li>`)
		p.component(SmallIcon(a.Icon))
		p.html(`<div>`)
		p.text(a.Name)
		p.html(`</div>`)
		if a.allowed {
			p.html(`<span class="tag">`)
			p.text(a.words)
			p.html(`</span>`)
		} else {
			p.component(Badge(a.tone, "off", a.words))
		}
		p.html(`</li>`)
	})
}

// nextWords is what happens next: a sentence around a moment, or without one.
type nextWords struct {
	icon, before string
	at           *time.Time
	after        string
}

// next lists what happens next by itself, while the connection works.
func (p *ConnectionPage) next() []nextWords {
	list := make([]nextWords, 0, 3)
	if due := p.Connection.NextRenewalAt; due != nil {
		w := nextWords{icon: "refresh", before: "Access renews by", at: due, after: ", or as soon as it is needed."}
		switch {
		case !p.renewing() && due.After(p.Clock.Now):
			w.before, w.after = "We try to renew the access again at", ", or as soon as it is needed."
		case !p.renewing():
			w = nextWords{icon: "refresh", before: "We try to renew the access again in a moment."}
		case !due.After(p.Clock.Now):
			w = nextWords{icon: "refresh", before: "Access renews in a moment."}
		}
		list = append(list, w)
	}
	if due := p.Check.DueAt; due != nil {
		w := nextWords{icon: "bolt", before: "The next check is at", at: due, after: "."}
		switch {
		case !due.After(p.Clock.Now):
			w = nextWords{icon: "bolt", before: "The next check is in a moment."}
		case p.Check.Failures > 0 || p.Connection.UnansweredSince != nil:
			w.before = "We ask ServiceTitan again at"
		}
		list = append(list, w)
	}
	if len(p.Missing) > 0 {
		list = append(list, nextWords{icon: "info", before: "Once the new version is allowed in ServiceTitan, the next renewal brings the missing access."})
	}
	return list
}

// nextLine shows what happens next.
func nextLine(w nextWords, clock Clock) templ.Component {
	return byHand(func(p *pen) {
		p.html(`<li>`)
		p.component(Icon(w.icon))
		p.html(`<div><p>`)
		p.text(w.before)
		if w.at != nil {
			p.html(` `)
			p.time(*w.at, clock.At(*w.at))
			p.text(w.after)
		}
		p.html(`</p></div></li>`)
	})
}
