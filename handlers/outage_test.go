package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// results reports a result for each of some connections of other companies.
func (a *app) results(e servicetitan.EnvironmentName, of []uuid.UUID, since *time.Time, err error) {
	for _, id := range of {
		a.outages.Note(outage.Result{Environment: e, Endpoint: outage.Tokens, ConnectionID: id, CompanyID: id, FailingSince: since, Err: err})
	}
}

// turns lets the monitor take its turns for a while.
func (a *app) turns(n int) {
	for range n {
		a.clock.Add(10 * time.Second)
		a.outages.Turn(a.Context())
	}
}

// In an outage, the pages of companies that use the environment say that there is nothing to
// do, and the pages of staff say how large it is. They make no more queries than otherwise.
// Afterwards, they say for an hour that ServiceTitan answers again.
func TestOutageOnPages(t *testing.T) {
	a := newApp(t)
	al, sue := a.signUp("Northgate", "Al"), a.signUp("Blue Sky", "Sue")
	sam := a.staff("Sam", accounts.Support)
	page := al.connect("sandbox", northgate)
	staffPage := "/staff" + page
	al.says("/status", "Sandbox", "Works", "ServiceTitan answers as it should", "We saw no other problem")
	before := map[string]int{}
	for _, path := range []string{page, "/connections"} {
		before[path], _ = visitorOf{browser: al.browser}.queriesOf(path)
	}

	others := make([]uuid.UUID, 30)
	for i := range others {
		others[i] = uuid.New()
	}
	began := a.clock.Now()
	a.results(servicetitan.Sandbox, others, nil, &servicetitan.Error{Kind: servicetitan.Unavailable})
	a.turns(3)
	for _, path := range []string{page, "/connections"} {
		al.says(path, "ServiceTitan is having problems", "There is nothing for you to do. Your connection continues by itself.", "See what we know")
		if n, _ := (visitorOf{browser: al.browser}).queriesOf(path); n != before[path] {
			t.Errorf("%s makes %d queries in an outage, %d otherwise", path, n, before[path])
		}
	}
	al.says("/status", "Problems", "Please do not reconnect because of this", "Nearly every connection is affected")
	al.says("/help", "how ServiceTitan is doing")
	for _, path := range []string{"/connections", "/status"} {
		if body := sue.get(path).want(t, 200).body; strings.Contains(body, "problems") || strings.Contains(body, "Problems") {
			t.Errorf("%s tells a company of an environment that it does not use", path)
		}
	}
	sam.says("/staff", "Outage: Sandbox", "30 of 30 connections tried (100%)", "no answer or 5xx (30)", "Do not ask customers to reconnect", "Connections that are retried in Sandbox")
	sam.get("/staff").want(t, 200, `<svg class="bars"`, "env=sandbox")
	sam.says("/staff/connections", "Sandbox has had an outage of renewals", "Affected connections")
	sam.says(staffPage, "Sandbox has had an outage of renewals", "Do not ask customers to reconnect")
	a.byHand = []string{"I8"} // without an event
	a.exec("UPDATE connections SET state = 'degraded', reason = 'unavailable', failing_since = ?", began.UTC())
	sam.says(staffPage, "Do not ask the customer to reconnect", "Please do not reconnect")
	a.exec("UPDATE connections SET state = 'connected', reason = '', failing_since = NULL")

	a.turns(6)
	a.results(servicetitan.Sandbox, others, &began, nil)
	a.turns(2)
	al.says("/connections", "ServiceTitan had problems, and answers again since")
	al.says("/status", "Works", "We couldn’t renew access. Up to 100% of all connections were affected.")
	sam.says("/staff", "Sandbox has answered again since", "hit 30 connections at most")
	a.clock.Add(outage.AnnouncedFor)
	a.turns(1)
	if _, ok := a.outages.Ended(servicetitan.Sandbox); ok {
		t.Error("the end is still announced after an hour")
	}
}
