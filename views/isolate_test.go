package views

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/fieldbridge/fieldbridge/models"
)

// The names on the test pages. Whatever else a page says is our own.
var namesOnPages = []string{
	"Northgate", "Dana", "Luis Ortega", "Ruth Abara", "Ada Reyes", "Sam Okafor", "Lee", "Booking sync", "Called.", "Asked for by their owner",
}

// A name may run from right to left, so each is isolated wherever it stands.
func TestEveryNameIsIsolated(t *testing.T) {
	for page, c := range everyPage() {
		if page == "demo" {
			continue // the people of its journeys are our own
		}
		t.Run(page, func(t *testing.T) {
			p := show(t, c)
			for n := range p.root.Descendants() {
				if n.Type != html.TextNode || n.Parent.Data == "title" || inBDI(n) || value(n.Parent, "aria-hidden") == "true" {
					continue
				}
				for _, name := range namesOnPages {
					if strings.Contains(n.Data, name) {
						t.Errorf("%q is not isolated: %s", name, n.Data)
					}
				}
			}
		})
	}
}

func inBDI(n *html.Node) bool {
	for up := range n.Ancestors() {
		if up.Data == "bdi" {
			return true
		}
	}
	return false
}

// What is hidden in a name from before the rule for names stays hidden, and the
// words around a name stay in their order.
func TestIsolation(t *testing.T) {
	const hebrew = "שלום קירור"
	c := testConnection(models.Disconnected)
	c.TenantName = "North\u202egate\u2069\u200b"
	p := show(t, Connection(ConnectionPage{
		Visitor: models.Visitor{Name: hebrew, CompanyName: hebrew, Role: models.Owner}, Connection: c, Clock: testClock(),
		Events: []models.Event{{Kind: models.EventDisconnected, ActorName: hebrew}},
	}))
	if !strings.Contains(p.source, "<bdi>Northgate</bdi>") || !strings.Contains(p.source, "<title>Northgate · Fieldbridge</title>") || strings.ContainsAny(p.source, "\u202e\u2068\u2069\u200b") {
		t.Errorf("hidden characters are on the page: %q", p.source)
	}
	if !strings.Contains(p.source, "<bdi>"+hebrew+"</bdi> disconnected ServiceTitan. ") {
		t.Errorf("the sentence is cut: %s", p.source)
	}
	p = show(t, StaffLock(StaffLockPage{Staff: testStaff, Company: models.Company{Name: hebrew}}))
	if !strings.Contains(p.source, "<title>Lock \u2068"+hebrew+"\u2069?, support console · ") || !strings.Contains(p.source, "Lock <bdi>"+hebrew+"</bdi>?") {
		t.Errorf("the question is not isolated: %s", p.source)
	}
	p = show(t, StaffTeam(StaffTeamPage{Staff: testStaff, Clock: testClock(), Team: []models.Staff{{Name: hebrew, Email: "x@f.example", SetUp: true}}}))
	if !strings.Contains(p.source, "Remove \u2068"+hebrew+"\u2069\"") {
		t.Errorf("the label is not isolated: %s", p.source)
	}
	p = show(t, Error(ErrorPage{Status: 403, Visitor: models.Visitor{Name: hebrew}, CanHelp: []string{hebrew, "Lee"}, Clock: testClock()}))
	if !strings.Contains(p.source, "<bdi>"+hebrew+"</bdi> or <bdi>Lee</bdi> can help.") {
		t.Errorf("the helpers are not isolated: %s", p.source)
	}
}
