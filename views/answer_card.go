package views

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/fieldbridge/fieldbridge/models"
)

// answerCard answers first: how the connection is, what that means for the people who
// see it, who can do something about it, and the one thing to do.
func answerCard(c *ConnectionPage) templ.Component {
	return byHand(func(p *pen) {
		v := c.verdict()
		words := &verdictWords[v]
		p.html(`<section class="card answer" aria-labelledby="answer" data-tone="`)
		p.html(c.tone(v))
		p.html(`"><div class="body"><span class="disc small">`)
		p.component(Icon(words.icon))
		p.html(`</span><div class="stack"><div class="stack tight"><h2 id="answer">`)
		p.text(c.title(v))
		if v == verdictWorking {
			p.ago(" ServiceTitan answered ", c.Check.AnsweredAt, c.Clock, ".")
		}
		p.html(`</h2>`)
		p.meaning(c, v)
		p.asides(c, v)
		p.html(`</div>`)
		p.whoAndWhen(c, v)
		p.component(cure(c, v))
		p.html(`</div></div>`)
		if c.works() {
			p.lastTest(c, v)
		}
		p.html(`</section>`)
	})
}

// ago writes a sentence that ends with how long ago a moment was. Without a moment, it
// writes nothing.
func (p *pen) ago(before markup, at *time.Time, clock Clock, after markup) {
	if at != nil {
		p.html(before)
		p.time(*at, clock.Ago(*at))
		p.html(after)
	}
}

// on writes a sentence around a day and time, if there is one.
func (p *pen) on(before markup, at *time.Time, clock Clock, after markup) {
	if at != nil {
		p.html(before)
		p.time(*at, clock.On(*at))
		p.html(after)
	}
}

// soon writes a sentence that ends with a moment to come, or says that it is now.
func (p *pen) soon(before, now markup, at *time.Time, clock Clock) {
	switch {
	case at == nil:
	case at.After(clock.Now):
		p.html(before)
		p.time(*at, clock.At(*at))
		p.html(`.`)
	default:
		p.html(now)
	}
}

// integration writes the name of what uses the connection.
func (p *pen) integration() {
	if name := integrationName(p.ctx); name != "" {
		p.html(`<bdi>`)
		p.text(Shown(name))
		p.html(`</bdi>`)
		return
	}
	p.html(`the integration`)
}

// meaning writes what the state of a connection means: why it is so, and what works.
func (p *pen) meaning(c *ConnectionPage, v verdict) {
	p.html(`<p>`)
	switch data := flowOf(&c.Connection); v {
	case verdictWorking:
		p.text(data.your + " " + data.reach + " ")
		p.integration()
		if c.deletesSecret() {
			p.html(`. One thing is left: the old client secret still opens your ServiceTitan account. Delete it there.`)
		} else {
			p.html(`. There is nothing you need to do.`)
		}
	case verdictUnsure:
		p.unsure(c)
	case verdictUpgrade:
		p.html(`Without it, `)
		p.integration()
		p.html(` misses that part of your data. The rest works as before. To allow it, a ServiceTitan admin opens`)
		p.html(`</p>`)
		p.component(clickPath())
		p.html(`<p>and chooses <b>Upgrade to New Version</b> next to Fieldbridge.`)
	case verdictOurTurn, verdictYourTurn:
		p.turn(c)
	case verdictRetrying, verdictOurSide, verdictOutage:
		p.retrying(c, v)
	case verdictRefused:
		p.refused(c)
	case verdictEnded:
		p.ended(c)
	}
	p.html(`</p>`)
}

// unsure writes why it is not known that a connection works, and that we find out.
func (p *pen) unsure(c *ConnectionPage) {
	switch {
	case c.Check.Failures > 0:
		p.text(reasons[c.Check.Reason] + " ")
	case c.Connection.Failures > 0:
		p.text(reasons[c.Connection.Reason] + " ")
	}
	p.unconfirmed(c)
	p.soon(`We check again at `, `We check again in a moment.`, c.Check.DueAt, c.Clock)
	p.html(` There is nothing you need to do.`)
}

// unconfirmed writes that ServiceTitan has not confirmed the flow of data, because it does not
// answer as it should.
func (p *pen) unconfirmed(c *ConnectionPage) {
	p.html(`We cannot confirm right now that `)
	p.flow(c)
	p.html(`. `)
}

// flow writes which data reaches what uses the connection, within a sentence.
func (p *pen) flow(c *ConnectionPage) {
	data := flowOf(&c.Connection)
	p.text("y" + data.your[1:] + " " + data.reach + " ")
	p.integration()
}

// turn writes what the next step of a guided setup is.
func (p *pen) turn(c *ConnectionPage) {
	s := c.Setup
	switch {
	case s == nil:
		p.html(`We set it up. There is nothing you need to do.`)
	case s.Problem != "":
		p.html(`<b>Please check this.</b> `)
		p.text(setupProblems[s.Problem])
	case s.WaitsFor == models.TheCompany:
		p.html(`A ServiceTitan admin of your company follows these steps. Then we finish the setup.`)
	case s.Step == models.StepAddTenant:
		p.html(`Then ServiceTitan shows Fieldbridge to your company, and it is your turn. There is nothing you need to do until then.`)
	default:
		p.html(`There is nothing you need to do. You can close this page, and look again at any time.`)
	}
	if c.works() {
		p.html(` Until the setup is finished, the connection works as before.`)
	}
}

// retrying writes why a connection is retried, and what works until when.
func (p *pen) retrying(c *ConnectionPage, v verdict) {
	data, stopped := flowOf(&c.Connection), c.stopped()
	if stopped != nil {
		p.text(data.fresh + " " + data.reached + " not reached ")
		p.integration()
		p.on(` since `, stopped, c.Clock, `. `)
	}
	// Only three verdicts are about retrying.
	//exhaustive:ignore
	switch v {
	case verdictOutage:
		o := c.outage()
		p.on(`ServiceTitan has not answered many companies as it should since `, &o.BeganAt, c.Clock, ` (`)
		p.text(o.Environment.Label())
		p.html(`). `)
	case verdictOurSide:
		p.html(`We can’t renew access right now. We know about it and are fixing it. `)
	default:
		p.text(reasons[c.Connection.Reason])
		if p.html(` `); stopped == nil {
			p.on(`It began `, TroubledSince(c.Connection), c.Clock, `. `)
		}
	}
	expires := &c.Connection.ExpiresAt
	switch {
	case stopped != nil:
		p.html(`Everything continues by itself as soon as it works.`)
		return
	case c.Check.Failures > 0 || c.failedTest() != nil:
		p.unconfirmed(c)
		p.html(`The access that we have is valid until about `)
		p.time(*expires, c.Clock.At(*expires))
		p.html(`.`)
	default:
		p.html(`The access that we have works until about `)
		p.time(*expires, c.Clock.At(*expires))
		p.html(`. Until then, `)
		p.flow(c)
		p.html(` as before.`)
	}
	p.html(` There is nothing you need to do.`)
}

// refused writes why a person has to act, and what does not work until then.
func (p *pen) refused(c *ConnectionPage) {
	advice := reconnectAdviceFor(c.Connection.Reason)
	p.text(strings.TrimPrefix(reasons[c.Connection.Reason], advice.title+". ") + " ")
	p.on(`The connection has not worked since `, c.Connection.FailingSince, c.Clock, `. `)
	data := flowOf(&c.Connection)
	p.text("We stopped trying, so " + "n" + data.fresh[1:] + " cannot reach ")
	p.integration()
	p.html(`. Nothing changes in ServiceTitan.`)
	if advice.first != "" {
		p.text(" " + advice.first)
	}
}

// ended writes who ended a connection, and what is left to do in ServiceTitan.
func (p *pen) ended(c *ConnectionPage) {
	switch o := &c.Connection; {
	case o.ConnectedAt.IsZero():
		p.html(`The setup was canceled before it was finished.`)
	default:
		if o.DisconnectedAt != nil {
			p.told(DisconnectedBy(c.Events))
			p.on(``, o.DisconnectedAt, c.Clock, `. `)
		}
		p.html(`Fieldbridge has deleted its access.`)
		if o.Way != models.SignInWay {
			p.html(` The client ID and secret still exist in ServiceTitan: choose <b>Disable</b> next to Fieldbridge under Settings, Integrations, API Application Access.`)
		}
	}
	p.html(` You can connect the same account again, and its history continues.`)
}

// asides writes what else is true, and is less urgent than the answer.
func (p *pen) asides(c *ConnectionPage, v verdict) {
	if o := c.outage(); o != nil && (o.EndedAt == nil || v == verdictWorking && c.hitBy(o)) {
		p.html(`<p class="sm muted">`)
		switch {
		case o.EndedAt != nil:
			p.on(`ServiceTitan had problems, and answers again since `, o.EndedAt, c.Clock, `. <a href="`+StatusPath+`">What happened</a>`)
		case v == verdictOutage:
			p.html(`There is nothing for you to do. Your connection continues by itself. <a href="` + StatusPath + `">See what we know</a>`)
		case v == verdictRefused || v == verdictEnded || v == verdictYourTurn || v == verdictOurTurn:
			p.on(`ServiceTitan is having problems since `, &o.BeganAt, c.Clock, `. This may have to wait until it answers again. <a href="`+StatusPath+`">See what we know</a>`)
		default:
			p.on(`ServiceTitan is having problems with other companies since `, &o.BeganAt, c.Clock, `. There is nothing for you to do. Your connection continues by itself. <a href="`+StatusPath+`">See what we know</a>`)
		}
		p.html(`</p>`)
	}
	if v != verdictUpgrade && c.works() && len(c.Missing) > 0 {
		p.html(`<p class="sm muted">A new version of Fieldbridge also needs your OK in ServiceTitan. It can wait until this is over.</p>`)
	}
	if at, since := c.failedTest(), c.Connection.FailingSince; v == verdictRefused && at != nil && since != nil && !at.Before(*since) {
		p.on(`<p class="sm" role="status">Checked `, at, c.Clock, `: still refused.</p>`)
	}
}

// whoAndWhen writes who can fix it, and how long that takes.
func (p *pen) whoAndWhen(c *ConnectionPage, v verdict) {
	var who, takes markup
	switch v {
	case verdictUpgrade:
		who, takes = `A ServiceTitan admin of your company`, `About two minutes`
	case verdictYourTurn:
		who, takes = `A ServiceTitan admin of your company`, `About two minutes`
	case verdictOurTurn:
		who, takes = `Our staff`, `Usually a business day`
	case verdictRetrying:
		who, takes = `Nobody has to. We keep trying`, `It usually passes by itself`
	case verdictOurSide:
		who, takes = `We do`, `We keep trying until it works`
	case verdictOutage:
		who, takes = `ServiceTitan. We keep trying`, `We do not know yet`
	case verdictRefused:
		who, takes = whoReconnects(c.Connection.Reason)
	case verdictWorking, verdictUnsure, verdictEnded:
		return
	}
	p.html(`<dl class="row told sm"><div><dt>Who does it</dt><dd>`)
	p.html(who)
	p.html(`</dd></div><div><dt>How long it takes</dt><dd>`)
	p.html(takes)
	p.html(`</dd></div></dl>`)
}

// whoReconnects says who can end a refusal, and how long it takes them.
func whoReconnects(r models.Reason) (who, takes markup) {
	if r == models.ReasonUnauthorized {
		return `Fieldbridge support, then you`, `Support tells you when`
	}
	return `A ServiceTitan admin of your company`, `About a minute`
}

// deletesSecret says whether the company still has to delete an old secret.
func (p *ConnectionPage) deletesSecret() bool {
	return p.Connection.OldSecret != models.NoSecret && p.Connection.Way == models.OwnCredentialsWay
}

// lastTest writes what came of the last test or try, and offers a test.
func (p *pen) lastTest(c *ConnectionPage, v verdict) {
	p.html(`<footer id="test"><span>`)
	tested, connection := c.justTested(), &c.Connection
	switch at := c.lastTry(); {
	case len(tested) > 0 && tested[0].Kind == models.EventTestPassed:
		p.html(`<span role="status"><b>`)
		if v == verdictUpgrade {
			p.html(`Test done: part of the access is missing.`)
		} else {
			p.html(`Test passed.`)
		}
		p.html(`</b> ServiceTitan answered in `)
		p.text(Seconds(tested[0].Millis))
		p.html(`.</span>`)
	case at != nil && v != verdictWorking:
		p.html(`<span role="status">`)
		p.checked(c, v, at, tested)
		p.html(`</span>`)
	case len(tested) > 0:
		p.html(`<span role="status"><b>Test did not pass.</b> `)
		p.text(reasons[tested[0].Reason])
		p.html(`</span>`)
	case connection.TestedAt == nil:
		p.html(`Not tested yet. “Test connection” asks ServiceTitan right now.`)
	case connection.TestedAt.Before(connection.ConnectedAt):
		p.html(`Not tested since it was connected again. “Test connection” asks ServiceTitan right now.`)
	case connection.TestPassed && v == verdictUpgrade:
		p.on(`Last test: ServiceTitan answered `, connection.TestedAt, c.Clock, `. Part of the access is missing.`)
	case connection.TestPassed:
		p.on(`Last test: passed `, connection.TestedAt, c.Clock, `, in `)
		p.text(Seconds(connection.TestMillis))
	default:
		p.on(`Last test: did not pass `, connection.TestedAt, c.Clock, `. It works now: ServiceTitan has answered since.`)
	}
	p.html(`</span><form method="post" action="`)
	p.text(c.action("test"))
	p.html(`"><button class="btn" data-busy="Asking ServiceTitan">`)
	p.component(Icon("bolt"))
	p.html(`Test connection</button></form></footer>`)
}

// checked writes when ServiceTitan was last asked, and when it is asked next.
func (p *pen) checked(c *ConnectionPage, v verdict, at *time.Time, tested []models.Event) {
	if len(tested) > 0 {
		p.html(`<b>Test did not pass.</b> `)
		if tested[0].Reason != c.Connection.Reason {
			p.text(reasons[tested[0].Reason] + " ")
		}
	}
	p.html(`Checked `)
	p.time(*at, c.Clock.At(*at))
	switch {
	case v == verdictUnsure || v == verdictUpgrade:
		p.html(`: it did not work.`)
	case c.Connection.UnansweredSince != nil || !c.Connection.ExpiresAt.After(c.Clock.Now) || v == verdictOutage:
		p.html(`: still down.`)
	default:
		p.html(`: not renewed yet.`)
	}
	p.soon(` Next try `, ` Next try in a moment.`, nextTry(c.Connection, c.Check), c.Clock)
}
