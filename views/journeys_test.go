package views

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/fieldbridge/fieldbridge/models"
)

func fieldOf(p testPage, name string) *html.Node {
	p.Helper()
	for _, n := range p.all("input") {
		if value(n, "name") == name {
			return n
		}
	}
	p.Fatalf("no field %q", name)
	return nil
}

func TestFormsSayWhatIsWrongWhereItIs(t *testing.T) {
	p := show(t, SignUp(SignUpPage{Company: "Northgate", Email: "dana@", Errors: SignUpErrors{Email: "Enter an email address.", Password: "Use 12 characters."}}))
	for name, wrong := range map[string]bool{"company": false, "name": false, "email": true, "password": true} {
		n := fieldOf(p, name)
		if got := value(n, "aria-invalid") == "true"; got != wrong {
			t.Errorf("%s: marked as wrong %v, want %v", name, got, wrong)
		}
		if _, focused := attribute(n, "autofocus"); focused != (name == "email") {
			t.Errorf("%s: focused %v", name, focused)
		}
	}
	if got := value(fieldOf(p, "password"), "aria-describedby"); got != "password-hint password-error" {
		t.Errorf("password is described by %q", got)
	}
	if value(fieldOf(p, "company"), "value") != "Northgate" || value(fieldOf(p, "email"), "value") != "dana@" {
		t.Error("what was typed is lost")
	}
	links := 0
	for _, a := range p.all("a") {
		if href := value(a, "href"); href == "#email" || href == "#password" {
			links++
		}
	}
	if links != 2 {
		t.Errorf("the summary leads to %d fields, want 2", links)
	}
}

func TestFormsLetPasswordManagersHelp(t *testing.T) {
	for page, want := range map[string][2]string{"in": {"username", "current-password"}, "up": {"email", "new-password"}} {
		p := show(t, SignIn(SignInPage{}))
		if page == "up" {
			p = show(t, SignUp(SignUpPage{}))
		}
		for i, name := range []string{"email", "password"} {
			if got := value(fieldOf(p, name), "autocomplete"); got != want[i] {
				t.Errorf("sign %s: %s has autocomplete %q, want %q", page, name, got, want[i])
			}
		}
	}
	if got := value(fieldOf(show(t, SignUp(SignUpPage{})), "password"), "minlength"); got != "12" {
		t.Errorf("minlength %q", got)
	}
}

func TestDemoSignInIsShownOnlyInDemos(t *testing.T) {
	show(t, SignIn(SignInPage{Demo: []DemoAccount{{Who: "Dana, owner", Email: "demo@northgate.example", Password: "a demo password", Sees: "Nothing yet"}}})).says("Demo sign-in", "Dana, owner")
	show(t, SignIn(SignInPage{})).doesNotSay("Demo")
}

func TestSignInKeepsWhereToGo(t *testing.T) {
	if got := value(fieldOf(show(t, SignIn(SignInPage{Next: "/connections"})), "next"), "value"); got != "/connections" {
		t.Errorf("next is %q", got)
	}
}

func TestConnectKeepsTheChoice(t *testing.T) {
	p := show(t, Connect(ConnectPage{Environments: []string{"production", "sandbox"}, Environment: "sandbox", Ways: []string{"sign_in"}, Way: "sign_in", Tenant: "12a"}))
	for _, n := range p.all("input") {
		_, checked := attribute(n, "checked")
		if want := value(n, "value") == "sandbox" || value(n, "value") == "sign_in"; checked != want {
			t.Errorf("%s: checked %v, want %v", value(n, "value"), checked, want)
		}
	}
	if value(fieldOf(p, "tenant"), "value") != "12a" {
		t.Error("the tenant ID that was typed is lost")
	}
	p.says("My Tenant ID", "API Application Access")
}

func TestReviewNamesEverythingAskedFor(t *testing.T) {
	p := show(t, Review(ReviewPage{Choice: againChoice, ChoiceID: "K7QX", TenantName: "Northgate", Scopes: []string{"tn.crm.customers:r", "tn.crm.bookings:rw", "tn.new.things:r"}}))
	p.says("Customers and locations", "Bookings", "View and change", "tn.new.things", "tn.crm.bookings:rw", "Northgate", "Production", "842193311", "ServiceTitan address")
	if value(fieldOf(p, "choice"), "value") != "K7QX" || !slices.Contains(p.actions(), "/connect/authorize") {
		t.Error("does not go on to ServiceTitan with the choice")
	}
	sandbox := show(t, Review(ReviewPage{Choice: newChoice}))
	sandbox.says("SANDBOX")
	sandbox.doesNotSay("ServiceTitan address")
}

func TestConnectionOffersWhatItsStateAllows(t *testing.T) {
	const path = "/connections/019ab000-0000-7000-8000-000000000001"
	test, reconnect, disconnect := path+"/test", path+"/reconnect", path+"/disconnect"
	for _, c := range []struct {
		state models.State
		role  models.Role
		want  []string
	}{
		{models.Connected, models.Owner, []string{test, reconnect, disconnect}},
		{models.Degraded, models.Owner, []string{test, reconnect, disconnect}},
		{models.ReconnectNeeded, models.Owner, []string{reconnect, disconnect}},
		{models.Disconnected, models.Owner, []string{reconnect}},
		{models.Connected, models.Member, []string{test, reconnect}},
		{models.ReconnectNeeded, models.Member, []string{reconnect}},
		{models.Disconnected, models.Member, []string{reconnect}},
	} {
		p := show(t, connectionPage(c.state, c.role))
		got := slices.DeleteFunc(p.actions(), func(a string) bool { return a == "/signout" })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s for %s: forms %q, want %q", c.state, c.role, got, c.want)
		}
		p.says(states[c.state].Word, "842193311", "Production", "Customers and locations", "Times are shown in UTC")
		if c.role == models.Member && c.state != models.Disconnected {
			p.says("Ask Dana Whitfield or Ruth Abara.")
		}
	}
}

// What was just connected has not been renewed, and no part of a page says so.
func TestAccessIsGivenBeforeItIsRenewed(t *testing.T) {
	c := testConnection(models.Connected)
	c.ConnectedAt = c.RenewedAt
	days := []models.RenewalDay{{Day: "2026-11-22"}, {Day: "2026-11-23"}}
	own := ConnectionPage{Visitor: testVisitor(models.Owner), Connection: c, Days: days, Clock: testClock()}
	staff := staffPage(models.Connected, "")
	staff.View.Connection, staff.View.Days = c, days
	ended := own
	ended.Connection.State, ended.Connection.DisconnectedAt = models.Disconnected, ago(time.Minute)
	for _, page := range []struct {
		shown testPage
		says  []string
	}{
		{show(t, Connection(own)), []string{"Access was given 4 min ago. It renews by 12:47 PM, or as soon as access is needed.", "Given 12:32 PM", "No renewals"}},
		{show(t, Connection(ended)), []string{"No renewals"}},
		{show(t, Connections(ConnectionsPage{Visitor: testVisitor(models.Owner), Connections: []models.Connection{c}, Clock: testClock()})), []string{"Connected 4 min ago"}},
		{show(t, StaffConnection(staff)), []string{"Access was given 4 min ago and renews by itself.", "Access given 12:32 PM", "No renewals"}},
	} {
		page.shown.says(page.says...)
		page.shown.doesNotSay("Last renewed", "Renewed 12", "renews again", "renewed yet")
	}
}

func TestConnectionSaysHowItIs(t *testing.T) {
	show(t, connectionPage(models.Connected, models.Owner)).says("Last renewed 4 min ago. It renews again by 12:47 PM, or as soon as access is needed.", "passed today at 11:36 AM, in 0.4 seconds")
	show(t, connectionPage(models.Degraded, models.Owner)).says("There is nothing you need to do", reasons[models.ReasonUnavailable], "today at 12:31 PM", "works until about 12:48 PM", "did not pass")
	show(t, connectionPage(models.ReconnectNeeded, models.Owner)).says("since Nov 22 at 6:36 PM.", reasons[models.ReasonGrantRefused])
	for reason, want := range map[models.Reason][2]string{
		models.ReasonGrantRefused:  {"ServiceTitan needs you to allow the access again", "Reconnecting takes about a minute."},
		models.ReasonAnswerLost:    {"We need you to allow the access again", "Nobody did anything wrong."},
		models.ReasonSealBroken:    {"We need you to allow the access again", "This is our mistake."},
		models.ReasonUnauthorized:  {"We have to put something right first", "There is nothing you need to do yet"},
		models.ReasonTenantUnknown: {"ServiceTitan does not know this tenant ID", "Compare the tenant ID with My Tenant ID"},
	} {
		c := testConnection(models.ReconnectNeeded)
		c.Reason = reason
		show(t, Connection(ConnectionPage{Visitor: testVisitor(models.Owner), Connection: c, Clock: testClock()})).says(want[0], want[1], "Reconnect")
		letter := Mail(models.OutgoingMail{Mail: models.Mail{Kind: models.MailReconnectNeeded, Reason: reason}})
		if letter.Title != want[0] || !strings.Contains(strings.Join(letter.Paragraphs, " "), want[1]) {
			t.Errorf("the mail for %s says %q, %q", reason, letter.Title, letter.Paragraphs)
		}
	}
	show(t, connectionPage(models.Disconnected, models.Owner)).says("Luis Ortega disconnected it today at 11:46 AM.")

	due := testConnection(models.Connected)
	due.NextRenewalAt = ago(time.Minute)
	p := show(t, Connection(ConnectionPage{Visitor: testVisitor(models.Owner), Connection: due, Clock: testClock()}))
	p.says("It renews within a moment.")
	failing := testConnection(models.Degraded)
	failing.Failures, failing.NextRenewalAt = 3, ago(-2*time.Minute)
	show(t, Connection(ConnectionPage{Visitor: testVisitor(models.Owner), Connection: failing, Clock: testClock()})).says("The next try is at 12:38 PM, or when access is needed.")
	days := []models.RenewalDay{{Day: "2026-11-20"}, {Day: "2026-11-21", OK: 24}, {Day: "2026-11-22", OK: 20, Failed: 4}, {Day: "2026-11-23", Failed: 2}}
	strip := show(t, Connection(ConnectionPage{Visitor: testVisitor(models.Owner), Connection: due, Days: days, Clock: testClock()}))
	strip.says("Renewals, last 30 days", "1 of 3 days without a problem", "Nov 21: all renewals worked", "Nov 22: 4 renewals of 24 did not work at first", "Nov 23: renewals did not work")
}

// A day on which somebody had to reconnect is one with a problem, on the page of
// the company and on that of our staff, whatever was renewed on it before.
func TestHealthStripShowsWhenSomebodyHadToReconnect(t *testing.T) {
	midnight, part := noon.Truncate(24*time.Hour), noon.AddDate(0, 0, -3)
	c := testConnection(models.ReconnectNeeded)
	days := []models.RenewalDay{
		{Day: "2026-11-19"},
		{Day: "2026-11-20", OK: 90, DownFrom: &part, UpAgain: true},
		{Day: "2026-11-21", OK: 96},
		{Day: "2026-11-22", OK: 70, DownFrom: c.FailingSince},
		{Day: "2026-11-23", DownFrom: &midnight},
	}
	staff := staffPage(models.ReconnectNeeded, models.ReasonNotAllowed)
	staff.View.Connection, staff.View.Days = c, days
	for name, page := range map[string]templ.Component{
		"company": Connection(ConnectionPage{Visitor: testVisitor(models.Owner), Connection: c, Days: days, Clock: testClock()}),
		"staff":   StaffConnection(staff),
	} {
		shown := show(t, page)
		shown.says("1 of 4 days without a problem", "3 days with a problem", "Nov 19: nothing to renew", "Nov 20: not connected for a part of the day", "Nov 21: all renewals worked")
		shown.says("Nov 22: not connected since 6:36 PM", "Nov 23: not connected")
		var tones []string
		for _, bar := range shown.all("rect") {
			if tone := value(bar, "data-tone"); tone != "" {
				tones = append(tones, tone)
			}
		}
		if want := []string{"off", "bad", "ok", "bad", "bad"}; !slices.Equal(tones, want) {
			t.Errorf("%s: bars are %q, want %q", name, tones, want)
		}
	}
}

func TestConnectionSaysWhatCameOfATest(t *testing.T) {
	page := ConnectionPage{Visitor: testVisitor(models.Owner), Connection: testConnection(models.Connected), Clock: testClock(), Tested: true}
	page.Events = []models.Event{{Kind: models.EventTestPassed, ActorName: "Dana Whitfield", Millis: 400, At: *ago(0)}}
	show(t, Connection(page)).says("Test passed. ServiceTitan answered in 0.4 seconds.")
	page.Events[0].Kind, page.Events[0].Reason = models.EventTestFailed, models.ReasonRateLimited
	show(t, Connection(page)).says("Test did not pass. " + reasons[models.ReasonRateLimited])
	page.Tested = false
	show(t, Connection(page)).doesNotSay("Test did not pass. " + reasons[models.ReasonRateLimited])

	// The address that says so may be opened again: what is known since counts.
	page.Tested = true
	for name, later := range map[string]func(){
		"the page is opened later": func() { page.Events[0].At = *ago(2 * time.Minute) },
		"it was renewed since":     func() { page.Connection.RenewedAt = *ago(20 * time.Second) },
		"it was connected again":   func() { page.Connection.ConnectedAt = *ago(20 * time.Second) },
	} {
		page.Connection, page.Events[0].At = testConnection(models.Connected), *ago(30 * time.Second)
		show(t, Connection(page)).says("Test did not pass. " + reasons[models.ReasonRateLimited])
		later()
		if shown := show(t, Connection(page)); len(shown.banners()) > 0 {
			t.Errorf("%s: a test that is no news is told as one", name)
		}
	}
}

// What the page of a connection says of its state and of ServiceTitan is so.
func TestConnectionPromisesNothingThatIsNotSo(t *testing.T) {
	works := show(t, connectionPage(models.Connected, models.Owner))
	// Disconnecting withdraws access there, and connecting again is a new date.
	works.says("Access renews by itself", "you can end it. Nothing is deleted in ServiceTitan.", "Last connected on")
	works.doesNotSay("Nothing changes in ServiceTitan", " Connected on")
	retrying := show(t, connectionPage(models.Degraded, models.Owner))
	retrying.says("We keep trying")
	retrying.doesNotSay("Access renews by itself")
	letter := Mail(models.OutgoingMail{Mail: models.Mail{Kind: models.MailReconnectNeeded, Reason: models.ReasonGrantRefused}})
	if words := strings.Join(letter.Paragraphs, " "); !strings.Contains(words, "Nothing is deleted in ServiceTitan.") || strings.Contains(words, "Nothing changes") {
		t.Errorf("the mail says %q", words)
	}
}

// Where a set-up is the company's to go on with, its own steps come after those
// of the whole, under a heading of their own.
func TestSetupHeadsWhatTheCompanyDoes(t *testing.T) {
	page := ConnectionPage{
		Visitor: testVisitor(models.Owner), Connection: testConnection(models.Pending), Clock: testClock(),
		Setup: &models.Setup{Step: models.StepAllowAccess, WaitsFor: models.TheCompany, Since: noon},
	}
	show(t, Connection(page)).says("Your part, in ServiceTitan Open the settings page")
	page.Setup.Step, page.Setup.WaitsFor = models.StepEnterCredentials, models.Us
	show(t, Connection(page)).doesNotSay("Your part, in ServiceTitan")
}

// The last test tells of the access that there is, not of one before it.
func TestLastTestIsOfThisAccess(t *testing.T) {
	c := testConnection(models.Connected)
	c.TestedAt, c.TestPassed, c.ConnectedAt = ago(2*time.Hour), false, *ago(time.Hour)
	shown := show(t, Connection(ConnectionPage{Visitor: testVisitor(models.Owner), Connection: c, Clock: testClock()}))
	shown.says("Not tested since it was connected again.")
	shown.doesNotSay("Last test")
}

// Beside its icon, a banner's text is in a box that shrinks: a paragraph alone
// would go below the icon once it is long.
func TestBannersKeepTheirTextBesideTheirIcon(t *testing.T) {
	pages := everyPage()
	tested := ConnectionPage{Visitor: testVisitor(models.Owner), Connection: testConnection(models.Connected), Clock: testClock(), Tested: true}
	for _, kind := range []models.EventKind{models.EventTestPassed, models.EventTestFailed} {
		tested.Events = []models.Event{{Kind: kind, Reason: models.ReasonRateLimited, At: noon}}
		pages[string(kind)] = Connection(tested)
	}
	for name, page := range pages {
		for _, banner := range show(t, page).banners() {
			for n := range banner.ChildNodes() {
				if n.Data == "p" && value(n, "class") != "grow" {
					t.Errorf("%s: a banner has a paragraph of its own: %s", name, text(n))
				}
			}
		}
	}
}

func TestConnectionsSayWhetherAnyoneIsNeeded(t *testing.T) {
	list := func(states ...models.State) ConnectionsPage {
		p := ConnectionsPage{Visitor: testVisitor(models.Owner), Clock: testClock()}
		for _, s := range states {
			p.Connections = append(p.Connections, testConnection(s))
		}
		return p
	}
	show(t, Connections(list())).says("Welcome, Dana", "Connect your ServiceTitan account")
	show(t, Connections(list(models.Connected, models.Disconnected))).says("Nothing needs you right now.")
	show(t, Connections(list(models.Connected, models.ReconnectNeeded))).says("One connection needs you to reconnect it.")
	show(t, Connections(list(models.ReconnectNeeded, models.ReconnectNeeded))).says("2 connections need you to reconnect them.")
	show(t, Connections(list(models.Disconnected))).says("Nothing is connected right now.")
}

func TestOutcomesOfferTheWayOn(t *testing.T) {
	for outcome, words := range outcomes {
		p := show(t, notConnected(outcome, newChoice))
		p.says(words.title, words.happened, words.unchanged, words.next, "FB-4Z7E-58QQ", "Nov 23, 2026, 12:36 PM UTC")
		want := "/connect/review?choice=K7QX"
		if words.retype {
			want = "/connect?choice=K7QX"
		}
		if !strings.Contains(p.source, `href="`+want+`"`) {
			t.Errorf("%s: no way to %s", outcome, want)
		}
		again := show(t, notConnected(outcome, againChoice))
		again.says(words.kept, "Back to the connection")
	}
	show(t, notConnected(models.OutcomeWrongTenant, newChoice)).says("You entered Tenant 842193311", "You signed in to Tenant 905118274")
	show(t, notConnected(models.OutcomeWrongTenant, againChoice)).says("This connection uses Tenant 842193311")
	show(t, notConnected(models.OutcomeNotAllowed, newChoice)).says("Settings", "Integrations", "API Application Access", "Allow Access")

	unknown := show(t, NotConnected(NotConnectedPage{Result: models.Result{Outcome: models.OutcomeStartAgain}, Clock: testClock()}))
	if !strings.Contains(unknown.source, `href="/connect"`) {
		t.Error("a link of no known choice does not lead to the beginning")
	}
	waits := NotConnectedPage{Result: models.Result{Outcome: models.OutcomeRateLimited, RetryAt: noon.Add(3 * time.Minute)}, Clock: testClock()}
	show(t, NotConnected(waits)).says("in about 3 minutes, at 12:39 PM.")
}

func TestFinishingComesBack(t *testing.T) {
	for _, meta := range show(t, Finishing()).all("meta") {
		if value(meta, "http-equiv") == "refresh" && value(meta, "content") == "2" {
			return
		}
	}
	t.Error("the page does not reload")
}

func TestErrorsSayWhoOrWhenHelps(t *testing.T) {
	show(t, Error(ErrorPage{Status: 403, Visitor: testVisitor(models.Member), CanHelp: []string{"Ruth Abara"}, Clock: testClock()})).says("signed in as Dana Whitfield. Ruth Abara can help.")
	show(t, Error(ErrorPage{Status: 429, RetryAt: noon.Add(40 * time.Second), Clock: testClock()})).says("in about 40 seconds, at 12:36 PM.")
	show(t, Error(ErrorPage{Status: 403, NoMembership: true, Clock: testClock()})).says("You no longer belong to this company", "Sign out")
	show(t, Error(ErrorPage{Status: 403, ForeignOrigin: true, Clock: testClock()})).says("This did not come from a page of ours")
	show(t, Error(ErrorPage{Status: 418, SupportCode: "FB-1", Clock: testClock()})).says("Error 418", problems[400].title, "FB-1")
	show(t, Error(ErrorPage{Status: 502, Clock: testClock()})).says("Error 502", problems[500].title)
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
