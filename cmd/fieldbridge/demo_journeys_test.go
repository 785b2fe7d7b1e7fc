package main

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// Each journey is short, begins with one of the people, and links only to the sandbox's
// own pages.
func TestDemoJourneys(t *testing.T) {
	sandbox := &url.URL{Scheme: "http", Host: "127.0.0.1:9090"}
	demo := demoPages(sandbox, nil)
	if len(demo.Journeys) != 15 || len(demo.Accounts) != 4 || demo.MailboxURL != "http://127.0.0.1:9090/mailbox" {
		t.Errorf("%d journeys, %d accounts, mails at %s", len(demo.Journeys), len(demo.Accounts), demo.MailboxURL)
	}
	titles := map[string]bool{}
	for _, j := range demo.Journeys {
		if titles[j.Title] || j.Title == "" || j.Shows == "" || j.Minutes < 1 || j.Minutes > 5 {
			t.Errorf("%q is there twice, or says nothing", j.Title)
		}
		titles[j.Title] = true
		if len(j.Steps) < 2 || len(j.Steps) > 4 || len(j.Starts) == 0 || !strings.HasPrefix(j.Starts[0].Label, "Start as ") {
			t.Errorf("%s has %d steps and starts %v", j.Title, len(j.Steps), j.Starts)
		}
		for _, step := range j.Steps {
			if strings.Count(step.Text, "*")%2 != 0 || !strings.HasSuffix(step.Text, ".") {
				t.Errorf("%s: %q does not end what it begins", j.Title, step.Text)
			}
		}
		for _, start := range j.Starts {
			first, _, _ := strings.Cut(start.Account.Who, " ")
			if !strings.HasSuffix(start.Label, " as "+first) || start.Account.Email == "" || start.Account.Password != demoPassword {
				t.Errorf("%s: %q signs in %s", j.Title, start.Label, start.Account.Who)
			}
		}
		for _, link := range j.Links {
			if !strings.HasPrefix(link.URL, sandbox.String()+"/") {
				t.Errorf("%s leads to %s", j.Title, link.URL)
			}
		}
	}
}

// The journeys work in any order, because no two of them change the same tenant.
func TestDemoJourneysKeepApart(t *testing.T) {
	demo := demoPages(&url.URL{Scheme: "http", Host: "127.0.0.1:9090"}, nil)
	met := map[int64]string{}
	for _, tenant := range append(sandbox.SampleTenants(), demoTenants()...) {
		for _, j := range demo.Journeys {
			var text string
			for _, step := range j.Steps {
				text += " " + step.Text
			}
			for _, link := range j.Links {
				text += " " + link.URL
			}
			if !strings.Contains(text, tenant.Name) && !strings.Contains(text, strconv.FormatInt(tenant.ID, 10)) {
				continue
			}
			if other := met[tenant.ID]; other != "" {
				t.Errorf("%q and %q both meet %s", other, j.Title, tenant.Name)
			}
			met[tenant.ID] = j.Title
		}
	}
	if len(met) != len(demo.Journeys) {
		t.Errorf("%d tenants for %d journeys", len(met), len(demo.Journeys))
	}
}
