package views

import (
	"strings"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
)

// verdict is how a connection is, in the one way that matters most to its company.
type verdict int

const (
	// verdictWorking means that ServiceTitan answers as it should.
	verdictWorking verdict = iota
	// verdictUnsure means that access is in order, and that the last check or test did
	// not show that it works.
	verdictUnsure
	// verdictUpgrade means that it works without a part of the access.
	verdictUpgrade
	// verdictOurTurn and verdictYourTurn are about a guided setup.
	verdictOurTurn
	verdictYourTurn
	// verdictRetrying means that we keep trying, and verdictOutage that we do so during
	// an outage of ServiceTitan.
	verdictRetrying
	verdictOurSide
	verdictOutage
	// verdictRefused means that a person has to act.
	verdictRefused
	verdictEnded
)

// verdict returns how the connection is. Whatever else is true of it becomes a line of
// the answer, or belongs to another part of the page.
func (p *ConnectionPage) verdict() verdict {
	c, works := &p.Connection, p.works()
	switch {
	case works && c.Reason == models.ReasonOurSide:
		return verdictOurSide
	case works && p.inOutage():
		return verdictOutage
	case c.State == models.Degraded:
		return verdictRetrying
	case p.Setup != nil && p.Setup.WaitsFor == models.TheCompany:
		return verdictYourTurn
	case p.Setup != nil && !works || c.State == models.Pending:
		return verdictOurTurn
	case c.State == models.ReconnectNeeded:
		return verdictRefused
	case c.State == models.Disconnected:
		return verdictEnded
	case len(p.Missing) > 0 || c.UpgradeNeeded:
		return verdictUpgrade
	case p.unsure():
		return verdictUnsure
	}
	return verdictWorking
}

// unsure says whether the last check or test did not show that the connection works.
func (p *ConnectionPage) unsure() bool {
	return !p.renewing() || p.Connection.UnansweredSince != nil || p.Check.Failures > 0 || p.Check.AnsweredAt == nil || p.testFailedSince(p.Check.AnsweredAt)
}

// outage returns the outage that goes on, or the one that has just ended; nil if there is
// none.
func (p *ConnectionPage) outage() *OutageNotice {
	for i := range p.Outages {
		if p.Outages[i].EndedAt == nil || i == len(p.Outages)-1 {
			return &p.Outages[i]
		}
	}
	return nil
}

// inOutage says whether an outage goes on, and ServiceTitan has not answered for the
// connection since it began.
func (p *ConnectionPage) inOutage() bool {
	o := p.outage()
	if o == nil || o.EndedAt != nil {
		return false
	}
	answered := p.Check.AnsweredAt
	return p.Connection.State == models.Degraded || p.unsure() || answered == nil || answered.Before(o.BeganAt)
}

// hitBy says whether something did not work for the connection during an outage.
func (p *ConnectionPage) hitBy(o *OutageNotice) bool {
	for i := range p.Events {
		e := &p.Events[i]
		failed := e.Kind == models.EventRetrying || e.Kind == models.EventCheckFailed || e.Kind == models.EventTestFailed || e.Kind == models.EventRecovered
		if failed && !e.At.Before(o.BeganAt) {
			return true
		}
	}
	return false
}

// verdictWords are how a verdict is shown, and the first sentence of its answer. Those
// without a sentence depend on the connection.
var verdictWords = [...]struct {
	tone        markup
	icon, title string
}{
	verdictWorking:  {"ok", "ok", "Working."},
	verdictUnsure:   {"info", "clock", ""},
	verdictUpgrade:  {"warn", "warn", ""},
	verdictOurTurn:  {"info", "clock", ""},
	verdictYourTurn: {"warn", "users", ""},
	verdictRetrying: {"info", "clock", ""},
	verdictOurSide:  {"info", "clock", ""},
	verdictOutage:   {"info", "clock", "ServiceTitan is having problems."},
	verdictRefused:  {"warn", "warn", ""},
	verdictEnded:    {"off", "off", "ServiceTitan is disconnected."},
}

// title is the first sentence of the answer. It changes only if something has happened,
// so that a page that follows the connection can say it.
func (p *ConnectionPage) title(v verdict) string {
	switch v {
	case verdictUnsure:
		return p.unsureTitle()
	case verdictOurTurn, verdictYourTurn:
		return turnTitle(p.Setup)
	case verdictRetrying, verdictOurSide:
		return retryingTitle(p.Connection)
	case verdictRefused:
		return reconnectAdviceFor(p.Connection.Reason).title + "."
	case verdictUpgrade:
		return p.lossTitle()
	case verdictWorking, verdictOutage, verdictEnded:
	}
	return verdictWords[v].title
}

// lossTitle names the part of the access that is missing.
func (p *ConnectionPage) lossTitle() string {
	if len(p.Missing) == 0 {
		return "Part of the access is missing."
	}
	return "Access is missing: " + Listed(p.Missing) + "."
}

// unsureTitle says what did not show that the connection works.
func (p *ConnectionPage) unsureTitle() string {
	switch {
	case p.Check.Failures > 0 || p.Connection.UnansweredSince != nil:
		return "Connected, but the last check did not work."
	case !p.renewing():
		return "Connected, but the last renewal did not work."
	case p.testFailedSince(p.Check.AnsweredAt):
		return "Connected, but the last test did not pass."
	}
	return "Connected. The first check comes soon."
}

// turnTitle says whose turn a guided setup is, and what they do.
func turnTitle(s *models.Setup) string {
	switch {
	case s == nil:
		return "This connection is being set up."
	case s.WaitsFor == models.TheCompany && s.Step == models.StepAllowAccess:
		return "Your turn: allow Fieldbridge in ServiceTitan."
	case s.WaitsFor == models.TheCompany:
		return "Your turn: please check the tenant ID."
	case s.Step == models.StepAddTenant:
		return "Our turn: we add your tenant ID."
	}
	return "Our turn: we finish the setup."
}

// retryingTitle says in a sentence what does not work while a connection is retried.
func retryingTitle(c models.Connection) string {
	switch {
	case c.Reason == models.ReasonOurSide:
		return "There is a problem on our side. We are fixing it."
	case c.FailingSince == nil && c.UnansweredSince != nil:
		return "ServiceTitan is not answering. We keep trying."
	}
	return "We couldn’t renew access. We keep trying."
}

// StoppedSince returns since when nothing gets through although we keep trying; nil if
// something still does.
func StoppedSince(c models.Connection, now time.Time) *time.Time {
	switch {
	case c.State != models.Connected && c.State != models.Degraded:
		return nil
	case c.UnansweredSince != nil:
		return c.UnansweredSince
	case (c.FailingSince != nil || c.Reason == models.ReasonOurSide) && !c.ExpiresAt.After(now):
		return &c.ExpiresAt
	}
	return nil
}

// stopped returns since when nothing gets through although we keep trying.
func (p *ConnectionPage) stopped() *time.Time { return StoppedSince(p.Connection, p.Clock.Now) }

// tone returns the tone of the answer. What stops data is never calm.
func (p *ConnectionPage) tone(v verdict) markup {
	if p.stopped() != nil {
		return "warn"
	}
	return verdictWords[v].tone
}

// flow names the data that an integration gets, in the words of its scopes.
type flow struct{ your, fresh, reach, reached string }

// flowOf returns the names of what the connection carries.
func flowOf(c *models.Connection) flow {
	if strings.Contains(c.Scopes, "tn.jpm.") && strings.Contains(c.Scopes, "tn.crm.customers") {
		return flow{"Your jobs and customers", "New jobs and customers", "reach", "have"}
	}
	return flow{"Your ServiceTitan data", "New ServiceTitan data", "reaches", "has"}
}

// failedTest returns when the last test did not pass, if nothing has worked since.
func (p *ConnectionPage) failedTest() *time.Time {
	c := &p.Connection
	if !p.testFailedSince(p.Check.AnsweredAt) || p.works() && c.TestedAt.Add(sameMoment).Before(c.RenewedAt) {
		return nil
	}
	return c.TestedAt
}

// lastTry returns when we, or a person, last asked ServiceTitan without success; nil if
// we do not know.
func (p *ConnectionPage) lastTry() *time.Time {
	at := lastTry(p.Connection, p.Check)
	if tested := p.failedTest(); tested != nil && (at == nil || tested.After(*at)) {
		return tested
	}
	return at
}

// lastTry returns when we last asked ServiceTitan without success; nil if we do not know.
func lastTry(c models.Connection, k models.Check) *time.Time {
	var at *time.Time
	if c.FailingSince != nil {
		at = &c.UpdatedAt // each renewal that fails is a change
	}
	if k.Failures > 0 && k.TriedAt != nil && (at == nil || k.TriedAt.After(*at)) {
		at = k.TriedAt
	}
	return at
}

// nextTry returns when we ask ServiceTitan again; nil if we do not know.
func nextTry(c models.Connection, k models.Check) *time.Time {
	at := k.DueAt
	if c.FailingSince != nil && c.NextRenewalAt != nil && (at == nil || c.NextRenewalAt.Before(*at)) {
		at = c.NextRenewalAt
	}
	return at
}
