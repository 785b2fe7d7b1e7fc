package views

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/outage"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
	"github.com/google/uuid"
)

// testClient is a client of the tenant's own, whose old secret is in a slot.
func testClient(old models.SecretSlot) connect.ClientView {
	c := pagetest.Connection(models.Connected)
	c.Way, c.SecretAt, c.OldSecret = models.OwnCredentialsWay, pagetest.Ago(100*24*time.Hour), old
	return connect.ClientView{Connection: c, ClientID: "cid.northgate", Slot: models.SecondSecret}
}

func testClock() Clock { return Clock{Now: pagetest.Noon, Zone: time.UTC} }

// everyEvent returns one event of each kind.
func everyEvent() []models.Event { return pagetest.Events(slices.Collect(maps.Keys(events))) }

func connectionPage(state models.State, role accounts.Role) templ.Component {
	return Connection(ConnectionPage{
		Visitor: pagetest.Visitor(role), Connection: pagetest.Connection(state), Events: everyEvent(),
		Owners: []string{"Dana Whitfield", "Ruth Abara"}, Clock: testClock(),
	})
}

func notConnected(outcome models.Outcome, choice models.Choice) templ.Component {
	return NotConnected(NotConnectedPage{
		Result:   models.Result{Outcome: outcome, Choice: choice, FoundTenantID: 905118274},
		ChoiceID: "K7QX", SupportCode: "FB-4Z7E-58QQ", Clock: testClock(),
	})
}

var (
	newChoice   = models.Choice{Environment: "sandbox", Way: "sign_in", TenantID: 842193311}
	againChoice = models.Choice{Environment: "production", Way: "sign_in", TenantID: 842193311, ConnectionID: uuid.MustParse("019ab000-0000-7000-8000-000000000001")}
)

// questionPage returns the page of the first question that a choice leaves open, where
// two environments have every way.
func questionPage(choice models.Choice) ConnectPage {
	return ConnectPage{At: startPath, Offers: models.Offers{{Environment: "production", Ways: models.Ways()}, {Environment: "sandbox", Ways: models.Ways()}}, Choice: choice, CanAsk: true}
}

// everyPage returns each page in each of its states, by its name in the tests.
func everyPage() map[string]templ.Component {
	questions := questionPage(models.Choice{Environment: "sandbox", Way: "sign_in"})
	wrongAnswer := questions
	wrongAnswer.Tenant, wrongAnswer.Errors = "x", ConnectErrors{"Choose one.", "Choose one.", "Enter a number."}
	ask := questions
	ask.Ask, ask.CanAsk = true, true
	pages := map[string]templ.Component{
		"front":        Front(),
		"sign in":      SignIn(SignInPage{Next: "/connections", Demo: []DemoAccount{{"Dana, owner", "demo@northgate.example", "demo password", "Nothing yet"}}}),
		"demo":         DemoTour(testDemo("Dana, owner"), nil, 0),
		"sign in, no":  SignIn(SignInPage{Email: "dana@northgate.example", Errors: SignInErrors{"Check this.", "And this."}}),
		"sign up":      SignUp(SignUpPage{}),
		"sign up, no":  SignUp(SignUpPage{Email: "x", Error: "Email."}),
		"no sign up":   SignUpClosed(),
		"check email":  CheckEmail("dana@northgate.example", "to continue"),
		"verify":       Verify(VerifyPage{Email: "dana@northgate.example", Link: "0123456789abcdef"}),
		"verify, no":   Verify(VerifyPage{Email: "dana@northgate.example", Company: "Northgate", Errors: VerifyErrors{"Company.", "Name.", "Password."}}),
		"prove":        Prove("dana@northgate.example", "0123456789abcdef"),
		"prove, no":    ProofSpent(),
		"verify spent": VerifyLinkSpent(),
		"has account":  HasAccount("dana@northgate.example"),
		"forgot":       Forgot(ForgotPage{}),
		"forgot, no":   Forgot(ForgotPage{Email: "x", Error: "Email."}),
		"no forgot":    ForgotClosed(),
		"tenant":       Connect(questions),
		"tenant, no":   Connect(wrongAnswer),
		"tenant, ask":  Connect(ask),
		"how":          Connect(questionPage(models.Choice{})),
		"environment":  Connect(questionPage(models.Choice{Way: "guided"})),
		"review":       Review(ReviewPage{Choice: newChoice, ChoiceID: "K7QX", Scopes: pagetest.Connection("").ScopeList()}),
		"review again": Review(ReviewPage{Choice: againChoice, ChoiceID: "K7QX", TenantName: "Northgate", Scopes: pagetest.Connection("").ScopeList()}),
		"credentials":  Credentials(CredentialsPage{Choice: newChoice, ChoiceID: "K7QX", Tenant: "842193311", Clock: testClock()}),
		"credentials, no": Credentials(CredentialsPage{
			Choice: newChoice, ChoiceID: "K7QX", Tenant: "x", ClientID: "cid.x", Errors: CredentialsErrors{Tenant: "Tenant.", ClientID: "Client.", Secret: "Secret."}, Clock: testClock(),
		}),
		"credentials again": Credentials(CredentialsPage{
			Choice: againChoice, ChoiceID: "K7QX", TenantName: "Northgate", Others: []models.Way{models.SignInWay},
			Result: models.Result{Outcome: models.OutcomeRateLimited, RetryAt: pagetest.Noon.Add(time.Minute)}, Clock: testClock(),
		}),
		"secret":            ReplaceSecret(SecretPage{Client: testClient(models.NoSecret), AppURL: "https://go.example", Clock: testClock()}),
		"secret, no":        ReplaceSecret(SecretPage{Client: testClient(models.NoSecret), Problem: "Enter it.", Clock: testClock()}),
		"secret, not tried": ReplaceSecret(SecretPage{Client: testClient(models.OtherSecret), Result: models.Result{Outcome: models.OutcomeRateLimited, RetryAt: pagetest.Noon.Add(time.Minute)}, Clock: testClock()}),
		"secret, down":      ReplaceSecret(SecretPage{Client: testClient(models.NoSecret), Result: models.Result{Outcome: models.OutcomeUnavailable}, Clock: testClock()}),
		"secret, disabled":  ReplaceSecret(SecretPage{Client: testClient(models.NoSecret), Result: models.Result{Outcome: models.OutcomeNotAllowed}, Clock: testClock()}),
		"secret, replaced":  ReplaceSecret(SecretPage{Client: testClient(models.FirstSecret), Done: true, Clock: testClock()}),
		"secret, old":       ReplaceSecret(SecretPage{Client: testClient(models.OtherSecret), Clock: testClock()}),
		"connection, secret": Connection(ConnectionPage{
			Visitor: pagetest.Visitor(accounts.Owner), Connection: testClient(models.FirstSecret).Connection, Clock: testClock(),
		}),
		"review, other way": Review(ReviewPage{Choice: againChoice, ChoiceID: "K7QX", Others: []models.Way{models.OwnCredentialsWay}}),
		"upgrade": Connection(ConnectionPage{
			Visitor: pagetest.Visitor(accounts.Owner), Connection: pagetest.Connection(models.Connected), Clock: testClock(),
			Missing: models.Areas([]string{"tn.crm.bookings:rw"}),
		}),
		"finishing":                Finishing(),
		"connected":                Connected(ConnectedPage{Connection: pagetest.Connection(models.Connected)}),
		"reconnected":              Connected(ConnectedPage{Connection: pagetest.Connection(models.Connected), Again: true}),
		"home":                     Connections(ConnectionsPage{Visitor: pagetest.Visitor(accounts.Owner), Clock: testClock()}),
		"disconnect":               Disconnect(DisconnectPage{Connection: pagetest.Connection(models.Connected)}),
		"staff: no role":           Error(ErrorPage{Status: 403, Kind: LacksRole, Staff: accounts.Staff{Name: "Ada Reyes", Email: "ada@fieldbridge.example", Role: accounts.Admin}, CanHelp: []string{"Lee"}, SupportCode: "FB-1", Clock: testClock()}),
		"locked":                   Error(ErrorPage{Status: 403, Kind: CompanyLocked, SupportCode: "FB-1", Clock: testClock()}),
		"sign in, staff elsewhere": SignIn(SignInPage{StaffSignIn: true}),
		"no role":                  Error(ErrorPage{Status: 403, Kind: LacksRole, Visitor: pagetest.Visitor(accounts.Member), CanHelp: []string{"Ruth Abara"}, SupportCode: "FB-1", Clock: testClock()}),
		"foreign":                  Error(ErrorPage{Status: 403, Kind: ForeignOrigin, SupportCode: "FB-1", Clock: testClock()}),
		"no member":                Error(ErrorPage{Status: 403, Kind: NoMembership, SupportCode: "FB-1", Clock: testClock()}),
		"unheard of":               Error(ErrorPage{Status: 418, SupportCode: "FB-1", Clock: testClock()}),
		"bad gateway":              Error(ErrorPage{Status: 502, SupportCode: "FB-1", Clock: testClock()}),
		"not tested":               Connection(ConnectionPage{Visitor: pagetest.Visitor(accounts.Owner), Connection: models.Connection{State: models.Connected, TenantID: 1}, Clock: testClock()}),
	}
	owner, member := pagetest.Visitor(accounts.Owner), pagetest.Visitor(accounts.Member)
	owner.TimeZone, owner.DeletionAt, member.DeletionAt = "America/Chicago", pagetest.Ago(-14*24*time.Hour), pagetest.Ago(-14*24*time.Hour)
	told := []accounts.Recipient{{UserID: uuid.Max, Name: "Luis Ortega", Email: "luis@northgate.example", Role: accounts.Owner, Gets: true, Reachable: true}, {Name: "Ruth", Email: "r@x.example", Role: accounts.Member}}
	settingsForm := CompanySettingsPage{Visitor: pagetest.Visitor(accounts.Owner), Name: "Northgate", TimeZone: "America/Chicago", Recipients: told, Clock: testClock()}
	pages["settings"] = CompanySettings(settingsForm)
	settingsForm.Errors = CompanySettingsErrors{"Name.", "Zone.", "Someone."}
	pages["settings, no"] = CompanySettings(settingsForm)
	pages["settings, nobody told"] = CompanySettings(CompanySettingsPage{Visitor: owner, Recipients: told[1:], Done: "deleted", Clock: testClock()})
	pages["settings for members"] = CompanySettings(CompanySettingsPage{Visitor: member, Recipients: told, Clock: testClock()})
	pages["delete the company"] = DeleteCompany(DeleteCompanyPage{Visitor: owner, Connections: 3, Clock: testClock()})
	pages["delete the company, no"] = DeleteCompany(DeleteCompanyPage{Visitor: pagetest.Visitor(accounts.Owner), Connections: 1, Name: "x", Errors: DeleteCompanyErrors{"Name.", "Password."}, Clock: testClock()})
	pages["activity, empty"] = Activity(ActivityPage{Visitor: owner, Before: uuid.Max, Clock: testClock()})
	var lines []connect.Activity
	for _, e := range everyEvent() {
		lines = append(lines, connect.Activity{ID: uuid.New(), At: e.At, ActorName: "Luis Ortega", Event: &e, Connection: pagetest.Connection(models.Connected)})
	}
	for action := range activityWords {
		lines = append(lines, connect.Activity{ID: uuid.New(), At: pagetest.Noon, ActorName: "Luis Ortega", Action: action, TargetName: "Ruth Abara", Detail: "owner"})
	}
	pages["activity"] = Activity(ActivityPage{Visitor: pagetest.Visitor(accounts.Owner), Lines: lines, About: connect.AboutCompany, Before: uuid.New(), Older: true, Clock: testClock()})
	all := []connect.InOverview{{Connection: pagetest.Connection(models.Connected)}, {Connection: pagetest.Connection(models.Pending), ToAllow: true}, {Connection: pagetest.Connection(models.ReconnectNeeded)}}
	all[0].UpgradeNeeded, all[2].Way, all[2].Reason = true, models.GuidedWay, models.ReasonNotAllowed
	for state := range states {
		all = append(all, connect.InOverview{Connection: pagetest.Connection(state)})
		pages[string(state)+" for owners"] = connectionPage(state, accounts.Owner)
		pages[string(state)+" for members"] = connectionPage(state, accounts.Member)
	}
	for i := range all {
		all[i].ID = uuid.New()
	}
	pages["connections"] = Connections(ConnectionsPage{Visitor: pagetest.Visitor(accounts.Owner), Connections: all, Clock: testClock()})
	for outcome := range outcomes {
		pages["not connected: "+string(outcome)] = notConnected(outcome, newChoice)
		pages["not reconnected: "+string(outcome)] = notConnected(outcome, againChoice)
	}
	began, ended := *pagetest.Ago(3 * time.Hour), pagetest.Ago(time.Hour)
	for name, n := range map[string]OutageNotice{
		"outage": {Environment: "production", BeganAt: began}, "outage, needs you": {Environment: "production", BeganAt: began, NeedsYou: true},
		"outage, over": {Environment: "production", BeganAt: began, EndedAt: ended},
	} {
		pages["connections, "+name] = Connections(ConnectionsPage{Visitor: pagetest.Visitor(accounts.Owner), Connections: all, Outages: []OutageNotice{n}, Clock: testClock()})
	}
	past := outage.Outage{Endpoint: outage.Tokens, BeganAt: began, EndedAt: ended, Tenants: 30, Peak: 20}
	pages["status"] = ServiceTitan(ServiceTitanPage{Visitor: member, Environments: []EnvironmentHealth{
		{Name: "production", Outage: &outage.Outage{Endpoint: outage.API, BeganAt: began}, TriedAt: *ended, Past: []outage.Outage{past}}, {Name: "sandbox"},
	}, Clock: testClock()})
	pages["help"] = Help(HelpPage{Visitor: pagetest.Visitor(accounts.Owner), Clock: testClock()})
	maps.Copy(pages, passkeyPages())
	for status := range problems {
		pages["error "+strings.TrimSpace(problems[status].name)] = Error(ErrorPage{Status: status, RetryAt: pagetest.Noon.Add(40 * time.Second), SupportCode: "FB-1", Clock: testClock()})
	}
	return pages
}

// A page with the menu offers to sign out.
func TestEveryMenuOffersToSignOut(t *testing.T) {
	menus := 0
	for name, c := range everyPage() {
		p := pagetest.Show(t, c)
		if !strings.Contains(p.Source, `<nav aria-label="Main">`) {
			continue
		}
		menus++
		if !strings.Contains(p.Source, `method="post" action="/signout"`) {
			t.Errorf("%s offers no way to sign out", name)
		}
	}
	if menus < 10 {
		t.Errorf("%d pages have the menu", menus)
	}
}

// withContact is a page that says where people reach support.
type withContact struct {
	page    templ.Component
	contact Contact
}

// Render writes the page.
func (p withContact) Render(ctx context.Context, w io.Writer) error {
	return p.page.Render(WithOperator(ctx, &Operator{Contact: p.contact}), w)
}

func TestEveryPageIsWellMade(t *testing.T) {
	for name, c := range everyPage() {
		t.Run(name, func(t *testing.T) { pagetest.Show(t, c).WellMade() })
	}
}

func TestHostileTextIsOnlyText(t *testing.T) {
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&`
	v := accounts.Visitor{Name: hostile, Email: hostile, CompanyName: hostile, Role: accounts.Owner}
	c := pagetest.Connection(models.ReconnectNeeded)
	c.TenantName, c.ConnectedByName, c.Scopes, c.Environment, c.Way = hostile, hostile, hostile, hostile, hostile
	ours := ConnectPage{
		At: startPath, Offers: models.Offers{{Environment: hostile, Ways: []models.Way{hostile}}}, Choice: models.Choice{Environment: hostile, Way: hostile},
		Tenant: hostile, Errors: ConnectErrors{hostile, hostile, hostile},
	}
	how, where := ours, ours
	how.Choice.Way, where.Choice.Environment = "", ""
	for name, page := range map[string]templ.Component{
		"settings": CompanySettings(CompanySettingsPage{
			Visitor: v, Name: hostile, TimeZone: hostile, Recipients: []accounts.Recipient{{Name: hostile, Email: hostile, Gets: true, Reachable: true}}, Errors: CompanySettingsErrors{hostile, hostile, hostile},
		}),
		"delete the company": DeleteCompany(DeleteCompanyPage{Visitor: v, Name: hostile, Errors: DeleteCompanyErrors{hostile, hostile}}),
		"activity": Activity(ActivityPage{
			Visitor: v, Lines: []connect.Activity{{ActorName: hostile, Action: hostile, TargetName: hostile, Detail: hostile}}, About: hostile, Clock: testClock(),
		}),
		"sign in": SignIn(SignInPage{Email: hostile, Next: hostile, Errors: SignInErrors{hostile, hostile}, Demo: []DemoAccount{{hostile, hostile, hostile, hostile}}}),
		"demo":    DemoTour(testDemo(hostile), nil, 1),
		"sign up": SignUp(SignUpPage{Email: hostile, Error: hostile}),
		"sent":    CheckEmail(hostile, hostile),
		"verify":  Verify(VerifyPage{Email: hostile, Company: hostile, Name: hostile, Link: hostile, Errors: VerifyErrors{hostile, hostile, hostile}}),
		"prove":   Prove(hostile, hostile),
		"account": HasAccount(hostile),
		"forgot":  Forgot(ForgotPage{Email: hostile, Error: hostile}),
		"tenant":  Connect(ours),
		"how":     Connect(how),
		"where":   Connect(where),
		"review":  Review(ReviewPage{Choice: newChoice, ChoiceID: hostile, TenantName: hostile, Scopes: []string{hostile}}),
		"credentials": Credentials(CredentialsPage{
			Choice: newChoice, ChoiceID: hostile, Tenant: hostile, ClientID: hostile, Errors: CredentialsErrors{Tenant: hostile, ClientID: hostile, Secret: hostile}, Clock: testClock(),
		}),
		"secret":      ReplaceSecret(SecretPage{Client: connect.ClientView{Connection: c, ClientID: hostile}, Problem: hostile, Clock: testClock()}),
		"help":        withContact{Help(HelpPage{Visitor: v, Clock: testClock()}), Contact{hostile, hostile, hostile}},
		"connected":   Connected(ConnectedPage{Connection: c}),
		"home":        Connections(ConnectionsPage{Visitor: v, Clock: testClock()}),
		"list":        Connections(ConnectionsPage{Visitor: v, Connections: []connect.InOverview{{Connection: c}}, Clock: testClock()}),
		"connection":  Connection(ConnectionPage{Visitor: v, Connection: c, Events: []models.Event{{Kind: models.EventConnected, ActorName: hostile}}, Owners: []string{hostile}, Clock: testClock()}),
		"disconnect":  Disconnect(DisconnectPage{Connection: c}),
		"staff error": Error(ErrorPage{Status: 403, Kind: LacksRole, Staff: accounts.Staff{Name: hostile, Email: hostile}, CanHelp: []string{hostile}, Clock: testClock()}),
		"error":       Error(ErrorPage{Status: 403, Kind: LacksRole, Visitor: v, CanHelp: []string{hostile}, SupportCode: hostile, Clock: testClock()}),
		"outcome":     NotConnected(NotConnectedPage{Result: models.Result{Outcome: models.OutcomeDenied}, ChoiceID: hostile, SupportCode: hostile, Clock: testClock()}),
	} {
		t.Run(name, func(t *testing.T) {
			p := pagetest.Show(t, page)
			if len(p.ForeignScripts()) > 0 || len(p.All("img")) > 0 {
				t.Errorf("became markup: %s", p.Source)
			}
			if !strings.Contains(p.Source, "&lt;script&gt;") {
				t.Error("the text is not shown at all")
			}
		})
	}
}
