package handlers_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/api"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/views/staff"
)

// codeOn returns the support code that a page shows, once it leads somewhere.
func (a *app) codeOn(page answer) string {
	a.Helper()
	code := supportCode.FindString(page.body)
	if code == "" {
		a.Fatalf("%s shows no support code: %d\n%s", page.request, page.status, page.body)
	}
	if err := a.failures.Flush(a.Context()); err != nil {
		a.Fatal(err)
	}
	return code
}

// pasted searches for a code as staff do, and returns the page to which that leads.
func (m *member) pasted(text string) answer {
	m.Helper()
	found := m.get("/staff/connections?q="+url.QueryEscape(text)).want(m, 303)
	if !strings.HasPrefix(found.location, "/staff/codes/") {
		m.Errorf("%q leads to %s", text, found.location)
	}
	return m.get(found.location)
}

// Whatever page or answer shows a support code, staff who paste it find what happened,
// who it was, and what to tell them.
func TestSupportCodesLeadSomewhere(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, sam := a.signUp("Northgate", "Al"), a.staff("Sam", accounts.Support)
		amy := al.colleague("Amy", accounts.Member)
		path := al.connect("sandbox", northgate)
		back := a.backEnd(al)
		a.byHand = []string{"closed"} // a state below is made up
		own := func(code string) string { return strings.ToLower(strings.ReplaceAll(code, "-", " ")) }
		for name, tt := range map[string]struct {
			page  func() answer
			words []string
		}{
			"no role": {
				func() answer { return amy.get(path + "/disconnect") },
				[]string{"They lack the role", "They were disconnecting a connection.", "Only an owner of your company", "Amy", "Northgate", "Tenant 842193311"},
			},
			"not found": {
				func() answer {
					return amy.get("/connections/" + strings.Repeat("0", 8) + "-0000-0000-0000-000000000000")
				},
				[]string{"Page not found", "They were looking at a connection.", "Amy"},
			},
			"no such page": {
				func() answer { return a.newBrowser().get("/wp-login.php?key=zzmark") },
				[]string{"Page not found", "They were opening an address that does not exist", "Someone who was not signed in"},
			},
			"denied": {
				func() answer { return amy.get(amy.atServiceTitan(amy.begin("sandbox", south), south, "Deny")) },
				[]string{"Access was not given", "They were coming back from ServiceTitan", "try again and choose Allow", "On timelines"},
			},
			"wrong state": {func() answer { return amy.get("/callback?code=zzmark&state=zzmark") }, []string{"This link is no longer valid", "Amy"}},
			"help":        {func() answer { return amy.get("/help") }, []string{"They read the help page", "Northgate", "Nothing failed"}},
			"API, no key": {func() answer { return a.newBrowser().get("/api/v1/connections") }, []string{"There was no valid API key", "reading connections with the API"}},
			"API, not connected": {
				func() answer { return back.ask("/connections/01999999-0000-7000-8000-000000000000") },
				[]string{"Page not found", "API key ", "Northgate"},
			},
			"API, reconnect": {func() answer {
				a.exec("UPDATE connections SET state = 'reconnect_needed', reason = 'grant_refused', next_renewal_at = NULL")
				return back.ask(path + "/token")
			}, []string{"The connection has to be reconnected", "ServiceTitan refuses the access", "invalid_grant", "choose Reconnect", "Tenant 842193311"}},
		} {
			t.Run(name, func(t *testing.T) {
				code := a.codeOn(tt.page())
				found := sam.pasted(code)
				found.want(a, 200, append(tt.words, "Tell them", code)...)
				if again := sam.pasted(own(code)); again.status != 200 {
					t.Errorf("%q: %d", own(code), again.status)
				}
			})
		}
	})
}

// Under a code that is unknown, the page says what that can mean. What is not quite a
// code is searched for as a name.
func TestUnknownSupportCodes(t *testing.T) {
	a := newApp(t)
	a.signUp("FB Plumbing", "Al").connect("sandbox", northgate)
	sam := a.staff("Sam", accounts.Support)
	sam.pasted("FB-AAAA-AAAA").want(a, 404, "Nothing is kept under this code", "older than 30 days", "mistyped", "there is no zero, one, eight, or nine")
	sam.get("/staff/connections?q=fb+plumbing").want(a, 200, "FB Plumbing", "Tenant ID")
	sam.get("/staff/connections?q=FB-AAAA").want(a, 200, "No connection matches", "or a support code, in full")
	sam.get("/staff/codes/FB-AAAA").want(a, 404, "We cannot find this page")
}

// Staff see what else failed for the company, and their look is recorded on the
// connection.
func TestSupportCodeShowsWhatElseFailed(t *testing.T) {
	a := newApp(t)
	al, sam := a.signUp("Northgate", "Al"), a.staff("Sam", accounts.Support)
	amy := al.colleague("Amy", accounts.Member)
	path := al.connect("sandbox", northgate)
	a.codeOn(amy.get(path + "/disconnect"))
	a.codeOn(amy.get("/settings/delete"))
	a.clock.Add(10 * time.Minute)
	code := a.codeOn(amy.get(path + "/disconnect"))
	before := a.count("SELECT count(*) FROM events WHERE kind = 'staff_viewed'")
	sam.pasted(code).want(a, 200, "2 more within a day, 2 for the same reason", "While disconnecting a connection", "While deleting their company")
	if n := a.count("SELECT count(*) FROM events WHERE kind = 'staff_viewed'"); n != before+1 {
		t.Errorf("%d looks were recorded", n-before)
	}
	a.clock.Add(25 * time.Hour)
	al.post("/signin", "email", al.email, "password", password).want(a, 303)
	sue := a.staff("Sue", accounts.Support)
	sue.pasted(a.codeOn(al.get("/nowhere"))).want(a, 200, "Northgate", "Nothing else failed within a day")
}

// What strangers and people type, and what is secret, is not kept with a failure.
func TestFailuresHoldNothingThatWasTyped(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, key := a.signUp("Northgate", "Amy"), "fbk_zzmark_secret_key"
		path := amy.connect("sandbox", northgate)
		bearer := func(method, path string) answer {
			r := a.newBrowser().request(method, path, nil)
			r.Header.Set("Authorization", "Bearer "+key)
			r.Header.Set("User-Agent", "zzmark")
			r.Header.Set("Referer", "https://zzmark.example")
			return a.newBrowser().send(r)
		}
		for _, got := range []answer{
			amy.get("/zzmark?zzmark=zzmark#zzmark"), amy.get("/callback?code=zzmark&state=zzmark&error=zzmark"), amy.get("/invitations/zzmark"),
			amy.get("/guide/zzmark"), amy.post("/zzmark", "zzmark", "zzmark"), amy.post(path+"/zzmark", "zzmark", "zzmark"), amy.get("/connections/zzmark"),
			bearer("GET", "/api/v1/connections?zzmark=zzmark"), bearer("POST", "/api/v1/zzmark"), bearer("GET", "/api/v1"+path+"/servicetitan/zzmark"),
			amy.otherHost("zzmark.example", "GET", "/", nil), amy.send(amy.request("ZZMARK", "/", nil)),
			amy.connectWith(south, "cid.zzmark", "cs1.zzmark"),
		} {
			if got.status < 400 && got.status != 303 {
				t.Errorf("%s: %d", got.request, got.status)
			}
		}
		a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Garbage})
		amy.lapse()
		amy.post(path+"/test").want(a, 303)
		if err := a.failures.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		var rows []map[string]any
		if err := a.db.Read(t.Context()).Raw("SELECT * FROM failures").Scan(&rows).Error; err != nil || len(rows) < 10 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, row := range rows {
			for column, value := range row {
				text, _ := value.(string)
				if strings.Contains(strings.ToLower(text), "zzmark") || strings.Contains(text, "127.0.0.1") {
					t.Errorf("%s is %q", column, text)
				}
			}
		}
	})
}

// Every kind of failure and every route has words for staff.
func TestEveryFailureHasWords(t *testing.T) {
	kinds := append(handlers.FailureKinds(), failure.NotConnected, failure.StaffSignIn, failure.HelpPage)
	for _, name := range api.ProblemNames() {
		kinds = append(kinds, failure.Kind(name))
	}
	if len(kinds) < 30 {
		t.Errorf("only %d kinds", len(kinds))
	}
	for _, kind := range kinds {
		if !staff.FailureKnown(kind) {
			t.Errorf("%q has no words", kind)
		}
	}
	unknown := staff.RouteWords("GET", "/nowhere")
	for _, r := range slices.Concat(handlers.DemoRoutes(), handlers.RoutesWithoutDevelopers()) {
		if words := staff.RouteWords(r.Method, r.Path); words == unknown {
			t.Errorf("%s has no words", r)
		}
	}
	for route, want := range map[string]string{
		"GET /connections": "looking at the list of connections", "POST /connections/:id/test": "testing a connection", "GET /connections/:id": "looking at a connection",
		"POST /settings/mails": "changing the settings", "GET /activity.csv": "looking at the activity of their company", "GET ": unknown, "GET /signupz": unknown,
	} {
		method, path, _ := strings.Cut(route, " ")
		if got := staff.RouteWords(method, path); got != want {
			t.Errorf("%s: %q, want %q", route, got, want)
		}
	}
}
