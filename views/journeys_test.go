package views

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

func fieldOf(p pagetest.Page, name string) *html.Node {
	p.Helper()
	for _, n := range p.All("input") {
		if pagetest.Value(n, "name") == name {
			return n
		}
	}
	p.Fatalf("no field %q", name)
	return nil
}

func TestFormsSayWhatIsWrongWhereItIs(t *testing.T) {
	p := pagetest.Show(t, Verify(VerifyPage{Company: "Northgate", Errors: VerifyErrors{Name: "Enter your name.", Password: "Use 12 characters."}}))
	for name, wrong := range map[string]bool{"company": false, "name": true, "password": true} {
		n := fieldOf(p, name)
		if got := pagetest.Value(n, "aria-invalid") == "true"; got != wrong {
			t.Errorf("%s: marked as wrong %v, want %v", name, got, wrong)
		}
		if _, focused := pagetest.Attribute(n, "autofocus"); focused != (name == "name") {
			t.Errorf("%s: focused %v", name, focused)
		}
	}
	if got := pagetest.Value(fieldOf(p, "password"), "aria-describedby"); got != "password-hint password-error" {
		t.Errorf("password is described by %q", got)
	}
	if pagetest.Value(fieldOf(p, "company"), "value") != "Northgate" {
		t.Error("what was typed is lost")
	}
	links := 0
	for _, a := range p.All("a") {
		if href := pagetest.Value(a, "href"); href == "#name" || href == "#password" {
			links++
		}
	}
	if links != 2 {
		t.Errorf("the summary leads to %d fields, want 2", links)
	}
}

func TestFormsLetPasswordManagersHelp(t *testing.T) {
	for name, tt := range map[string]struct {
		page templ.Component
		want map[string]string
	}{
		"sign in":         {SignIn(SignInPage{}), map[string]string{"email": "username", "password": "current-password"}},
		"sign up":         {SignUp(SignUpPage{}), map[string]string{"email": "email"}},
		"verify":          {Verify(VerifyPage{}), map[string]string{"username": "username", "password": "new-password"}},
		"forgot password": {Forgot(ForgotPage{}), map[string]string{"email": "username"}},
		"new password":    {Password(PasswordPage{}), map[string]string{"username": "username", "password": "new-password"}},
	} {
		p := pagetest.Show(t, tt.page)
		for field, want := range tt.want {
			if got := pagetest.Value(fieldOf(p, field), "autocomplete"); got != want {
				t.Errorf("%s: %s has autocomplete %q, want %q", name, field, got, want)
			}
		}
	}
	if got := pagetest.Value(fieldOf(pagetest.Show(t, Verify(VerifyPage{})), "password"), "minlength"); got != "12" {
		t.Errorf("minlength %q", got)
	}
}

func TestDemoSignInIsShownOnlyInDemos(t *testing.T) {
	pagetest.Show(t, SignIn(SignInPage{Demo: []DemoAccount{{Who: "Dana, owner", Email: "demo@northgate.example", Password: "a demo password", Sees: "Nothing yet"}}})).Says("Demo sign-in", "Dana, owner")
	pagetest.Show(t, SignIn(SignInPage{})).DoesNotSay("Demo")
}

func TestSignInKeepsWhereToGo(t *testing.T) {
	if got := pagetest.Value(fieldOf(pagetest.Show(t, SignIn(SignInPage{Next: "/connections"})), "next"), "value"); got != "/connections" {
		t.Errorf("next is %q", got)
	}
}

// Each question is one page. Its answers are links that keep the other answers.
func TestConnectAsksOneQuestion(t *testing.T) {
	for name, tt := range map[string]struct {
		page  ConnectPage
		title string
		links []string // the answers, and what changes earlier ones
		back  string
	}{
		"how": {
			questionPage(models.Choice{Environment: "sandbox", TenantID: 8450}), "Can you sign in to ServiceTitan as an admin?",
			[]string{"/connect?env=sandbox&how=sign_in&tenant=8450", "/connect?ask=yes&env=sandbox&tenant=8450", "/connect?env=sandbox&how=guided&tenant=8450", "/connect?env=sandbox&how=own_credentials&tenant=8450"},
			"/connections",
		},
		"environment": {
			questionPage(models.Choice{Way: "guided"}), "Which ServiceTitan do you want to connect?",
			[]string{"/connect?env=production&how=guided", "/connect?env=sandbox&how=guided"},
			"/connect",
		},
		"tenant": {
			questionPage(models.Choice{Environment: "sandbox", Way: "guided"}), "What is your tenant ID?",
			[]string{"/connect?env=sandbox", "/connect?how=guided"},
			"/connect?how=guided",
		},
		"nothing else": {
			ConnectPage{At: startPath, Offers: models.Offers{{Environment: "production", Ways: models.Ways()[:1]}}, Choice: models.Choice{Environment: "production", Way: "sign_in"}},
			"What is your tenant ID?", nil, "/connections",
		},
		"nothing else, for an owner": {
			ConnectPage{At: startPath, Offers: models.Offers{{Environment: "production", Ways: models.Ways()[:1]}}, Choice: models.Choice{Environment: "production", Way: "sign_in"}, CanAsk: true},
			"What is your tenant ID?",
			[]string{"/connect?ask=yes&env=production"},
			"/connections",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := pagetest.Show(t, Connect(tt.page))
			p.Says(tt.title)
			var links, back []string
			for _, a := range p.All("a") {
				switch href := pagetest.Value(a, "href"); {
				case pagetest.Value(a, "class") == "btn quiet":
					back = append(back, href)
				case strings.HasPrefix(href, "/connect?"):
					links = append(links, href)
				}
			}
			if !slices.Equal(links, tt.links) || !slices.Equal(back, []string{"/connections", tt.back}) {
				t.Errorf("the page leads to %q, and back to %q; want %q and %q", links, back, tt.links, tt.back)
			}
		})
	}
	// What was typed stays, and a tenant ID is asked for with a picture.
	page := questionPage(models.Choice{Environment: "sandbox", Way: "sign_in"})
	page.Tenant, page.Errors.Tenant = "12a", "Enter the number."
	p := pagetest.Show(t, Connect(page))
	if pagetest.Value(fieldOf(p, "tenant"), "value") != "12a" || pagetest.Value(fieldOf(p, "env"), "value") != "sandbox" || pagetest.Value(fieldOf(p, "how"), "value") != "sign_in" {
		t.Error("an answer is lost")
	}
	p.Says("My Tenant ID", "API Application Access", "Enter the number.")
}

func TestReviewNamesEverythingAskedFor(t *testing.T) {
	p := pagetest.Show(t, Review(ReviewPage{Choice: againChoice, ChoiceID: "K7QX", TenantName: "Northgate", Scopes: []string{"tn.crm.customers:r", "tn.crm.bookings:rw", "tn.new.things:r"}}))
	p.Says("Customers and locations", "Bookings", "View and change", "tn.new.things", "tn.crm.bookings:rw", "Northgate", "Production", "842193311", "ServiceTitan address")
	if pagetest.Value(fieldOf(p, "choice"), "value") != "K7QX" || !slices.Contains(p.Actions(), "/connect/authorize") {
		t.Error("does not go on to ServiceTitan with the choice")
	}
	sandbox := pagetest.Show(t, Review(ReviewPage{Choice: newChoice}))
	sandbox.Says("SANDBOX")
	sandbox.DoesNotSay("ServiceTitan address")
}

func TestConnectionOffersWhatItsStateAllows(t *testing.T) {
	const path = "/connections/019ab000-0000-7000-8000-000000000001"
	test, nickname, reconnect, ask, disconnect := path+"/test", path+"/nickname", path+"/reconnect", path+"/ask", path+"/disconnect"
	for _, c := range []struct {
		state models.State
		role  accounts.Role
		want  []string
	}{
		{models.Connected, accounts.Owner, []string{test, nickname, reconnect, ask, disconnect}},
		{models.Degraded, accounts.Owner, []string{test, nickname, reconnect, ask, disconnect}},
		{models.ReconnectNeeded, accounts.Owner, []string{reconnect, nickname, ask, disconnect}},
		{models.Disconnected, accounts.Owner, []string{reconnect, nickname, ask}},
		{models.Connected, accounts.Member, []string{test, reconnect}},
		{models.ReconnectNeeded, accounts.Member, []string{reconnect}},
		{models.Disconnected, accounts.Member, []string{reconnect}},
	} {
		p := pagetest.Show(t, connectionPage(c.state, c.role))
		got := slices.DeleteFunc(p.Actions(), func(a string) bool { return a == "/signout" })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s for %s: forms %q, want %q", c.state, c.role, got, c.want)
		}
		p.Says(states[c.state].Word, "842193311", "Production", "Customers and locations", "Times are shown in UTC")
		if c.role == accounts.Member && c.state != models.Disconnected {
			p.Says("Ask Dana Whitfield or Ruth Abara.")
		}
	}
}

// New access has not been renewed yet, and no part of a page says that it has.
func TestAccessIsGivenBeforeItIsRenewed(t *testing.T) {
	c := pagetest.Connection(models.Connected)
	c.ConnectedAt = c.RenewedAt
	days := []connect.RenewalDay{{Day: "2026-11-22"}, {Day: "2026-11-23"}}
	own := ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Days: days, Clock: testClock()}
	ended := own
	ended.Connection.State, ended.Connection.DisconnectedAt = models.Disconnected, pagetest.Ago(time.Minute)
	for _, page := range []struct {
		shown pagetest.Page
		says  []string
	}{
		{pagetest.Show(t, Connection(own)), []string{"Access given 4 minutes ago", "Access renews automatically, next by 12:47 PM.", "Renewals None"}},
		{pagetest.Show(t, Connection(ended)), []string{"Renewals None"}},
		{pagetest.Show(t, Connections(ConnectionsPage{Visitor: pagetest.Visitor(accounts.Owner), Connections: []connect.InOverview{{Connection: c}}, Clock: testClock()})), []string{"Connected 4 minutes ago"}},
	} {
		page.shown.Says(page.says...)
		page.shown.DoesNotSay("Last renewed", "Renewed 12", "renews again", "renewed yet")
	}
}

func TestConnectionSaysHowItIs(t *testing.T) {
	pagetest.Show(t, connectionPage(models.Connected, accounts.Owner)).Says("Last renewed 4 minutes ago", "Access renews automatically, next by 12:47 PM.", "passed today at 11:36 AM, in 0.4 seconds")
	pagetest.Show(t, connectionPage(models.Degraded, accounts.Owner)).Says("There is nothing you need to do", reasons[models.ReasonUnavailable], "today at 12:31 PM", "works until about 12:48 PM", "did not pass")
	pagetest.Show(t, connectionPage(models.ReconnectNeeded, accounts.Owner)).Says("since Nov 22 at 6:36 PM.", reasons[models.ReasonGrantRefused])
	for reason, want := range map[models.Reason][2]string{
		models.ReasonGrantRefused:  {"ServiceTitan needs you to allow the access again", "ServiceTitan no longer accepts our access."},
		models.ReasonAnswerLost:    {"We need you to allow the access again", "Nobody did anything wrong."},
		models.ReasonSealBroken:    {"We need you to allow the access again", "This is our mistake."},
		models.ReasonUnauthorized:  {"We have to fix something first", "There is nothing you need to do yet"},
		models.ReasonTenantUnknown: {"ServiceTitan does not know this tenant ID", "Compare the tenant ID with My Tenant ID"},
	} {
		c := pagetest.Connection(models.ReconnectNeeded)
		c.Reason = reason
		pagetest.Show(t, Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Clock: testClock()})).Says(want[0], want[1], "Reconnect")
		letter := Mail(models.OutgoingMail{Mail: models.Mail{Kind: models.MailReconnectNeeded, Reason: reason}})
		if letter.Title != want[0] || !strings.Contains(strings.Join(letter.Paragraphs, " "), want[1]) {
			t.Errorf("the mail for %s says %q, %q", reason, letter.Title, letter.Paragraphs)
		}
	}
	pagetest.Show(t, connectionPage(models.Disconnected, accounts.Owner)).Says("Luis Ortega disconnected it today at 11:46 AM.")

	due := pagetest.Connection(models.Connected)
	due.NextRenewalAt = pagetest.Ago(time.Minute)
	p := pagetest.Show(t, Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: due, Clock: testClock()}))
	p.Says("Access renews automatically, next in a moment.")
	failing := pagetest.Connection(models.Degraded)
	failing.Failures, failing.NextRenewalAt = 3, pagetest.Ago(-2*time.Minute)
	pagetest.Show(t, Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: failing, Clock: testClock()})).Says("We try to renew access again at 12:38 PM, or as soon as it is needed.")
	days := []connect.RenewalDay{{Day: "2026-11-20"}, {Day: "2026-11-21", OK: 24}, {Day: "2026-11-22", OK: 20, Failed: 4}, {Day: "2026-11-23", Failed: 2}}
	strip := pagetest.Show(t, Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: due, Days: days, Clock: testClock()}))
	strip.Says("Last 30 days", "Renewals 1 of 3 days without a problem", "Nov 21: all renewals worked", "Nov 22: 4 renewals of 24 did not work at first", "Nov 23: renewals did not work")
}

// The strip of checks says which days have checks that worked, that failed, and none, by
// the tone of the bars, which has a height of its own, and in words.
func TestHealthStripTellsChecksFromRenewals(t *testing.T) {
	days := []connect.RenewalDay{{Day: "2026-11-20", OK: 9}, {Day: "2026-11-21", OK: 9, ChecksOK: 24}, {Day: "2026-11-22", ChecksOK: 20, ChecksFailed: 4}, {Day: "2026-11-23", ChecksFailed: 2}}
	shown := pagetest.Show(t, Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: pagetest.Connection(models.Connected), Days: days, Clock: testClock()}))
	shown.Says("Renewals 2 of 2 days without a problem", "Checks 1 of 3 days without a problem", "Nov 20: no checks", "Nov 21: ServiceTitan answered all checks", "Nov 22: 4 checks of 24 did not work", "Nov 23: no check worked")
	tones := map[string]bool{}
	for _, bar := range shown.All("rect")[len(days):] {
		if tone := pagetest.Value(bar, "data-tone"); tone != "" {
			tones[tone] = true
		}
	}
	if len(tones) != len(days) {
		t.Errorf("the bars have the tones %v, want one for each kind of day", tones)
	}
}

// A day on which somebody had to reconnect has a problem, whatever was renewed on
// it before.
func TestHealthStripShowsWhenSomebodyHadToReconnect(t *testing.T) {
	midnight, part := pagetest.Noon.Truncate(24*time.Hour), pagetest.Noon.AddDate(0, 0, -3)
	c := pagetest.Connection(models.ReconnectNeeded)
	days := []connect.RenewalDay{
		{Day: "2026-11-19"},
		{Day: "2026-11-20", OK: 90, DownFrom: &part, UpAgain: true},
		{Day: "2026-11-21", OK: 96},
		{Day: "2026-11-22", OK: 70, DownFrom: c.FailingSince},
		{Day: "2026-11-23", DownFrom: &midnight},
	}
	shown := pagetest.Show(t, Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Days: days, Clock: testClock()}))
	shown.Says("1 of 4 days without a problem", "3 days with a problem", "Nov 19: nothing to renew", "Nov 20: not connected for part of the day", "Nov 21: all renewals worked")
	shown.Says("Nov 22: not connected since 6:36 PM UTC", "Nov 23: not connected")
	var tones []string
	for _, bar := range shown.All("rect") {
		if tone := pagetest.Value(bar, "data-tone"); tone != "" {
			tones = append(tones, tone)
		}
	}
	if want := []string{"off", "bad", "ok", "bad", "bad"}; !slices.Equal(tones[:len(tones)/2], want) {
		t.Errorf("bars are %q, want %q", tones, want)
	}
}

func TestConnectionSaysWhatCameOfATest(t *testing.T) {
	page := ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: pagetest.Connection(models.Connected), Clock: testClock(), Tested: true}
	page.Events = []models.Event{{Kind: models.EventTestPassed, ActorName: "Dana Whitfield", Millis: 400, At: *pagetest.Ago(0)}}
	pagetest.Show(t, Connection(page)).Says("Test passed. ServiceTitan answered in 0.4 seconds.")
	page.Events[0].Kind, page.Events[0].Reason = models.EventTestFailed, models.ReasonRateLimited
	pagetest.Show(t, Connection(page)).Says("Test did not pass. " + reasons[models.ReasonRateLimited])
	page.Tested = false
	pagetest.Show(t, Connection(page)).DoesNotSay("Test did not pass. " + reasons[models.ReasonRateLimited])

	// The address that says so may be opened again later. Then newer facts count.
	page.Tested = true
	for name, later := range map[string]func(){
		"the page is opened later": func() { page.Events[0].At = *pagetest.Ago(2 * time.Minute) },
		"it was renewed since":     func() { page.Connection.RenewedAt = *pagetest.Ago(20 * time.Second) },
		"it was connected again":   func() { page.Connection.ConnectedAt = *pagetest.Ago(20 * time.Second) },
	} {
		page.Connection, page.Events[0].At = pagetest.Connection(models.Connected), *pagetest.Ago(30 * time.Second)
		pagetest.Show(t, Connection(page)).Says("Test did not pass. " + reasons[models.ReasonRateLimited])
		later()
		if shown := pagetest.Show(t, Connection(page)); len(shown.Banners()) > 0 {
			t.Errorf("%s: a test that is no news is told as one", name)
		}
	}
}

// Whatever a connection's page says about its state and ServiceTitan is true.
func TestConnectionPromisesNothingThatIsNotSo(t *testing.T) {
	works := pagetest.Show(t, connectionPage(models.Connected, accounts.Owner))
	// Disconnecting withdraws access there, and connecting again is a new date.
	works.Says("Access renews automatically", "you can end it. Nothing is deleted in ServiceTitan.", "Last connected on")
	works.DoesNotSay("Nothing changes in ServiceTitan", " Connected on")
	retrying := pagetest.Show(t, connectionPage(models.Degraded, accounts.Owner))
	retrying.Says("We keep trying")
	retrying.DoesNotSay("Access renews automatically")
	letter := Mail(models.OutgoingMail{Mail: models.Mail{Kind: models.MailReconnectNeeded, Reason: models.ReasonGrantRefused}})
	if words := strings.Join(letter.Paragraphs, " "); !strings.Contains(words, "Nothing is deleted in ServiceTitan.") || strings.Contains(words, "Nothing changes") {
		t.Errorf("the mail says %q", words)
	}
}

// If it is the company's turn in a setup, its own steps come after those of the
// setup, under their own heading.
func TestSetupHeadsWhatTheCompanyDoes(t *testing.T) {
	page := ConnectionPage{
		Visitor: pagetest.Visitor(accounts.Owner), Connection: pagetest.Connection(models.Pending), Clock: testClock(),
		Setup: &models.Setup{Step: models.StepAllowAccess, WaitsFor: models.TheCompany, Since: pagetest.Noon},
	}
	pagetest.Show(t, Connection(page)).Says("Your part, in ServiceTitan Open the settings page")
	page.Setup.Step, page.Setup.WaitsFor = models.StepEnterCredentials, models.Us
	pagetest.Show(t, Connection(page)).DoesNotSay("Your part, in ServiceTitan")
}

// The last test is about the current access, not an earlier one.
func TestLastTestIsOfThisAccess(t *testing.T) {
	c := pagetest.Connection(models.Connected)
	c.TestedAt, c.TestPassed, c.ConnectedAt = pagetest.Ago(2*time.Hour), false, *pagetest.Ago(time.Hour)
	shown := pagetest.Show(t, Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: c, Clock: testClock()}))
	shown.Says("Not tested since it was connected again.")
	shown.DoesNotSay("Last test")
}

// Next to its icon, a banner's text is in a box that shrinks. A paragraph alone
// would move below the icon if it is long.
func TestBannersKeepTheirTextBesideTheirIcon(t *testing.T) {
	pages := everyPage()
	tested := ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: pagetest.Connection(models.Connected), Clock: testClock(), Tested: true}
	for _, kind := range []models.EventKind{models.EventTestPassed, models.EventTestFailed} {
		tested.Events = []models.Event{{Kind: kind, Reason: models.ReasonRateLimited, At: pagetest.Noon}}
		pages[string(kind)] = Connection(tested)
	}
	for name, page := range pages {
		for _, banner := range pagetest.Show(t, page).Banners() {
			for n := range banner.ChildNodes() {
				if n.Data == "p" && pagetest.Value(n, "class") != "grow" {
					t.Errorf("%s: a banner has a paragraph of its own: %s", name, pagetest.Text(n))
				}
			}
		}
	}
}

func TestConnectionsSayWhetherAnyoneIsNeeded(t *testing.T) {
	list := func(states ...models.State) ConnectionsPage {
		p := ConnectionsPage{Visitor: pagetest.Visitor(accounts.Owner), Clock: testClock()}
		for _, s := range states {
			p.Connections = append(p.Connections, connect.InOverview{Connection: pagetest.Connection(s)})
		}
		return p
	}
	pagetest.Show(t, Connections(list())).Says("Welcome, Dana", "Connect your ServiceTitan account")
	pagetest.Show(t, Connections(list(models.Connected, models.Disconnected))).Says("Nothing needs you right now.")
	pagetest.Show(t, Connections(list(models.Connected, models.ReconnectNeeded))).Says("One connection needs you to reconnect it.")
	pagetest.Show(t, Connections(list(models.ReconnectNeeded, models.ReconnectNeeded))).Says("2 connections need you to reconnect them.")
	pagetest.Show(t, Connections(list(models.Disconnected))).Says("Nothing is connected right now.")
}

// In the list, the button is where the trouble is, and only there.
func TestConnectionsShowTheButtonWhereTheTroubleIs(t *testing.T) {
	for _, c := range []struct {
		change func(c *connect.InOverview)
		says   string
		action string
	}{
		{func(*connect.InOverview) {}, "Nothing needs you right now.", ""},
		{func(c *connect.InOverview) { c.State = models.Degraded }, "One connection is having trouble. We are on it.", ""},
		{func(c *connect.InOverview) { c.State, c.Reason = models.ReconnectNeeded, models.ReasonGrantRefused }, "Reconnect", "reconnect"},
		{func(c *connect.InOverview) {
			c.State, c.Reason, c.Way = models.ReconnectNeeded, models.ReasonNotAllowed, models.GuidedWay
		}, "I have allowed it again", "try-again"},
		{func(c *connect.InOverview) { c.State, c.ToAllow = models.Pending, true }, "I have allowed it", "allowed"},
		{func(c *connect.InOverview) { c.UpgradeNeeded = true }, "choose Upgrade to New Version next to Fieldbridge. Open ServiceTitan", ""},
	} {
		listed := connect.InOverview{Connection: pagetest.Connection(models.Connected)}
		c.change(&listed)
		p := pagetest.Show(t, Connections(ConnectionsPage{
			Visitor: pagetest.Visitor(accounts.Owner), Connections: []connect.InOverview{listed}, Clock: testClock(),
			AppURLs: map[servicetitan.EnvironmentName]string{listed.Environment: "https://go.servicetitan.com/"},
		}))
		p.WellMade()
		p.Says(c.says)
		forms := 0
		for _, form := range p.All("form") {
			if action := pagetest.Value(form, "action"); strings.HasPrefix(action, ConnectionPath(listed.ID)) {
				forms++
				if want := ConnectionPath(listed.ID) + "/" + c.action; action != want {
					t.Errorf("the button goes to %s, want %s", action, want)
				}
			}
		}
		if want := min(1, len(c.action)); forms != want {
			t.Errorf("%q: %d buttons, want %d", c.says, forms, want)
		}
	}
}

func TestOutcomesOfferTheWayOn(t *testing.T) {
	for outcome, words := range outcomes {
		p := pagetest.Show(t, notConnected(outcome, newChoice))
		p.Says(words.title, words.happened, words.unchanged, words.next, "FB-4Z7E-58QQ", "Nov 23, 2026, 12:36 PM UTC")
		want := "/connect/review?choice=K7QX"
		if words.retype {
			want = "/connect?choice=K7QX"
		}
		if !strings.Contains(p.Source, `href="`+want+`"`) {
			t.Errorf("%s: no way to %s", outcome, want)
		}
		again := pagetest.Show(t, notConnected(outcome, againChoice))
		again.Says(words.kept, "Back to the connection")
	}
	pagetest.Show(t, notConnected(models.OutcomeWrongTenant, newChoice)).Says("You entered Tenant 842193311", "You signed in to Tenant 905118274")
	pagetest.Show(t, notConnected(models.OutcomeWrongTenant, againChoice)).Says("This connection uses Tenant 842193311")
	pagetest.Show(t, notConnected(models.OutcomeNotAllowed, newChoice)).Says("Settings", "Integrations", "API Application Access", "Allow Access")

	unknown := pagetest.Show(t, NotConnected(NotConnectedPage{Result: models.Result{Outcome: models.OutcomeStartAgain}, Clock: testClock()}))
	if !strings.Contains(unknown.Source, `href="/connect"`) {
		t.Error("a link of no known choice does not lead to the beginning")
	}
	waits := NotConnectedPage{Result: models.Result{Outcome: models.OutcomeRateLimited, RetryAt: pagetest.Noon.Add(3 * time.Minute)}, Clock: testClock()}
	pagetest.Show(t, NotConnected(waits)).Says("in about 3 minutes, at 12:39 PM.")
}

func TestFinishingComesBack(t *testing.T) {
	for _, meta := range pagetest.Show(t, Finishing()).All("meta") {
		if pagetest.Value(meta, "http-equiv") == "refresh" && pagetest.Value(meta, "content") == "2" {
			return
		}
	}
	t.Error("the page does not reload")
}

func TestErrorsSayWhoOrWhenHelps(t *testing.T) {
	pagetest.Show(t, Error(ErrorPage{Status: 403, Kind: LacksRole, Visitor: pagetest.Visitor(accounts.Member), CanHelp: []string{"Ruth Abara"}, Clock: testClock()})).Says("signed in as Dana Whitfield. Ruth Abara can help.")
	pagetest.Show(t, Error(ErrorPage{Status: 429, RetryAt: pagetest.Noon.Add(40 * time.Second), Clock: testClock()})).Says("in about 40 seconds, at 12:36 PM.")
	pagetest.Show(t, Error(ErrorPage{Status: 403, Kind: NoMembership, Clock: testClock()})).Says("You do not belong to a company now", "Sign out")
	pagetest.Show(t, Error(ErrorPage{Status: 403, Kind: ForeignOrigin, Clock: testClock()})).Says("This did not come from one of our pages")
	pagetest.Show(t, Error(ErrorPage{Status: 418, SupportCode: "FB-1", Clock: testClock()})).Says("Error 418", problems[400].title, "FB-1")
	pagetest.Show(t, Error(ErrorPage{Status: 502, Clock: testClock()})).Says("Error 502", problems[500].title)
}

func TestRightsAreSummedUp(t *testing.T) {
	view, change := models.Area{}, models.Area{Change: true}
	for want, areas := range map[string][]models.Area{
		"View 1 area":                     {view},
		"View 2 areas":                    {view, view},
		"View and change 1 area":          {change},
		"View 2 areas, view and change 1": {view, change, view},
		"View 1 area, view and change 2":  {change, view, change},
	} {
		if got := rights(areas); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What is wrong with the client ID and the secret together marks both, and is said once.
func TestCredentialsThatDoNotFitMarkBothFields(t *testing.T) {
	page := pagetest.Show(t, Credentials(CredentialsPage{Choice: newChoice, ChoiceID: "K7QX", ClientID: "cid.x", Errors: CredentialsErrors{Pair: "Copy both again."}, Clock: testClock()}))
	page.WellMade()
	if n := strings.Count(page.Source, "Copy both again."); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	if n := strings.Count(page.Source, `aria-invalid="true"`); n != 2 {
		t.Errorf("%d fields are marked", n)
	}
	if n := strings.Count(page.Source, " problem-client\""); n != 2 {
		t.Errorf("%d fields say where to read why", n)
	}
	if !strings.Contains(page.Source, `<a id="problem-client" href="#client">`) {
		t.Error("the summary does not lead to the first")
	}
}
