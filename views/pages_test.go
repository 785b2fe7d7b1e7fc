package views

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/static"
	"github.com/google/uuid"
)

// noon is the time at which all test pages are shown.
var noon = time.Date(2026, 11, 23, 12, 36, 0, 0, time.UTC)

func testClock() Clock { return Clock{Now: noon, Zone: time.UTC} }

func ago(d time.Duration) *time.Time {
	t := noon.Add(-d)
	return &t
}

func testVisitor(role models.Role) models.Visitor {
	return models.Visitor{Name: "Dana Whitfield", Email: "dana@northgate.example", CompanyName: "Northgate Heating & Plumbing", Role: role}
}

func testConnection(state models.State) models.Connection {
	next := noon.Add(11 * time.Minute)
	c := models.Connection{
		ID: uuid.MustParse("019ab000-0000-7000-8000-000000000001"), Environment: "production", TenantID: 842193311,
		TenantName: "Northgate Heating & Plumbing", BusinessUnits: 4, Way: "sign_in", State: state,
		Scopes:          "tn.crm.customers:r tn.jpm.jobs:r tn.dis.capacity:r tn.acc.invoices:r tn.crm.bookings:rw tn.stt.businessunits:r tn.new.things:r offline_access",
		ConnectedByName: "Dana Whitfield", ConnectedAt: *ago(174 * 24 * time.Hour), RenewedAt: *ago(4 * time.Minute),
		NextRenewalAt: &next, ExpiresAt: noon.Add(12 * time.Minute), TestedAt: ago(time.Hour), TestPassed: true, TestMillis: 420,
	}
	switch state {
	case models.Degraded:
		c.Reason, c.FailingSince, c.TestPassed, c.NextRenewalAt = models.ReasonUnavailable, ago(5*time.Minute), false, ago(time.Minute)
	case models.ReconnectNeeded:
		c.Reason, c.FailingSince, c.NextRenewalAt = models.ReasonGrantRefused, ago(18*time.Hour), nil
	case models.Disconnected:
		c.DisconnectedAt, c.NextRenewalAt, c.TestedAt = ago(50*time.Minute), nil, nil
	}
	return c
}

// everyEvent has one event of each kind.
func everyEvent() []models.Event {
	var list []models.Event
	for kind := range events {
		list = append(list, models.Event{
			Kind: kind, ActorName: "Luis Ortega", Reason: models.ReasonUnavailable, Outcome: models.OutcomeDenied,
			Millis: 420, SupportCode: "FB-2H6P-83QA", At: *ago(24 * time.Hour),
		})
	}
	return list
}

func connectionPage(state models.State, role models.Role) templ.Component {
	return Connection(ConnectionPage{
		Visitor: testVisitor(role), Connection: testConnection(state), Events: everyEvent(),
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

func testOverview() models.Overview {
	o := models.Overview{Lag: 90 * time.Second, Late: 3, Conflicts: 1, Upgrades: models.CountedUpTo, Hours: make([]models.RenewalHour, 24)}
	for state := range states {
		o.Totals = append(o.Totals, models.Total{Environment: "production", State: state, N: 12_345})
		c := testConnection(state)
		c.StateSince = *ago(time.Hour)
		o.Retrying = append(o.Retrying, models.ListedConnection{Connection: c, CompanyName: "Northgate"})
	}
	for i := range o.Hours {
		o.Hours[i] = models.RenewalHour{Hour: "2026-11-23T11", OK: int64(i % 3 * 1000), Failed: int64(i % 2)}
	}
	return o
}

// everyPage has each page in each of its states, by its name in the tests.
func everyPage() map[string]templ.Component {
	connectForm := ConnectPage{Environments: []string{"production", "sandbox"}, Environment: "sandbox", Ways: []string{"sign_in"}, Way: "sign_in"}
	wrongForm := connectForm
	wrongForm.Tenant, wrongForm.Errors = "x", ConnectErrors{"Choose one.", "Choose one.", "Enter a number."}
	pages := map[string]templ.Component{
		"front":        Front(),
		"sign in":      SignIn(SignInPage{Next: "/connections", Demo: []DemoAccount{{"Dana, owner", "demo@northgate.example", "demo password", "Nothing yet"}}}),
		"demo":         DemoTour(testDemo("Dana, owner")),
		"sign in, no":  SignIn(SignInPage{Email: "dana@northgate.example", Errors: SignInErrors{"Check this.", "And this."}}),
		"sign up":      SignUp(SignUpPage{}),
		"sign up, no":  SignUp(SignUpPage{Company: "Northgate", Errors: SignUpErrors{"Company.", "Name.", "Email.", "Password."}}),
		"choose":       Connect(connectForm),
		"choose, no":   Connect(wrongForm),
		"review":       Review(ReviewPage{Choice: newChoice, ChoiceID: "K7QX", Scopes: testConnection("").ScopeList()}),
		"review again": Review(ReviewPage{Choice: againChoice, ChoiceID: "K7QX", TenantName: "Northgate", Scopes: testConnection("").ScopeList()}),
		"credentials":  Credentials(CredentialsPage{Choice: newChoice, ChoiceID: "K7QX", Tenant: "842193311", Clock: testClock()}),
		"credentials, no": Credentials(CredentialsPage{
			Choice: newChoice, ChoiceID: "K7QX", Tenant: "x", ClientID: "cid.x", Errors: CredentialsErrors{"Tenant.", "Client.", "Secret."}, Clock: testClock(),
		}),
		"credentials again": Credentials(CredentialsPage{
			Choice: againChoice, ChoiceID: "K7QX", TenantName: "Northgate", Others: []models.Way{models.SignInWay},
			Result: models.Result{Outcome: models.OutcomeRateLimited, RetryAt: noon.Add(time.Minute)}, Clock: testClock(),
		}),
		"review, other way": Review(ReviewPage{Choice: againChoice, ChoiceID: "K7QX", Others: []models.Way{models.OwnCredentialsWay}}),
		"upgrade": Connection(ConnectionPage{
			Visitor: testVisitor(models.Owner), Connection: testConnection(models.Connected), Clock: testClock(),
			Missing: models.Areas([]string{"tn.crm.bookings:rw"}),
		}),
		"finishing":     Finishing(),
		"connected":     Connected(ConnectedPage{Connection: testConnection(models.Connected)}),
		"reconnected":   Connected(ConnectedPage{Connection: testConnection(models.Connected), Again: true}),
		"home":          Connections(ConnectionsPage{Visitor: testVisitor(models.Owner), Clock: testClock()}),
		"disconnect":    Disconnect(DisconnectPage{Connection: testConnection(models.Connected)}),
		"overview":      StaffOverview(StaffOverviewPage{Staff: testStaff, Overview: testOverview(), Clock: testClock()}),
		"overview, new": StaffOverview(StaffOverviewPage{Staff: testStaff, Clock: testClock()}),
		"list": StaffConnections(StaffConnectionsPage{
			Staff: testStaff, Place: models.Cursor{ID: uuid.Max}, Clock: testClock(),
			List: models.ConnectionPage{
				Connections: testOverview().Retrying, Before: models.Cursor{ID: uuid.Max}, After: models.Cursor{ID: uuid.Max}, Totals: testOverview().Totals,
				Companies: []models.FoundCompany{{ID: uuid.Max, Name: "Northgate"}},
			},
		}),
		"list, no match": StaffConnections(StaffConnectionsPage{Staff: testStaff, Filter: models.ConnectionFilter{Query: "x", Status: models.Overdue}, Clock: testClock()}),
		"list, so far": StaffConnections(StaffConnectionsPage{
			Staff: testStaff, Filter: models.ConnectionFilter{Query: "heat"}, List: models.ConnectionPage{After: models.Cursor{ID: uuid.Max}}, Clock: testClock(),
		}),
		"no role":     Error(ErrorPage{Status: 403, Visitor: testVisitor(models.Member), CanHelp: []string{"Ruth Abara"}, SupportCode: "FB-1", Clock: testClock()}),
		"foreign":     Error(ErrorPage{Status: 403, ForeignOrigin: true, SupportCode: "FB-1", Clock: testClock()}),
		"no member":   Error(ErrorPage{Status: 403, NoMembership: true, SupportCode: "FB-1", Clock: testClock()}),
		"unheard of":  Error(ErrorPage{Status: 418, SupportCode: "FB-1", Clock: testClock()}),
		"bad gateway": Error(ErrorPage{Status: 502, SupportCode: "FB-1", Clock: testClock()}),
		"not tested":  Connection(ConnectionPage{Visitor: testVisitor(models.Owner), Connection: models.Connection{State: models.Connected, TenantID: 1}, Clock: testClock()}),
	}
	var all []models.Connection
	for state := range states {
		all = append(all, testConnection(state))
		all[len(all)-1].ID = uuid.New()
		pages[string(state)+" for owners"] = connectionPage(state, models.Owner)
		pages[string(state)+" for members"] = connectionPage(state, models.Member)
	}
	pages["connections"] = Connections(ConnectionsPage{Visitor: testVisitor(models.Owner), Connections: all, Clock: testClock()})
	for outcome := range outcomes {
		pages["not connected: "+string(outcome)] = notConnected(outcome, newChoice)
		pages["not reconnected: "+string(outcome)] = notConnected(outcome, againChoice)
	}
	maps.Copy(pages, everyStaffPage())
	maps.Copy(pages, everyStaffSignInPage())
	for status := range problems {
		pages["error "+strings.TrimSpace(problems[status].name)] = Error(ErrorPage{Status: status, RetryAt: noon.Add(40 * time.Second), SupportCode: "FB-1", Clock: testClock()})
	}
	return pages
}

func TestEveryPageIsWellMade(t *testing.T) {
	for name, c := range everyPage() {
		t.Run(name, func(t *testing.T) {
			p := show(t, c)
			if title := text(p.all("title")[0]); !strings.HasSuffix(title, " · Fieldbridge") || strings.HasPrefix(title, " ") {
				t.Errorf("title %q", title)
			}
			if h1 := p.all("h1"); len(h1) != 1 || text(h1[0]) == "" {
				t.Errorf("%d h1, want one with words", len(h1))
			}
			for _, script := range p.all("script") {
				if src, _ := attribute(script, "src"); src != static.URL("app.js") || text(script) != "" {
					t.Errorf("has another script than the one: %q", src)
				}
			}
			for _, tag := range []string{"style", "iframe", "object", "base"} {
				if len(p.all(tag)) > 0 {
					t.Errorf("has a %s", tag)
				}
			}
			checkAttributes(p)
			checkForms(p)
			for _, bad := range []string{" .", " ,", "..", "!"} {
				if strings.Contains(p.words(), bad) {
					t.Errorf("%q in: %s", bad, p.words())
				}
			}
		})
	}
}

// checkAttributes wants nothing inline that the content policy forbids, no
// address but our own, and references that lead somewhere.
func checkAttributes(p testPage) {
	ids := map[string]bool{}
	for _, n := range p.all("*") {
		if id, ok := attribute(n, "id"); ok {
			if ids[id] {
				p.Errorf("id %q twice", id)
			}
			ids[id] = true
		}
	}
	for _, n := range p.all("*") {
		for _, a := range n.Attr {
			switch {
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				p.Errorf("%s has %s", n.Data, a.Key)
			case a.Key == "href" || a.Key == "action":
				if local := strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "//"); !local && a.Val != "" && !strings.HasPrefix(a.Val, "#") {
					p.Errorf("%s leads to %q", n.Data, a.Val)
				}
				if strings.HasPrefix(a.Val, "#") && !ids[a.Val[1:]] {
					p.Errorf("%s leads to %q, which is not there", n.Data, a.Val)
				}
			case a.Key == "aria-labelledby" || a.Key == "aria-describedby" || a.Key == "for" || a.Key == "popovertarget" || a.Key == "commandfor" || a.Key == "form":
				for _, id := range strings.Fields(a.Val) {
					if !ids[id] {
						p.Errorf("%s of %s names %q, which is not there", a.Key, n.Data, id)
					}
				}
			}
		}
		if n.Data == "svg" && value(n, "aria-hidden") != "true" && value(n, "role") == "" {
			p.Error("a picture is neither hidden nor named")
		}
	}
}

// checkForms wants every field named to the reader and every form to post.
func checkForms(p testPage) {
	labels := map[string]bool{}
	for _, label := range p.all("label") {
		labels[value(label, "for")] = true
		for n := range label.Descendants() {
			if n.Data == "input" {
				labels[value(n, "id")] = true
			}
		}
	}
	focused := 0
	for _, tag := range []string{"textarea", "select"} {
		for _, n := range p.all(tag) {
			if !labels[value(n, "id")] && value(n, "aria-label") == "" {
				p.Errorf("%s %q has no label", tag, value(n, "name"))
			}
		}
	}
	for _, n := range p.all("input") {
		if value(n, "type") != "hidden" && !labels[value(n, "id")] && value(n, "aria-label") == "" {
			p.Errorf("input %q has no label", value(n, "name"))
		}
		if value(n, "type") == "password" && value(n, "value") != "" {
			p.Error("shows a password")
		}
		if _, ok := attribute(n, "autofocus"); ok {
			focused++
		}
	}
	if focused > 1 {
		p.Errorf("%d inputs want the focus", focused)
	}
	for _, n := range p.all("form") {
		// A search changes nothing, and its address can be shared.
		if value(n, "method") != "post" && value(n, "role") != "search" {
			p.Errorf("form to %q does not post", value(n, "action"))
		}
	}
}

func TestHostileTextIsOnlyText(t *testing.T) {
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&`
	v := models.Visitor{Name: hostile, Email: hostile, CompanyName: hostile, Role: models.Owner}
	c := testConnection(models.ReconnectNeeded)
	c.TenantName, c.ConnectedByName, c.Scopes, c.Environment, c.Way = hostile, hostile, hostile, hostile, hostile
	ours := ConnectPage{Environments: []string{hostile}, Ways: []string{hostile}, Tenant: hostile, Errors: ConnectErrors{hostile, hostile, hostile}}
	for name, page := range map[string]templ.Component{
		"sign in": SignIn(SignInPage{Email: hostile, Next: hostile, Errors: SignInErrors{hostile, hostile}, Demo: []DemoAccount{{hostile, hostile, hostile, hostile}}}),
		"demo":    DemoTour(testDemo(hostile)),
		"sign up": SignUp(SignUpPage{Company: hostile, Name: hostile, Email: hostile, Errors: SignUpErrors{hostile, hostile, hostile, hostile}}),
		"choose":  Connect(ours),
		"review":  Review(ReviewPage{Choice: newChoice, ChoiceID: hostile, TenantName: hostile, Scopes: []string{hostile}}),
		"credentials": Credentials(CredentialsPage{
			Choice: newChoice, ChoiceID: hostile, Tenant: hostile, ClientID: hostile, Errors: CredentialsErrors{hostile, hostile, hostile}, Clock: testClock(),
		}),
		"connected":  Connected(ConnectedPage{Connection: c}),
		"home":       Connections(ConnectionsPage{Visitor: v, Clock: testClock()}),
		"list":       Connections(ConnectionsPage{Visitor: v, Connections: []models.Connection{c}, Clock: testClock()}),
		"connection": Connection(ConnectionPage{Visitor: v, Connection: c, Events: []models.Event{{Kind: models.EventConnected, ActorName: hostile}}, Owners: []string{hostile}, Clock: testClock()}),
		"disconnect": Disconnect(DisconnectPage{Connection: c}),
		"error":      Error(ErrorPage{Status: 403, Visitor: v, CanHelp: []string{hostile}, SupportCode: hostile, Clock: testClock()}),
		"outcome":    NotConnected(NotConnectedPage{Result: models.Result{Outcome: models.OutcomeDenied}, ChoiceID: hostile, SupportCode: hostile, Clock: testClock()}),
	} {
		t.Run(name, func(t *testing.T) {
			p := show(t, page)
			if len(p.all("script")) > 0 || len(p.all("img")) > 0 {
				t.Errorf("became markup: %s", p.source)
			}
			if !strings.Contains(p.source, "&lt;script&gt;") {
				t.Error("the text is not shown at all")
			}
		})
	}
}
