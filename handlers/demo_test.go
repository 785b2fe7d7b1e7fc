package handlers_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/live"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// inDemo makes the app a demo's from now on, with accounts to sign in with and one
// journey for them. It returns the demo's database, which closes before the app's
// own.
func (a *app) inDemo(people ...handlers.DemoAccount) *database.DB {
	a.Helper()
	journey := handlers.Journey{
		Title: "Connect in a minute", Shows: "A contractor connects ServiceTitan.",
		Minutes: 1, Steps: []handlers.JourneyStep{{Text: "Enter the tenant ID, and choose *Continue*."}, {Text: "*Allow* it in the sandbox."}},
		Links: []handlers.JourneyLink{{Label: "Last requests, live", URL: a.standIn.URL + "/requests?live=1"}, {Label: "Developer portal", URL: a.standIn.URL + "/portal"}},
	}
	for _, who := range people {
		journey.Starts = append(journey.Starts, handlers.JourneyStart{Label: "Start as " + who.Who, Account: who, Next: "connect"})
	}
	a.instance.demo = &handlers.Demo{
		Accounts: people, Journeys: slices.Repeat([]handlers.Journey{journey}, 10),
		SandboxURL: a.standIn.URL, MailboxURL: a.standIn.URL + "/mailbox",
	}
	own := a.db
	a.serve(a.wire(slog.New(slog.NewTextHandler(a.log, nil))))
	demo := a.db
	a.db = own
	return demo
}

// demoStaff returns a staff member of a demo, signed in with the password alone.
func (a *app) demoStaff(name string, role accounts.StaffRole) *member {
	a.Helper()
	m := &member{browser: a.newBrowser(), email: strings.ToLower(name) + "@fieldbridge.example"}
	m.choosePassword(a.addStaff(m.email, role), name, password).want(a, 303, "/staff")
	return m
}

// bannered says whether a page has the complete banner once.
func bannered(page string) bool {
	return strings.Count(page, `<aside class="demo-banner"`) == 1 && strings.Contains(page, "Demo with made-up companies.") &&
		strings.Contains(page, `<a href="/demo">Quick tours</a>`) && strings.Count(page, `target="_blank" rel="noopener"`) >= 2
}

// readersOf says for whom the page is that answers a request.
func readersOf(request string) pagetest.Readers {
	_, path, _ := strings.Cut(request, " ")
	switch {
	case strings.HasPrefix(path, "/staff"):
		return pagetest.Staff
	case strings.HasPrefix(path, "/developers"), strings.HasPrefix(path, "/api"):
		return pagetest.Engineers
	default:
		return pagetest.Contractors
	}
}

// The banner is on every page of a demo, whatever its status and audience. Outside
// a demo, no page shows a trace of one.
func TestBannerIsOnEveryPageOfADemo(t *testing.T) {
	for _, demo := range []bool{true, false} {
		t.Run(fmt.Sprint(demo), func(t *testing.T) {
			a := newApp(t)
			db, ada := a.db, a.staff
			if demo {
				db, ada = a.inDemo(), a.demoStaff
			}
			pages := map[int]int{}
			a.watch = func(got answer) {
				part := strings.HasPrefix(got.request, "GET /staff/find") && got.status == http.StatusOK // of the page that has asked
				if !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") || got.status == http.StatusSeeOther || part {
					if strings.Contains(got.body, "demo-banner") {
						t.Errorf("%s is no page and has the banner", got.request)
					}
					return
				}
				pages[got.status]++
				switch trace := strings.Contains(got.body, "demo") || strings.Contains(got.body, "Demo"); {
				case demo && !bannered(got.body):
					t.Errorf("%s: %d: no banner on:\n%s", got.request, got.status, text(got.body))
				case !demo && trace:
					t.Errorf("%s: %d: a trace of a demo:\n%s", got.request, got.status, text(got.body))
				}
				if !demo {
					for _, misfit := range pagetest.Misfits(readersOf(got.request), text(got.body)) {
						t.Errorf("%s: %d: %s", got.request, got.status, misfit)
					}
				}
				kept := "no-store"
				if strings.HasPrefix(got.request, "GET /api") && got.status == http.StatusOK {
					kept = "public, max-age=300" // the documents of the API, which are the same for everybody
				}
				if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || got.header.Get("Cache-Control") != kept {
					t.Errorf("%s: policy %q, kept %q", got.request, policy, got.header.Get("Cache-Control"))
				}
			}
			al := a.signUp("Northgate", "Al")
			amy, admin := al.colleague("Amy", accounts.Member), ada("Ada", accounts.Admin)
			path, company := al.connect("sandbox", northgate), a.companyOf(al)
			a.addStaff("tess@fieldbridge.example", accounts.Support)
			teammate := a.lookup("SELECT id FROM users WHERE email = 'tess@fieldbridge.example'")
			routes := handlers.Routes()
			if demo {
				routes = handlers.DemoRoutes()
			}
			slices.SortStableFunc(routes, func(a, b handlers.Route) int { return cmp.Compare(lateness(a), lateness(b)) })
			for _, r := range routes {
				var form url.Values
				if r.Method == http.MethodPost {
					form = url.Values{}
				}
				for _, id := range idsFor(r.Path, path, uuid.Max.String(), company.String(), teammate, uuid.Max.String()) {
					for _, v := range []*browser{a.newBrowser(), amy.browser, al.browser, admin.browser} {
						v.send(v.request(r.Method, strings.NewReplacer(":id", id.value, ":environment", id.value).Replace(r.Path), form))
					}
				}
			}

			// These errors come before or outside the routes.
			nobody := a.newBrowser()
			nobody.get("/nowhere").want(a, 404)
			nobody.send(nobody.request(http.MethodDelete, "/signin", nil)).want(a, 405)
			foreign := nobody.request(http.MethodPost, "/signin", url.Values{})
			foreign.Header.Set("Sec-Fetch-Site", "cross-site")
			nobody.send(foreign).want(a, 403)
			for range 30 {
				nobody.post("/signin", "email", al.email, "password", "wrong")
			}
			a.byHand = []string{"closed"}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			broken := a.newBrowser()
			broken.setCookie(sessionCookie, strings.Repeat("A", 43))
			broken.get("/connections").want(a, 503)
			for _, status := range []int{200, 400, 403, 404, 405, 422, 429, 503} {
				if pages[status] == 0 {
					t.Errorf("no page of status %d was looked at", status)
				}
			}
			t.Logf("pages by status: %v", pages)
		})
	}
}

// Outside a demo, its address does not exist.
func TestDemoPageIsThereOnlyInDemos(t *testing.T) {
	a := newApp(t)
	al, sam := a.signUp("Northgate", "Al"), a.staff("Sam", accounts.Support)
	for _, v := range []*browser{a.newBrowser(), al.browser, sam.browser} {
		v.get("/demo").want(a, 404)
		v.post("/demo").want(a, 404)
	}
	if routes := len(handlers.DemoRoutes()) - len(handlers.Routes()); routes != 5 {
		t.Errorf("a demo has %d routes more, want 5", routes)
	}
	a.inDemo()
	for _, v := range []*browser{a.newBrowser(), al.browser} {
		v.get("/demo").want(a, 200, "Quick tours", "Connect in a minute", "Developer portal")
	}
	a.newBrowser().get("/").want(a, 200, `href="/demo"`)
}

// One click signs a person in, even while somebody else is signed in. Nothing of
// the earlier person is left, whether they are a contractor or staff.
func TestDemoSignInChangesPersons(t *testing.T) {
	a := newApp(t)
	al, bob := a.signUp("Northgate", "Al"), a.signUp("Blue Sky", "Bob")
	var people []handlers.DemoAccount
	for who, email := range map[string]string{"Al, owner": al.email, "Bob, owner": bob.email, "Ada, admin": "ada@fieldbridge.example", "Sam, support": "sam@fieldbridge.example"} {
		people = append(people, handlers.DemoAccount{Who: who, Email: email, Password: password, Sees: "What " + who + " sees"})
	}
	a.inDemo(people...)
	a.demoStaff("Ada", accounts.Admin)
	a.demoStaff("Sam", accounts.Support)

	visitor := a.newBrowser()
	page := visitor.get("/signin?next=connect").want(a, 200, "Demo sign-in")
	tour := visitor.get("/demo").want(a, 200)
	for _, who := range people {
		page.want(a, 200, who.Who, who.Sees, who.Email)
		tour.want(a, 200, "Start as "+who.Who, who.Email)
	}
	if n := strings.Count(page.body, `action="/signin"`); n != 1+len(people) {
		t.Errorf("%d forms to sign in, want the form and %d buttons", n, len(people))
	}
	for _, step := range []struct{ email, next, leads, shows string }{
		{al.email, "connect", "/connect", "Can you sign in to ServiceTitan as an admin?"},
		{"ada@fieldbridge.example", "", "/staff", "Ada"},
		{"sam@fieldbridge.example", "queue", "/staff/queue", "Sam"},
		{bob.email, "queue", "/connections", "Blue Sky"},
		{al.email, "", "/connections", "Northgate"},
	} {
		before := visitor.cookie(sessionCookie)
		if got := visitor.post("/signin", "email", step.email, "password", password, "next", step.next).want(a, 303); got.location != step.leads {
			t.Errorf("%s is led to %s, want %s", step.email, got.location, step.leads)
		}
		visitor.get(step.leads).want(a, 200, step.shows)
		if before != "" {
			stale := a.newBrowser()
			stale.setCookie(sessionCookie, before)
			stale.get("/connections").want(a, 303, "/signin")
		}
	}
	visitor.get("/staff").want(a, 404)
}

func TestBrowserDemo(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate Heating & Plumbing", "Dana Whitfield")
	path := al.connect("sandbox", northgate)
	people := []handlers.DemoAccount{
		{Who: "Dana Whitfield, owner at Northgate", Email: al.email, Password: password, Sees: "Nothing connected yet"},
		{Who: "Theo Marsh, member at Blue Mesa", Email: "theo@example.com", Password: password, Sees: "One connection, healthy for months"},
		{Who: "Priya Nair, Fieldbridge support", Email: "priya@fieldbridge.example", Password: password, Sees: "All companies, and what needs attention"},
		{Who: "Ada Reyes, Fieldbridge admin", Email: "ada@fieldbridge.example", Password: password, Sees: "Also locks, disconnects and the team"},
	}
	a.instance.live = live.Options{Life: time.Hour} // a page that another person has left asks no more
	a.inDemo(people...)
	a.demoStaff("Ada", accounts.Admin)
	c := a.contractor(t)
	c.Goto(a.url + "/")
	c.See("Nothing here is real.")
	c.inspect("demo-front")
	c.Click("Sign in", "Demo sign-in")
	c.inspect("demo-sign-in")
	c.Goto(a.url + "/demo")
	c.See("Connect in a minute")
	c.inspect("demo-tour")
	c.Expect("404")
	c.Goto(a.url + "/nowhere")
	c.inspect("demo-404")
	c.Click("Quick tours", "Connect in a minute")
	tour := c.Page
	start := func(n int) {
		t.Helper()
		c.Page = tour.Opened(func() { tour.Choose(fmt.Sprintf("[aria-labelledby=journey-1] form:nth-child(%d) button", n)) })
	}
	start(1)
	c.See("Can you sign in to ServiceTitan as an admin?")
	c.inspect("demo-connect")
	c.Goto(a.url + path)
	c.See("Access renews automatically")
	c.inspect("demo-connection")

	// On a phone, the menu opens below its button, wherever the banner moved it.
	c.Look(390, 844, "light")
	c.Value(`document.querySelector("[popovertarget=nav]").click(), ""`)
	c.See("Connections")
	if below := c.Value(`document.querySelector("#nav").getBoundingClientRect().top >= document.querySelector("[popovertarget=nav]").getBoundingClientRect().bottom ? "below" : "over"`); below != "below" {
		t.Errorf("the menu is %s its button", below)
	}
	c.Accessible()
	c.Screenshot("demo-menu-phone")

	// A click signs in somebody else while she is signed in.
	c.Look(1280, 900, "light")
	start(4)
	c.See("You are Ada.")
	c.inspect("demo-staff")

	// Dana's page is not hers, and the page says who is signed in.
	c.Expect("404")
	c.Goto(a.url + path)
	c.See("You are Ada now.")
	c.inspect("demo-another-person")
	tour.Reload()
	tour.See("You are signed in as Ada")
}
