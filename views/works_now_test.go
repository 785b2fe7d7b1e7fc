package views

import (
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
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
		Days:  []connect.RenewalDay{{Day: pagetest.Noon.Format(time.DateOnly), OK: 3, ChecksOK: 3}},
	}
	page := pagetest.Show(t, Connection(p))
	page.Says("We couldn’t renew access. We keep trying.", "New jobs and customers have not reached the integration since", "Paused", "nothing got through for part of the day", "We try to renew access again in a moment.", "Next try in a moment.")
	page.DoesNotSay("ServiceTitan answered", "again at", "Working", "Access renews automatically", "nothing you need to do")

	p.Connection.ExpiresAt = pagetest.Noon.Add(time.Minute)
	page = pagetest.Show(t, Connection(p))
	page.Says("your jobs and customers reach the integration as before")
	page.DoesNotSay("not reached", "Paused", "for part of the day", "cannot confirm")

	// While ServiceTitan does not answer, nobody knows whether data flows.
	p.Check.Failures, p.Check.Reason = 1, models.ReasonUnavailable
	page = pagetest.Show(t, Connection(p))
	page.Says("We cannot confirm right now that your jobs and customers reach the integration", "is valid until about", "nothing you need to do")
	page.DoesNotSay("as before")
	p.Connection = pagetest.Connection(models.Connected)
	page = pagetest.Show(t, Connection(p))
	page.Says("We cannot confirm right now that")
	page.DoesNotSay("as before")
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

// That ServiceTitan answers again is said only for a connection that an outage has hit, and
// that works now.
func TestRecoveryIsSaidWhereItHappened(t *testing.T) {
	notice := OutageNotice{Environment: "production", BeganAt: *pagetest.Ago(time.Hour), EndedAt: pagetest.Ago(time.Minute)}
	hit := []models.Event{{Kind: models.EventRetrying, Reason: models.ReasonUnavailable, At: *pagetest.Ago(30 * time.Minute)}}
	for _, state := range pagetest.Constants[models.State](t) {
		for _, events := range [][]models.Event{nil, hit} {
			p := ConnectionPage{
				Visitor: pagetest.Visitor(accounts.Owner), Connection: pagetest.Connection(state), Clock: testClock(), Events: events,
				Outages: []OutageNotice{notice}, Check: models.Check{AnsweredAt: pagetest.Ago(2 * time.Minute), DueAt: pagetest.Ago(-time.Minute)},
			}
			const words = "ServiceTitan had problems, and answers again since"
			if page := pagetest.Show(t, Connection(p)); state == models.Connected && events != nil {
				page.Says(words)
			} else {
				page.DoesNotSay(words)
			}
		}
	}
}

// A connection that works without part of its access does not look whole: not in its state,
// and not after a test that passed.
func TestLostAccessIsNotGreen(t *testing.T) {
	c := pagetest.Connection(models.Connected)
	c.TestedAt, c.TestPassed = pagetest.Ago(time.Hour), true
	p := ConnectionPage{
		Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Clock: testClock(), Missing: models.Areas([]string{"tn.acc.invoices:r"}),
		Check: models.Check{AnsweredAt: pagetest.Ago(2 * time.Minute), DueAt: pagetest.Ago(-time.Minute)},
	}
	page := pagetest.Show(t, Connection(p))
	page.Says("Access is missing: invoices and payments.", "Connected, part missing", "Last test: ServiceTitan answered", "Part of the access is missing.")
	page.DoesNotSay("Last test: passed", "Test passed")

	c.UpgradeNeeded = true
	pagetest.Show(t, Connections(ConnectionsPage{Visitor: p.Visitor, Connections: []connect.InOverview{{Connection: c}}, Clock: testClock()})).Says("Connected, part missing")
}
