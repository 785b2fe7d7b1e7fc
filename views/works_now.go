package views

import (
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// renewing says whether renewals work.
func (p *ConnectionPage) renewing() bool {
	return p.works() && p.Connection.Failures == 0 && p.Connection.FailingSince == nil && p.Connection.Reason != models.ReasonOurSide
}

// testFailedSince says whether the last test did not pass, and came after an answer.
func (p *ConnectionPage) testFailedSince(answered *time.Time) bool {
	at := p.Connection.TestedAt
	return at != nil && !p.Connection.TestPassed && !at.Before(p.Connection.ConnectedAt) && (answered == nil || at.After(*answered))
}

// accessArea is an area of access, and whether it is allowed.
type accessArea struct {
	models.Area
	// words are "View", or why it is not allowed.
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
		a := accessArea{Area: area, allowed: true, words: "View", tone: "warn"}
		if p.Connection.State == models.Disconnected {
			a.tone = "off"
		}
		if area.Change {
			a.words = "View and change"
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
	case p.stopped() != nil:
		return "Paused"
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
	before markup
	at     *time.Time
	after  markup
}

// nextRenewal says when access is renewed next, if it is.
func (p *ConnectionPage) nextRenewal() (nextWords, bool) {
	due := p.Connection.NextRenewalAt
	switch {
	case due == nil && p.renewing():
		return nextWords{before: `Access renews automatically.`}, true
	case due == nil:
		return nextWords{}, false
	case !p.renewing() && due.After(p.Clock.Now):
		return nextWords{`We try to renew access again at `, due, `, or as soon as it is needed.`}, true
	case !p.renewing():
		return nextWords{before: `We try to renew access again in a moment.`}, true
	case !due.After(p.Clock.Now):
		return nextWords{before: `Access renews automatically, next in a moment.`}, true
	}
	return nextWords{`Access renews automatically, next by `, due, `.`}, true
}

// nextCheck says when ServiceTitan is asked next, if it is.
func (p *ConnectionPage) nextCheck() (nextWords, bool) {
	due := p.Check.DueAt
	switch {
	case due == nil:
		return nextWords{}, false
	case !due.After(p.Clock.Now):
		return nextWords{before: `The next check is in a moment.`}, true
	case p.Check.Failures > 0 || p.Connection.UnansweredSince != nil:
		return nextWords{`We ask ServiceTitan again at `, due, `.`}, true
	}
	return nextWords{`The next check is at `, due, `.`}, true
}

// next writes what happens next.
func (p *pen) next(w nextWords, clock Clock) {
	p.html(w.before)
	if w.at != nil {
		p.time(*w.at, clock.At(*w.at))
		p.html(w.after)
	}
}

// comesNext says what happens next without anybody doing something: the renewal, or the
// check if it is a check that does not work.
func comesNext(c *ConnectionPage) templ.Component {
	return byHand(func(p *pen) {
		w, ok := c.nextRenewal()
		if c.renewing() && (c.Check.Failures > 0 || c.Connection.UnansweredSince != nil) {
			w, ok = c.nextCheck()
		}
		if !ok && len(c.Missing) == 0 {
			return
		}
		p.html(`<footer><span>`)
		if ok {
			p.next(w, c.Clock)
		}
		if len(c.Missing) > 0 {
			p.html(` Once the new version is allowed in ServiceTitan, the next renewal brings the missing access.`)
		}
		p.html(`</span></footer>`)
	})
}

// connectedFacts says when access was renewed last, or given if it was not renewed yet, and
// who connected when.
func connectedFacts(c *ConnectionPage) templ.Component {
	return byHand(func(p *pen) {
		o := &c.Connection
		if o.ConnectedAt.IsZero() {
			return
		}
		if o.State != models.Disconnected {
			if Renewed(*o) {
				p.html(`<div><dt>Last renewed</dt><dd>`)
			} else {
				p.html(`<div><dt>Access given</dt><dd>`)
			}
			p.ago(``, &o.RenewedAt, c.Clock, `</dd></div>`)
		}
		p.html(`<div><dt>Last connected on</dt><dd>`)
		p.time(o.ConnectedAt, c.Clock.Date(o.ConnectedAt))
		p.html(`</dd></div><div><dt>Connected by</dt><dd><bdi>`)
		p.text(Shown(o.ConnectedByName))
		p.html(`</bdi></dd></div>`)
	})
}
