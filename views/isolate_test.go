package views

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// A name may run from right to left, so each is isolated wherever it stands.
func TestEveryNameIsIsolated(t *testing.T) {
	for page, c := range everyPage() {
		if page == "demo" {
			continue // the people of its journeys are our own
		}
		t.Run(page, func(t *testing.T) { pagetest.Show(t, c).Isolated() })
	}
}

// Characters that are hidden in an old name stay hidden, and the words around a
// name keep their order.
func TestIsolation(t *testing.T) {
	const hebrew = "שלום קירור"
	c := pagetest.Connection(models.Disconnected)
	c.TenantName = "North\u202egate\u2069\u200b"
	p := pagetest.Show(t, Connection(ConnectionPage{
		Visitor: accounts.Visitor{Name: hebrew, CompanyName: hebrew, Role: accounts.Owner}, Connection: c, Clock: testClock(),
		Events: []models.Event{{Kind: models.EventDisconnected, ActorName: hebrew}},
	}))
	if !strings.Contains(p.Source, "<bdi>Northgate</bdi>") || !strings.Contains(p.Source, "<title>Northgate · Fieldbridge</title>") || strings.ContainsAny(p.Source, "\u202e\u2068\u2069\u200b") {
		t.Errorf("hidden characters are on the page: %q", p.Source)
	}
	if !strings.Contains(p.Source, "<bdi>"+hebrew+"</bdi> disconnected ServiceTitan. ") {
		t.Errorf("the sentence is cut: %s", p.Source)
	}
	p = pagetest.Show(t, Error(ErrorPage{Status: 403, Kind: LacksRole, Visitor: accounts.Visitor{Name: hebrew}, CanHelp: []string{hebrew, "Lee"}, Clock: testClock()}))
	if !strings.Contains(p.Source, "<bdi>"+hebrew+"</bdi> or <bdi>Lee</bdi> can help.") {
		t.Errorf("the helpers are not isolated: %s", p.Source)
	}
}
