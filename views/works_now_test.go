package views

import (
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// A page does not say that ServiceTitan answers if it has not been asked since renewals
// began to fail, and names no moment that has passed as the next one.
func TestNothingIsSaidToWorkThatWasNotAsked(t *testing.T) {
	c := pagetest.Connection(models.Degraded)
	c.FailingSince, c.ExpiresAt, c.NextRenewalAt, c.Failures = pagetest.Ago(time.Hour), *pagetest.Ago(30 * time.Minute), pagetest.Ago(time.Minute), 3
	p := ConnectionPage{
		Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Clock: testClock(),
		Check: models.Check{AnsweredAt: pagetest.Ago(2 * time.Hour), DueAt: pagetest.Ago(time.Minute)},
	}
	page := pagetest.Show(t, Connection(p))
	page.Says("We check again as soon as access is renewed", "We try to renew the access again in a moment.", "The next check is in a moment.")
	page.DoesNotSay("ServiceTitan answers ServiceTitan last", "again at")

	p.Check.AnsweredAt = pagetest.Ago(time.Minute)
	page = pagetest.Show(t, Connection(p))
	page.Says("ServiceTitan answers", "ServiceTitan last answered 1 minute ago")
	page.DoesNotSay("We check again as soon as")
}

// While ServiceTitan has an outage, nobody who has to reconnect is told that there is
// nothing to do.
func TestOutageDoesNotContradictTheCard(t *testing.T) {
	for _, ended := range []*time.Time{nil, pagetest.Ago(time.Minute)} {
		n := OutageNotice{Environment: "production", BeganAt: *pagetest.Ago(time.Hour), EndedAt: ended}
		c := pagetest.Connection(models.ReconnectNeeded)
		p := ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Clock: testClock(), Outages: []OutageNotice{n}}
		pagetest.Show(t, Connection(p)).Says("There is nothing for you to do.")
		p.Outages[0].NeedsYou = true
		pagetest.Show(t, Connection(p)).DoesNotSay("There is nothing for you to do.")
	}
}
