package handlers_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
)

// acmeReturn is where Acme Scheduling wants people back.
const acmeReturn = "https://acme.example/done?tab=titan"

// acme returns the key of a back end for all companies.
func (a *app) acme() accounts.APIKey {
	a.Helper()
	key, _, err := a.apiKeys.Create(a.Context(), accounts.CommandLine("root"), accounts.NewKey{
		Name: "acme-production", CallerName: "Acme Scheduling", Scopes: accounts.Scopes(), ReturnURLs: []string{acmeReturn},
	})
	if err != nil {
		a.Fatal(err)
	}
	return key
}

// anyEnvironment leaves the environment to the person.
const anyEnvironment = "any"

// sends makes a connect session with a key of its own, and returns the path of its link.
// The environment is the sandbox unless the session names another.
func (a *app) sends(n connect.NewSession) (link string) {
	a.Helper()
	link, _ = a.sendsWith(a.acme(), n)
	return link
}

func (a *app) sendsWith(key accounts.APIKey, n connect.NewSession) (link string, id uuid.UUID) {
	a.Helper()
	if n.ReturnURL == "" {
		n.ReturnURL = acmeReturn
	}
	if n.CompanyName == "" {
		n.CompanyName = "Northgate Heating"
	}
	switch {
	case n.Environment == anyEnvironment:
		n.Environment = ""
	case n.Environment == "" && n.ConnectionID == uuid.Nil:
		n.Environment = servicetitan.Sandbox
	}
	s, value, err := a.connections.CreateSession(a.Context(), key, n, "FB-TEST-TEST")
	if err != nil {
		a.Fatal(err)
	}
	return "/c/" + value.Reveal(), s.ID
}

// goesOn opens a link in a new browser and continues.
func (a *app) goesOn(link string) *guest {
	a.Helper()
	g := a.opens(link)
	g.get(g.path).want(a, 200, "Acme Scheduling wants to connect ServiceTitan for")
	g.post(g.path+"/start").want(a, 303, g.path)
	return g
}

// statusOf returns the status of the newest session.
func (a *app) statusOf() string {
	a.Helper()
	return a.lookup("SELECT status FROM connect_sessions ORDER BY id DESC LIMIT 1")
}

var goesOnTo = regexp.MustCompile(`<meta http-equiv="refresh" content="0; url=([^"]*)">`)

// home wants the page from which the browser goes on to the back end, and returns where.
func (g *guest) home(status string) string {
	g.Helper()
	page := g.get(g.path+"?return=yes").want(g, 200, "Return to Acme Scheduling")
	found := goesOnTo.FindStringSubmatch(page.body)
	if found == nil {
		g.Fatalf("the browser does not go on:\n%s", page.body)
	}
	to := strings.ReplaceAll(found[1], "&amp;", "&")
	g.comesHome(to, status)
	return to
}

// comesHome wants an address to be the return URL with a status, and without a secret.
func (g *guest) comesHome(to, status string) {
	g.Helper()
	want := acmeReturn + "&session=" + g.lookup("SELECT id FROM connect_sessions ORDER BY id DESC LIMIT 1") + "&status=" + status
	if to != want {
		g.Errorf("back to %s, want %s", to, want)
	}
}

// Any owner can name a key of their own company as the integration is named. Such a
// program gets the name, and neither the logo nor the links of the operator's.
func TestVisitOfAnotherProgramWithTheName(t *testing.T) {
	a := newApp(t)
	a.instance.integration = handlers.Integration{Name: "Acme Scheduling", TermsURL: "https://acme.example/terms"}
	own := a.db
	a.serve(a.wire(slog.New(slog.NewTextHandler(a.log, nil))))
	a.db = own
	company := a.companyOf(a.signUp("Northgate", "Al"))
	owners, _, err := a.apiKeys.Create(t.Context(), accounts.CommandLine("root"), accounts.NewKey{
		CompanyID: &company, Name: "ours", CallerName: "Acme Scheduling", Scopes: accounts.Scopes(), ReturnURLs: []string{acmeReturn},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		key   accounts.APIKey
		shown bool
	}{"the operator's": {a.acme(), true}, "a company's": {owners, false}} {
		n := connect.NewSession{Reference: "acme-4711"}
		if !tt.shown {
			n.Reference = ""
		}
		link, _ := a.sendsWith(tt.key, n)
		g := a.goesOn(link)
		page := g.get(g.path).want(a, 200, "Can you sign in to ServiceTitan as an admin?").body
		if strings.Contains(page, "https://acme.example/terms") != tt.shown {
			t.Errorf("%s: the links are shown: want %t", name, tt.shown)
		}
	}
}

// A back end sends somebody, who connects without an account and comes back.
func TestVisitConnects(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		link := a.sends(connect.NewSession{Reference: "acme-4711", Metadata: map[string]string{"plan": "gold"}})
		secret := strings.TrimPrefix(link, "/c/")
		pat := a.opens(link)
		if strings.Contains(pat.path, secret) {
			t.Errorf("the secret stays in the address %s", pat.path)
		}
		// Opening changes nothing, however often and wherever it happens.
		a.opens(link).get(pat.path)
		start := pat.get(pat.path).want(a, 200, "Acme Scheduling wants to connect ServiceTitan for Northgate Heating", "Nothing is connected until you agree",
			"Continue only if you know Acme Scheduling", "Customers and locations", "Cancel and return")
		if strings.Contains(start.body, "gold") || strings.Contains(start.body, "acme-4711") || strings.Contains(start.body, "tab=titan") {
			t.Error("the page says what only the back end needs")
		}
		if got := start.header.Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'none'") || !strings.Contains(got, "form-action 'self' https://acme.example ") {
			t.Errorf("the policy is %s", got)
		}
		if got := a.statusOf(); got != "created" {
			t.Errorf("opening made it %s", got)
		}
		pat.post(pat.path+"/start").want(a, 303, pat.path)
		pat.post(pat.path+"/start").want(a, 303, pat.path) // a double click
		pat.get(link).want(a, 303, pat.path)               // the link again, in the same browser
		pat.get(pat.path).want(a, 200, "Can you sign in to ServiceTitan as an admin?", "Yes, I can", "Set it up with us")
		pat.get(pat.path+"?how=guided").want(a, 200, "What is your tenant ID?", `name="how" value="guided"`, pat.path)
		pat.post(pat.path+"/choose", "how", "sign_in", "tenant", "x").want(a, 422, "Enter the number that ServiceTitan shows")
		pat.post(pat.path+"/choose", "how", "nonsense", "tenant", fmt.Sprint(northgate)).want(a, 422, "Choose how to connect.")
		step := pat.post(pat.path+"/choose", "how", "sign_in", "tenant", fmt.Sprint(northgate)).want(a, 303, pat.path+"?").location
		page := pat.get(step).want(a, 200, "Review access", "842193311", "Continue to ServiceTitan")
		action, fields := pat.formOf(page, "Continue to ServiceTitan")
		authorize := pat.post(action, "env", fields.Get("env"), "how", fields.Get("how"), "tenant", fields.Get("tenant")).want(a, 303, a.standIn.URL).location
		back := pat.atServiceTitan(authorize, northgate, "Allow")
		pat.get(back).want(a, 303, pat.path+"?return=yes")
		pat.get(back).want(a, 303, pat.path+"?return=yes") // the same again
		home := pat.home("connected")
		for _, kept := range []string{secret, "code=", "state=", "token"} {
			if strings.Contains(home, kept) {
				t.Errorf("the way back has %s: %s", kept, home)
			}
		}
		done := pat.get(pat.path).want(a, 200, "ServiceTitan is connected", "Return to Acme Scheduling")
		if strings.Contains(done.body, "http-equiv") || strings.Contains(done.body, "/connections") {
			t.Error("coming back to the page leads elsewhere")
		}
		// The session is used up, whatever is sent.
		for _, step := range []string{"/start", "/choose", "/authorize", "/credentials", "/guided", "/cancel"} {
			if got := pat.post(pat.path+step, "env", "sandbox", "how", "sign_in", "tenant", "1"); got.status != 303 || strings.HasPrefix(got.location, a.standIn.URL) {
				t.Errorf("%s: %d %s", step, got.status, got.location)
			}
		}
		late := a.opens(link)
		late.get(late.path).want(a, 404, "This link is no longer valid")
		if got := a.statusOf(); got != "connected" {
			t.Errorf("the session is %s", got)
		}
		if n := a.count("SELECT count(*) FROM connections o JOIN connect_sessions s ON s.connection_id = o.id WHERE o.connected_by_name = 'Someone (by a link from Acme Scheduling)' AND o.connected_by_id IS NULL"); n != 1 {
			t.Errorf("%d connections", n)
		}
		if n := a.count("SELECT count(*) FROM audit_records WHERE action = 'connect_session_made' AND actor_name = 'Acme Scheduling (API key)' AND detail = 'acme-4711'"); n != 1 {
			t.Errorf("recorded %d times", n)
		}
		if strings.Contains(a.log.String(), secret) || strings.Contains(a.stored(), secret) {
			t.Error("the secret is in the log or the database")
		}
	})
}

// A session in which nothing is left to choose asks nothing.
func TestVisitAsksOnlyWhatIsOpen(t *testing.T) {
	a := newApp(t)
	for name, tt := range map[string]struct {
		n         connect.NewSession
		has, lack string
	}{
		"nothing": {connect.NewSession{TenantID: northgate, Ways: []servicetitan.Way{servicetitan.SignIn}}, "Continue to ServiceTitan", "Choose something else"},
		"tenant":  {connect.NewSession{Ways: []servicetitan.Way{servicetitan.SignIn}}, "Tenant ID", "Can you sign in"},
		"way":     {connect.NewSession{TenantID: northgate}, "Can you sign in", `name="tenant"`},
		"values":  {connect.NewSession{TenantID: northgate, Ways: []servicetitan.Way{servicetitan.OwnCredentials}}, "Client secret", "Choose something else"},
		"guided":  {connect.NewSession{TenantID: northgate, Ways: []servicetitan.Way{servicetitan.Guided}}, "Request setup", "Choose something else"},
	} {
		tt.n.Reference = name
		pat := a.goesOn(a.sends(tt.n))
		page := pat.get(pat.path).want(a, 200, tt.has)
		if strings.Contains(page.body, tt.lack) || strings.Contains(page.body, "Which ServiceTitan") {
			t.Errorf("%s: the page has %q, or asks for the environment", name, tt.lack)
		}
	}
	// What the session does not leave to the person cannot be chosen.
	pat := a.goesOn(a.sends(connect.NewSession{Reference: "x", TenantID: northgate, Ways: []servicetitan.Way{servicetitan.SignIn}}))
	pat.get(pat.path+"?tenant=905118274&how=guided&env=production").want(a, 200, "842193311", "Continue to ServiceTitan")
	to := pat.post(pat.path+"/authorize", "tenant", fmt.Sprint(south), "how", "guided", "env", "production").want(a, 303, a.standIn.URL).location
	pat.get(pat.atServiceTitan(to, south, "Allow")).want(a, 409, "That is a different ServiceTitan company", "905118274")
}

// Each attempt that fails has its page, with another try and the way back.
func TestVisitFails(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		pat := a.goesOn(a.sends(connect.NewSession{Reference: "x", TenantID: northgate, Ways: []servicetitan.Way{servicetitan.SignIn}}))
		page := pat.get(pat.atServiceTitan(pat.begins(), northgate, "Deny")).want(a, 200, "Access was not given", "Try again", "Cancel and return")
		if !strings.Contains(page.header.Get("Content-Security-Policy"), "https://acme.example") {
			t.Error("the page cannot lead back")
		}
		if got := a.lookup("SELECT last_outcome FROM connect_sessions"); got != "denied" {
			t.Errorf("the last outcome is %s", got)
		}
		pat.get(pat.atServiceTitan(pat.begins(), south, "Allow")).want(a, 409, "That is a different ServiceTitan company", "905118274", "Try again")
		a.sandbox.SetFault(sandbox.Fault{Path: sandbox.PathToken, Kind: sandbox.Status503})
		pat.get(pat.atServiceTitan(pat.begins(), northgate, "Allow")).want(a, 503, "ServiceTitan is not answering", "Try again")
		a.sandbox.ClearFaults()
		pat.get("/callback?state=made-up&code=x").want(a, 400, startAgain, "Cancel and return")
		pat.get(pat.atServiceTitan(pat.begins(), northgate, "Allow")).want(a, 303, pat.path+"?return=yes")
		pat.home("connected")
		if n := a.count("SELECT count(*) FROM connect_sessions WHERE last_outcome = ''"); n != 1 {
			t.Error("the session still has an outcome")
		}
	})
}

// The person enters the client ID and secret.
func TestVisitWithCredentials(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		pat := a.goesOn(a.sends(connect.NewSession{Reference: "x", Ways: []servicetitan.Way{servicetitan.OwnCredentials}}))
		id, secret := a.ownClient(northgate)
		with := func(client, secret string) answer {
			return pat.post(pat.path+"/credentials", "tenant", fmt.Sprint(northgate), "client", client, "secret", secret)
		}
		with("", "").want(a, 422, "Enter the client ID.")
		refused := with(id, secret+"x").want(a, 422, "did not accept")
		if strings.Contains(refused.body, secret) {
			t.Error("the secret is shown again")
		}
		otherID, otherSecret := a.ownClient(south)
		with(otherID, otherSecret).want(a, 409, "Cancel and return")
		pat.post(pat.path+"/authorize", "tenant", fmt.Sprint(northgate), "how", "sign_in").want(a, 404) // another way is not offered
		pat.comesHome(with(id, secret).want(a, 303).location, "connected")
		pat.get(pat.path).want(a, 200, "ServiceTitan is connected")
		with(id, secret).want(a, 303, pat.path) // a double click
		if n := a.count("SELECT count(*) FROM connections WHERE way = 'own_credentials'"); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// The person asks for a setup and does their step. The session is connected once our
// staff are done.
func TestVisitGuided(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", accounts.Support)
		pat := a.goesOn(a.sends(connect.NewSession{Reference: "x", TenantID: harbor, Ways: []servicetitan.Way{servicetitan.Guided}}))
		pat.get(pat.path).want(a, 200, "Request setup", "How it works")
		pat.comesHome(pat.post(pat.path+"/guided").want(a, 303).location, "setup_requested")
		pat.post(pat.path+"/guided").want(a, 303, pat.path) // a double click
		pat.get(pat.path).want(a, 200, "Your part is done for now", "Return to Acme Scheduling")
		connection := "/connections/" + a.lookup("SELECT id FROM connections")
		sam.get("/staff"+connection).want(a, 200, "Someone (by a link from Acme Scheduling)")
		if err := a.sandbox.AddTenant(harbor); err != nil {
			t.Fatal(err)
		}
		sam.post("/staff"+connection+"/tenant-added").want(a, 303)
		// Days later, in the same browser or through another session, it is their turn.
		pat.get(pat.path).want(a, 200, "I have allowed it", "Connect New App")
		again := a.goesOn(a.sends(connect.NewSession{ConnectionID: uuid.MustParse(strings.TrimPrefix(connection, "/connections/"))}))
		again.get(again.path).want(a, 200, "I have allowed it")
		again.comesHome(again.post(again.path+"/allowed").want(a, 303).location, "setup_requested")
		again.post(again.path+"/allowed").want(a, 303)
		pat.post(pat.path+"/allowed").want(a, 303, acmeReturn)
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'setup_allowed'"); n != 1 {
			t.Errorf("recorded %d times", n)
		}
		if n := a.count("SELECT count(*) FROM connect_sessions WHERE status = 'setup_requested'"); n != 2 {
			t.Errorf("%d sessions wait", n)
		}
		sam.confirm("/staff"+connection).want(a, 303)
		id, secret := a.ownClient(harbor)
		sam.post("/staff"+connection+"/credentials", "client", id, "secret", secret).want(a, 303)
		if n := a.count("SELECT count(*) FROM connect_sessions WHERE status = 'connected'"); n != 2 {
			t.Errorf("%d sessions are connected", n)
		}
		pat.get(pat.path).want(a, 200, "ServiceTitan is connected")
	})
}

// Whoever cancels a setup ends the sessions that wait for it.
func TestVisitSetupWithdrawn(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate Heating", "Dana Whitfield")
	a.exec("UPDATE companies SET reference = 'x'")
	pat := a.goesOn(a.sends(connect.NewSession{Reference: "x", TenantID: harbor, Ways: []servicetitan.Way{servicetitan.Guided}}))
	pat.post(pat.path+"/guided").want(a, 303)
	dana.post("/connections/"+a.lookup("SELECT id FROM connections")+"/withdraw").want(a, 303)
	pat.get(pat.path).want(a, 200, "Canceled")
	pat.home("canceled")
}

// The person does not want to connect, before or after they have gone on.
func TestVisitCanceled(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		key := a.acme()
		for _, started := range []bool{false, true} {
			link, _ := a.sendsWith(key, connect.NewSession{Reference: "x"})
			pat := a.opens(link)
			if started {
				pat.post(pat.path+"/start").want(a, 303)
			}
			for range 2 { // a double click
				pat.comesHome(pat.post(pat.path+"/cancel").want(a, 303).location, "canceled")
			}
			pat.get(pat.path).want(a, 200, "Canceled", "Return to Acme Scheduling")
			pat.get(link).want(a, 303, pat.path)
			late := a.opens(link)
			late.get(late.path).want(a, 404, "no longer valid")
			if got := a.statusOf(); got != "canceled" {
				t.Errorf("the session is %s", got)
			}
		}
	})
}

// Reconnecting through a session keeps the connection and its company.
func TestVisitReconnects(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		dana := a.signUp("Northgate Heating", "Dana Whitfield")
		path := dana.connect("sandbox", northgate)
		id := uuid.MustParse(strings.TrimPrefix(path, "/connections/"))
		pat := a.goesOn(a.sends(connect.NewSession{ConnectionID: id, Ways: []servicetitan.Way{servicetitan.SignIn}}))
		pat.get(pat.path).want(a, 200, "842193311", "Continue to ServiceTitan")
		pat.get(pat.atServiceTitan(pat.begins(), south, "Allow")).want(a, 409, "That is a different ServiceTitan company")
		pat.get(pat.atServiceTitan(pat.begins(), northgate, "Allow")).want(a, 303)
		pat.home("connected")
		dana.get(path).want(a, 200, "Someone (by a link from Acme Scheduling) connected ServiceTitan again.")
		if n := a.count("SELECT count(*) FROM connections"); n != 1 {
			t.Errorf("%d connections", n)
		}
		if got := a.lookup("SELECT connection_id FROM connect_sessions"); got != id.String() {
			t.Errorf("the session has the connection %s", got)
		}
		dana.get("/activity").want(a, 200, "Created a link to connect ServiceTitan", "Acme Scheduling (API key)")
	})
}

// Two tabs that chose different things each do what they say.
func TestVisitInTwoTabs(t *testing.T) {
	a := newApp(t)
	pat := a.goesOn(a.sends(connect.NewSession{Reference: "x", Ways: []servicetitan.Way{servicetitan.SignIn}}))
	one := pat.post(pat.path+"/choose", "tenant", fmt.Sprint(northgate)).want(a, 303).location
	two := pat.post(pat.path+"/choose", "tenant", fmt.Sprint(south)).want(a, 303).location
	first, second := pat.get(one).want(a, 200, "842193311"), pat.get(two).want(a, 200, "905118274")
	send := func(page answer) string {
		action, fields := pat.formOf(page, "Continue to ServiceTitan")
		return pat.post(action, "env", fields.Get("env"), "how", fields.Get("how"), "tenant", fields.Get("tenant")).want(a, 303).location
	}
	toFirst, toSecond := send(first), send(second)
	pat.get(pat.atServiceTitan(toFirst, northgate, "Allow")).want(a, 303, "return=yes")
	before := a.standing()
	// The session was used, so the other tab connects nothing more.
	pat.get(pat.atServiceTitan(toSecond, south, "Allow")).want(a, 303, pat.path)
	before.hits = a.tokenRequests()
	a.noEffect(before, "the other tab")
	if got := a.lookup("SELECT tenant_id FROM connections"); got != fmt.Sprint(northgate) {
		t.Errorf("connected %s", got)
	}
}

// A page of a session that was left open says that the time is over, with the way back.
func TestVisitTooLate(t *testing.T) {
	a := newApp(t)
	pat := a.goesOn(a.sends(connect.NewSession{Reference: "x", TenantID: northgate, Ways: []servicetitan.Way{servicetitan.SignIn}}))
	back := pat.atServiceTitan(pat.begins(), northgate, "Allow")
	a.clock.Add(2*time.Hour + time.Second)
	before := a.standing()
	pat.get(back).want(a, 303, pat.path)
	pat.get(pat.path).want(a, 200, "Your time is up", "Return to Acme Scheduling")
	pat.post(pat.path+"/authorize").want(a, 303, pat.path)
	pat.comesHome(pat.post(pat.path+"/cancel").want(a, 303).location, "expired")
	a.noEffect(before, "an expired session")
}

// Nobody is led elsewhere than to the return URL of the session.
func TestVisitIsNoOpenRedirect(t *testing.T) {
	a := newApp(t)
	pat := a.goesOn(a.sends(connect.NewSession{Reference: "x", TenantID: northgate, Ways: []servicetitan.Way{servicetitan.SignIn}}))
	evil := url.Values{}
	for _, name := range []string{"return_url", "return", "returnUrl", "redirect_uri", "next", "to", "url", "continue", "env", "how"} {
		evil.Set(name, "https://evil.example")
	}
	for _, path := range []string{pat.path, pat.path + "?return=https://evil.example", pat.path + "?" + evil.Encode()} {
		if page := pat.get(path); strings.Contains(page.body, "evil.example") || strings.Contains(page.location, "evil.example") {
			t.Errorf("%s leads to %s:\n%s", path, page.location, page.body)
		}
	}
	pairs := []string{}
	for name := range evil {
		pairs = append(pairs, name, "https://evil.example")
	}
	for _, step := range []string{"/choose", "/authorize", "/credentials", "/guided", "/allowed", "/start", "/cancel"} {
		got := pat.post(pat.path+step+"?"+evil.Encode(), pairs...)
		if strings.Contains(got.location, "evil.example") {
			t.Errorf("%s leads to %s", step, got.location)
		}
	}
}
