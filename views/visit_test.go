package views

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// visitPageOf returns the page of a way in a session. name is that of the caller, the
// company, and the account.
func visitPageOf(way models.Way, name string) VisitPage {
	page := VisitPage{
		Visit: connect.Visit{
			Session: connect.Session{
				ID: uuid.New(), CallerName: name, ReturnURL: "https://acme.example/done?a=b", Ways: "sign_in own_credentials guided", Status: connect.SessionOpened,
				ExpiresAt: pagetest.Noon.Add(time.Hour),
			},
			CompanyName: name, TenantName: name,
		},
		Name: "0123456789abcdef", Choice: models.Choice{Environment: "sandbox", Way: way, TenantID: 842193311},
		Questions: ConnectPage{
			At: "/c/0123456789abcdef", Offers: models.Offers{{Environment: "sandbox", Ways: models.Ways()}, {Environment: "production", Ways: models.Ways()}},
			Choice: models.Choice{Environment: "sandbox", Way: "sign_in"},
		},
		Scopes: pagetest.Connection("").ScopeList(), Clock: testClock(),
	}
	return page
}

// visitPages returns the pages about sessions.
func visitPages(name string) map[string]templ.Component {
	pages := map[string]templ.Component{
		"start":     VisitStart(visitPageOf("", name)),
		"questions": VisitQuestions(visitPageOf("", name)),
		"sign in":   VisitSignIn(visitPageOf(models.SignInWay, name)),
		"values":    VisitCredentials(visitPageOf(models.OwnCredentialsWay, name)),
		"guided":    VisitGuided(visitPageOf(models.GuidedWay, name)),
	}
	for step, setup := range map[string]*models.Setup{
		"our turn": {Step: models.StepAddTenant}, "their turn": {Step: models.StepAllowAccess}, "nobody's turn": {Step: models.StepEnterCredentials},
	} {
		page := visitPageOf(models.GuidedWay, name)
		page.Visit.Setup = setup
		pages["guided, "+step] = VisitGuided(page)
		page.Visit.Status = connect.SessionSetupRequested
		pages["requested, "+step] = VisitGuided(page)
	}
	for status := range visitEnds {
		page := visitPageOf(models.SignInWay, name)
		page.Visit.Status = status
		pages["end: "+string(status)] = VisitEnd(page)
	}
	return pages
}

func TestVisitPagesAreWellMade(t *testing.T) {
	pages := visitPages("Northgate Heating")
	wrong := visitPageOf(models.OwnCredentialsWay, "Acme")
	wrong.Errors = CredentialsErrors{ClientID: "Check this.", Secret: "And this."}
	wrong.Questions.Errors = ConnectErrors{Environment: "One.", Way: "Two.", Tenant: "Three."}
	pages["values, wrong"], pages["questions, wrong"], pages["over"] = VisitCredentials(wrong), VisitQuestions(wrong), VisitOver()
	plain := visitPageOf("", "Acme")
	plain.Choice, plain.Visit.TenantName = models.Choice{}, ""
	pages["start, nothing known"] = VisitStart(plain)
	for outcome := range outcomes {
		visit := visitPageOf(models.SignInWay, "Acme")
		pages["failed: "+string(outcome)] = AskedFailed(AskedFailedPage{
			Again: visit.StepPath(visit.Choice), Visit: &visit, Result: models.Result{Outcome: outcome, Choice: newChoice}, SupportCode: "FB-1", Clock: testClock(),
		})
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) { pagetest.Show(t, page).WellMade() })
	}
}

// Whatever callers, companies, and accounts are called, their names are only text.
func TestVisitPagesShowNamesAsText(t *testing.T) {
	for name, page := range visitPages(`"><script>alert(1)</script>`) {
		t.Run(name, func(t *testing.T) {
			p := pagetest.Show(t, page)
			if len(p.ForeignScripts()) > 0 {
				t.Errorf("became markup: %s", p.Source)
			}
			if !strings.Contains(p.Source, "&lt;script&gt;") {
				t.Error("the name is not shown")
			}
		})
	}
}

// A person's part is over in every status but two, and each has its page.
func TestEveryEndOfASessionHasWords(t *testing.T) {
	for _, status := range pagetest.Constants[connect.SessionStatus](t) {
		open := status == connect.SessionCreated || status == connect.SessionOpened
		if end := visitEnds[status]; open != (end.title == "") {
			t.Errorf("%q has the title %q", status, end.title)
		}
	}
	for _, outcome := range pagetest.Constants[models.Outcome](t) {
		if _, ok := outcomes[outcome]; ok && OutcomeWords(outcome) == "" {
			t.Errorf("%q has no words for back ends", outcome)
		}
	}
}
