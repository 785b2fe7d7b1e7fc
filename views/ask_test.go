package views

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// askOf returns an ask about which everything is known that pages show.
func askOf(way models.Way, name string) connect.Ask {
	opened := pagetest.Noon.Add(-10 * time.Minute)
	return connect.Ask{
		ID: uuid.New(), Environment: "sandbox", TenantID: 842193311, Way: way, AdminName: name,
		CreatedAt: pagetest.Noon.Add(-20 * time.Minute), OpenedAt: &opened, ExpiresAt: pagetest.Noon.Add(70 * time.Hour),
	}
}

func askedPageOf(way models.Way, name string) AskedPage {
	return AskedPage{
		Asked: connect.Asked{Ask: askOf(way, name), CompanyName: name, AskerName: name, AskerEmail: "dana@northgate.example", Setup: &models.Setup{Step: models.StepAllowAccess}},
		Name:  "0123456789abcdef", Scopes: pagetest.Connection("").ScopeList(), Clock: testClock(),
	}
}

// askPages returns the pages about asks. name is that of all people and companies.
func askPages(name string) map[string]templ.Component {
	pages := map[string]templ.Component{
		"start":     AskStart(askedPageOf(models.SignInWay, name)),
		"sign in":   AskedSignIn(askedPageOf(models.SignInWay, name)),
		"values":    AskedCredentials(askedPageOf(models.OwnCredentialsWay, name)),
		"guided":    AskedGuided(askedPageOf(models.GuidedWay, name)),
		"done":      AskedDone(askedPageOf(models.SignInWay, name)),
		"told":      AskedDone(askedPageOf(models.GuidedWay, name)),
		"the owner": Ask(AskPage{Ask: askOf(models.SignInWay, name), Clock: testClock()}),
		"list":      Connections(ConnectionsPage{Visitor: accounts.Visitor{Name: name, CompanyName: name, Role: accounts.Owner}, Asks: []connect.Ask{askOf(models.SignInWay, name)}, Clock: testClock()}),
	}
	for end := range askEnds {
		ask := askOf(models.SignInWay, name)
		ask.EndedAt, ask.Ended, ask.ConnectionID = &pagetest.Noon, end, &ask.ID
		pages["ended: "+string(end)] = Ask(AskPage{Ask: ask, Clock: testClock()})
	}
	ask := askOf(models.SignInWay, name)
	pages["connection"] = Connection(ConnectionPage{
		Visitor: accounts.Visitor{Name: name, CompanyName: name, Role: accounts.Owner}, Connection: pagetest.Connection(models.ReconnectNeeded), Ask: &ask, Clock: testClock(),
	})
	return pages
}

func TestAskPagesAreWellMade(t *testing.T) {
	pages := askPages("Northgate Heating")
	wrong := askedPageOf(models.SignInWay, "Northgate")
	wrong.NameError, wrong.Errors = "Enter your name.", CredentialsErrors{ClientID: "Check this.", Secret: "And this."}
	pages["start, no name"], pages["values, wrong"] = AskStart(wrong), AskedCredentials(wrong)
	wrong.Errors = CredentialsErrors{Pair: "Copy both again."}
	pages["values, wrong together"] = AskedCredentials(wrong)
	later := askedPageOf(models.GuidedWay, "Northgate")
	later.Asked.Setup = &models.Setup{Step: models.StepAddTenant}
	pages["guided, later"] = AskedGuided(later)
	later.Asked.Setup = nil
	pages["guided, nothing"] = AskedGuided(later)
	pages["link"] = AskLink(AskLinkPage{Ask: askOf(models.SignInWay, ""), Base: "https://app.example/ask/", Link: secret.New("SECRET"), Clock: testClock()})
	pages["elsewhere"], pages["over"], pages["again"] = AskElsewhere(), AskOver(), AskOpenAgain()
	pages["unproven"], pages["too many"] = AskUnproven(), TooManyAsks()
	for outcome := range outcomes {
		pages["failed: "+string(outcome)] = AskedFailed(AskedFailedPage{Again: "/ask/0123456789abcdef", Result: models.Result{Outcome: outcome, Choice: newChoice}, SupportCode: "FB-1", Clock: testClock()})
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) { pagetest.Show(t, page).WellMade() })
	}
}

// Whatever people are called, their names are only text.
func TestAskPagesShowNamesAsText(t *testing.T) {
	for name, page := range askPages(`"><script>alert(1)</script>`) {
		t.Run(name, func(t *testing.T) {
			p := pagetest.Show(t, page)
			if len(p.ForeignScripts()) > 0 {
				t.Errorf("became markup: %s", p.Source)
			}
			if !strings.Contains(p.Source, "&lt;script&gt;") && !strings.HasPrefix(name, "ended") {
				t.Error("the name is not shown")
			}
		})
	}
}

func TestEveryEndOfAnAskHasWords(t *testing.T) {
	for _, end := range pagetest.Constants[connect.AskEnd](t) {
		if askEnds[end].Word == "" {
			t.Errorf("%q has no words", end)
		}
	}
}

// An owner's page stops reloading some time after the last change.
func TestAskPageStopsReloading(t *testing.T) {
	page := AskPage{Ask: askOf(models.SignInWay, "Pat"), Live: true, Clock: testClock()}
	if got := page.refresh(); got < 10 {
		t.Errorf("it reloads after %d seconds", got)
	}
	if got := (AskPage{Ask: page.Ask, Clock: testClock()}).refresh(); got != 0 {
		t.Errorf("without being asked, it reloads after %d seconds", got)
	}
	page.Clock.Now = page.Clock.Now.Add(time.Hour)
	if got := page.refresh(); got != 0 {
		t.Errorf("it still reloads after %d seconds", got)
	}
}
