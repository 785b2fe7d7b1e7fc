package staff

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

func testOutage(endpoint outage.Endpoint) outage.Outage {
	return outage.Outage{
		ID: uuid.New(), Environment: "production", Endpoint: endpoint, BeganAt: *pagetest.Ago(time.Hour), TriedAt: *pagetest.Ago(time.Minute), Failing: 3, Tenants: 4, Peak: 3,
		Samples: []outage.Sample{{At: *pagetest.Ago(time.Hour), Failing: 3, Tenants: 4}},
	}
}

// During an outage, nothing on the page asks anybody to reconnect before it is over.
func TestNobodyReconnectsDuringAnOutage(t *testing.T) {
	p := staffPage(t, models.ReconnectNeeded, models.ReasonGrantRefused)
	pagetest.Show(t, Connection(p)).Says("Copy reconnect link", "Send reconnect email")
	o := testOutage(outage.Tokens)
	p.Outage = &o
	page := pagetest.Show(t, Connection(p))
	page.Says("Please wait until that is over, and do not reconnect before", "Not during the outage", "Copy link to their page", "this connection since", "the outage since")
	page.DoesNotSay("Copy reconnect link", "It takes about a minute and needs a ServiceTitan admin")
	for _, link := range page.All("a") {
		if pagetest.Value(link, "href") == p.action("mail") {
			t.Error("the reconnect mail can be sent")
		}
	}
}

// The overview has one line for each outage, and the rest on demand.
func TestOutagesAreOneLineEach(t *testing.T) {
	list := []outage.Outage{testOutage(outage.Tokens), testOutage(outage.API)}
	page := pagetest.Show(t, Overview(OverviewPage{Staff: testStaff, Overview: testOverview(t), Outages: list, Clock: testClock()}))
	if n := len(page.All("summary")); n < len(list) {
		t.Errorf("%d lines open, want one for each outage", n)
	}
	page.Says("Ongoing", "3 of 4 connections tried (75%)", "Do not ask customers to reconnect because of an outage")
	pagetest.Show(t, Connections(ConnectionsPage{Staff: testStaff, Outages: list, Clock: testClock()})).Says("ServiceTitan has 2 outages")
}
