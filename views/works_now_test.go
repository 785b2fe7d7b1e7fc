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
	page.Says("Renewing the access did not work", "New jobs and customers cannot reach the integration until it works again.", "We try to renew the access again in a moment.", "Next try in a moment.")
	page.DoesNotSay("ServiceTitan answered", "again at", "Working")

	p.Connection.ExpiresAt = pagetest.Noon.Add(time.Minute)
	page = pagetest.Show(t, Connection(p))
	page.Says("your jobs and customers reach the integration as before")
	page.DoesNotSay("cannot reach")
}

// While ServiceTitan has an outage, nobody who has to reconnect is told that there is
// nothing to do.
func TestOutageDoesNotContradictTheCard(t *testing.T) {
	for _, ended := range []*time.Time{nil, pagetest.Ago(time.Minute)} {
		n := OutageNotice{Environment: "production", BeganAt: *pagetest.Ago(time.Hour), EndedAt: ended}
		c := pagetest.Connection(models.ReconnectNeeded)
		p := ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Clock: testClock(), Outages: []OutageNotice{n}}
		pagetest.Show(t, Connection(p)).DoesNotSay("There is nothing for you to do.")
		p.Connection = pagetest.Connection(models.Degraded)
		pagetest.Show(t, Connection(p)).Says("nothing")
	}
}
