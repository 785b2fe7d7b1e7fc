package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// company returns the address of the staff page for the member's company.
func (m *member) company() string {
	m.Helper()
	return "/staff/companies/" + m.lookup("SELECT company_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = ?", m.email)
}

// supportState returns what a refused request must not change.
func (a *app) supportState() string {
	a.Helper()
	return fmt.Sprint(
		a.count("SELECT count(*) FROM events"), a.count("SELECT count(*) FROM notes"), a.count("SELECT count(*) FROM credentials"),
		a.count("SELECT count(*) FROM companies WHERE locked_at IS NOT NULL"), a.count("SELECT count(*) FROM users WHERE disabled_at IS NULL"),
		a.count("SELECT count(*) FROM users WHERE staff_role = 'admin'"), a.count("SELECT sum(session_epoch) FROM users"), a.tokenRequests(),
	)
}

// momentOrCode matches the only differences between two equal pages.
var momentOrCode = regexp.MustCompile(`<time.*?</time>|FB-[A-Z2-7]{4}-[A-Z2-7]{4}`)

// Every support action is allowed for the right roles only, with each kind of ID.
func TestSupportByRole(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, bob := a.signUp("Northgate", "Al Owner"), a.signUp("South", "Bob")
		amy := al.colleague("Amy", accounts.Member)
		sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
		connection := "/staff" + al.connect("sandbox", northgate)
		company, teammate := al.company(), sam.teammate()
		absent := uuid.Must(uuid.NewV7()).String()
		same := func(p answer) string { return momentOrCode.ReplaceAllString(p.body, "") }
		acts := []struct {
			method, base, suffix string
			admin                bool
		}{
			{"GET", connection, "", false},
			{"POST", connection, "/refresh", false},
			{"POST", connection, "/reconnect-link", false},
			{"POST", connection, "/notes", false},
			{"GET", connection, "/disconnect", true},
			{"POST", connection, "/disconnect", true},
			{"GET", company, "", false},
			{"GET", company, "/lock", true},
			{"POST", company, "/lock", true},
			{"GET", company, "/unlock", true},
			{"POST", company, "/unlock", true},
			{"GET", "/staff/team", "", true},
			{"POST", "/staff/team", "", true},
			{"POST", teammate, "/role", true},
			{"POST", teammate, "/link", true},
			{"GET", teammate, "/remove", true},
			{"POST", teammate, "/remove", true},
		}
		form := url.Values{"text": {"Requested by phone."}, "role": {"admin"}, "email": {"eve@fieldbridge.example"}}
		ask := func(m *member, method, path string) answer {
			if method == http.MethodGet {
				return m.get(path)
			}
			return m.send(m.request(method, path, form))
		}
		before := a.supportState()
		for _, act := range acts {
			path := act.base + act.suffix
			a.newBrowser().send(a.newBrowser().request(act.method, path, form)).want(a, 303, "/signin")
			for _, m := range []*member{amy, al, bob} {
				ask(m, act.method, path).want(a, 404)
			}
			if act.admin {
				page := ask(sam, act.method, path).want(a, 403, "Only admins can do this", "signed in as Sam", "Ada can help")
				if strings.Contains(page.body, "Northgate") {
					t.Errorf("%s %s tells support of the company", act.method, path)
				}
			}
			if act.base == "/staff/team" {
				continue
			}
			folder := act.base[:strings.LastIndex(act.base, "/")+1]
			never := ask(ada, act.method, folder+absent+act.suffix).want(a, 404)
			for _, id := range []string{"x", "1", strings.ToUpper(act.base[len(folder):]), "%00", absent + "0"} {
				if got := ask(ada, act.method, folder+id+act.suffix).want(a, 404); same(got) != same(never) {
					t.Errorf("%s %s%s%s: malformed and absent differ", act.method, folder, id, act.suffix)
				}
			}
			// The ID of another table is not found here.
			for _, other := range []string{connection, company, teammate} {
				if other != act.base {
					ask(ada, act.method, folder+other[strings.LastIndex(other, "/")+1:]+act.suffix).want(a, 404)
				}
			}
		}
		if after := a.supportState(); after != before {
			t.Errorf("refused requests changed something: %s, before %s", after, before)
		}
		if !strings.Contains(a.log.String(), "status=403") {
			t.Error("the refusals are not in the log")
		}
		// Everything works for people who may do it.
		for _, act := range acts {
			by := sam
			if act.admin {
				by = ada
			}
			if got := ask(by, act.method, act.base+act.suffix); got.status != 200 && got.status != 303 {
				t.Errorf("%s %s%s: status %d", act.method, act.base, act.suffix, got.status)
			}
			if act.suffix == "/disconnect" && act.method == "POST" {
				al.connect("sandbox", northgate)
			}
		}
	})
}

// The reconnect link contains no secret and starts nothing.
func TestReconnectLink(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, bob, sam := a.signUp("Northgate", "Al Owner"), a.signUp("South", "Bob"), a.staff("Sam", accounts.Support)
		amy := al.colleague("Amy", accounts.Member)
		path := al.connect("sandbox", northgate)
		a.sandbox.RevokeGrants(northgate)
		a.clock.Add(10 * time.Minute)
		al.post(path+"/test").want(a, 303)
		a.clock.Add(8 * time.Minute)
		al.post(path+"/test").want(a, 303)
		al.says(path, "Needs reconnect")
		sam.get("/staff").want(a, 303, "/signin") // the session was idle for too long
		sam.signInAgain()
		asked, begun := a.tokenRequests(), a.count("SELECT count(*) FROM authorizations")

		shown := sam.post("/staff"+path+"/reconnect-link").want(a, 303, "/staff"+path).location
		page := sam.get(shown).want(a, 200, "signed-in members of Northgate only")
		link := fieldValue(t, page.body, "link")
		if link != a.url+path {
			t.Fatalf("the link is %s, want %s", link, a.url+path)
		}
		u := parse(t, link)
		if u.RawQuery != "" || u.Fragment != "" || strings.Contains(link, "stc_") || strings.Contains(link, sam.cookie(sessionCookie)) {
			t.Errorf("the link carries something: %s", link)
		}
		if !strings.Contains(page.body, "readonly") {
			t.Error("the field can be changed")
		}

		signIn := a.newBrowser()
		to := signIn.get(path).want(a, 303, "/signin").location
		form := signIn.get(to).want(a, 200)
		bob.get(path).want(a, 404)
		if got := amy.get(path).want(a, 200, "Needs reconnect"); got.location != "" {
			t.Errorf("it leads to %s", got.location)
		}
		if n := a.tokenRequests(); n != asked || a.count("SELECT count(*) FROM authorizations") != begun {
			t.Error("opening the link starts an authorization")
		}
		// The link works a day later, after signing in.
		a.clock.Add(24 * time.Hour)
		signIn.post("/signin", "email", amy.email, "password", password, "next", hidden(t, form.body, "next")).want(a, 303, path)
		signIn.get(path).want(a, 200, "Needs reconnect")

		// The company reads that support shared the link, but not which person did.
		(&member{browser: signIn}).says(path, "Fieldbridge support shared the link to this page")
		(&member{browser: signIn}).saysNot(path, "Sam")
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'link_given' AND staff_name = 'Sam'"); n != 1 {
			t.Errorf("%d links are recorded, want 1", n)
		}
	})
}

// fieldValue returns the value of the field with an ID.
func fieldValue(t testing.TB, body, id string) string {
	t.Helper()
	return hidden(t, strings.ReplaceAll(body, `id="`+id+`"`, `name="`+id+`"`), id)
}

func TestStaffRefresh(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, sam := a.signUp("Northgate", "Amy"), a.staff("Sam", accounts.Support)
		path := amy.connect("sandbox", northgate)
		desk := "/staff" + path
		sam.says(desk, "It works · since", "Refresh now", "Tell them: “Your connection to ServiceTitan works.", "Access token Stored, encrypted. Never shown")
		done := sam.post(desk+"/refresh", "connection_id", uuid.NewString()).want(a, 303, desk).location
		sam.says(done, "Refreshed. ServiceTitan answered in", "Access renewed", "By Sam")
		sam.says(done, "Refreshed.") // reloading the page does not refresh again
		if n := a.refreshes(); n != 1 {
			t.Errorf("%d refreshes, want 1", n)
		}
		amy.says(path, "Access renewed", "Fieldbridge support renewed access")
		amy.saysNot(path, "Sam")

		// It also works while ServiceTitan is down, and again before the next
		// attempt is due.
		a.sandbox.SetFault(sandbox.Fault{Kind: sandbox.Status503})
		sam.says(sam.post(desk+"/refresh").want(a, 303).location, "The refresh did not work", "Retrying", "ServiceTitan does not answer · since",
			"Code unavailable", "Next attempt", "Access expires", "Failed attempts 1 in a row", "there is nothing you need to do")
		amy.says(path, "Fieldbridge support tried to renew access")
		a.sandbox.ClearFaults()
		sam.says(sam.post(desk+"/refresh").want(a, 303).location, "Refreshed.", "It works · since")

		a.sandbox.RevokeGrants(northgate)
		page := sam.says(sam.post(desk+"/refresh").want(a, 303).location, "The refresh did not work", "Needs reconnect", "ServiceTitan refuses the access · since",
			"ServiceTitan answers invalid_grant", "Code grant_refused", "A refresh cannot help", "choose Reconnect", "Copy reconnect link",
			"Emails about it", "Reconnect needed To Amy", "Waiting since")
		if strings.Contains(page, "/refresh\"") {
			t.Error("a refresh is offered where it cannot help")
		}
		asked := a.tokenRequests()
		sam.post(desk+"/refresh").want(a, 303, desk)
		amy.post(path+"/disconnect").want(a, 303)
		sam.post(desk+"/refresh").want(a, 303, desk)
		sam.says(desk, "It is disconnected · since", "There is nothing to refresh", "Access token None")
		if a.tokenRequests() != asked {
			t.Error("it was refreshed where it cannot help")
		}
		pending := "/staff" + amy.guided(harbor)
		sam.post(pending+"/refresh").want(a, 303, pending)
		sam.says(pending, "The setup is waiting for us · since", "Next step: add the tenant ID to the app.", "Tell them: “We add your tenant ID")
	})
}

func TestStaffRefreshIsThrottled(t *testing.T) {
	a := newApp(t)
	amy, sam := a.signUp("Northgate", "Amy"), a.staff("Sam", accounts.Support)
	desk := "/staff" + amy.connect("sandbox", northgate)
	for range 10 {
		sam.post(desk+"/refresh").want(a, 303)
	}
	if got := sam.post(desk+"/refresh").want(a, 429); got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if n := a.refreshes(); n != 10 {
		t.Errorf("%d refreshes, want 10", n)
	}
}

func TestStaffNotes(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob, sam := a.signUp("Northgate", "Amy"), a.signUp("South", "Bob"), a.staff("Sam", accounts.Support)
		path, other := amy.connect("sandbox", northgate), bob.connect("sandbox", south)
		desk := "/staff" + path
		const text = "Called.\r\n<script>alert(1)</script> & \"quotes\" \u202eabc\u202c 👩‍🔧"
		foreign := strings.TrimPrefix(other, "/connections/")
		sam.post(desk+"/notes?text=query", "text", text, "connection_id", foreign, "company_id", foreign, "staff_name", "Eve", "created_at", "2020-01-01", "id", foreign).
			want(a, 303, desk)
		sam.post(desk+"/notes", "text", text).want(a, 303) // a double click
		sam.post(desk+"/notes", "text", strings.Repeat("é", 2000)).want(a, 303)
		page := sam.says(desk, `Called. <script>alert(1)</script> & "quotes"`, "Sam · today at", "Note added")
		if strings.Contains(page, "<script>alert") {
			t.Error("a note became markup")
		}
		if n := a.count("SELECT count(*) FROM notes WHERE connection_id = ? AND staff_name = 'Sam'", strings.TrimPrefix(path, "/connections/")); n != 2 || a.count("SELECT count(*) FROM notes") != 2 {
			t.Errorf("%d notes, want 2", n)
		}
		for _, tt := range []struct{ typed, says string }{
			{"", "Write something first"},
			{" \r\n ", "Write something first"},
			{strings.Repeat("é", 2001), "Shorten it to 2,000 characters"},
			{"a\x1bb", "characters that cannot be shown"},
			{"It is cs1.stc_abcdefgh1234", "looked like a secret"},
			{"ak1.stc_abcdefgh1234", "looked like a secret"},
			{"fbk_abcdefgh1234", "looked like a secret"},
			{"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "looked like a secret"},
		} {
			refused := sam.post(desk+"/notes", "text", tt.typed).want(a, 422, tt.says)
			if strings.Contains(refused.body, "stc_") || strings.Contains(refused.body, "abcdefgh1234") || strings.Contains(refused.body, "eyJ") {
				t.Errorf("%q is shown again", tt.typed)
			}
		}
		sam.post(desk+"/notes", "text", "It is cs1.stc_abcdefgh1234, they say").want(a, 422, "It is [taken out], they say")
		sam.post(desk+"/notes", "text", "a\x00b").want(a, 400)
		if n := a.count("SELECT count(*) FROM notes"); n != 2 {
			t.Errorf("%d notes, want 2", n)
		}
		// The company sees none of it.
		amy.saysNot(path, "Called", "Note added", "Sam")
		sam.says(amy.company(), "Called.", "tenant 842193311")
		sam.saysNot(bob.company(), "Called.")
	})
}

// An admin ends a connection on behalf of the company, and says why.
func TestStaffDisconnect(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Northgate", "Amy"), a.signUp("South", "Bob")
		sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
		path, other := amy.connect("sandbox", northgate), bob.connect("sandbox", south)
		desk := "/staff" + path
		sam.saysNot(desk, "Disconnect for them")
		ada.says(desk, "Disconnect for them")
		ada.says(desk+"/disconnect", "Disconnect Northgate?", "tenant 842193311", "Why")
		ada.post(desk+"/disconnect", "text", " ").want(a, 422, "Write something first")
		ada.post(desk+"/disconnect", "text", "cs1.stc_abcdefgh1234").want(a, 422, "looked like a secret")
		ada.post(desk+"/disconnect?text=query").want(a, 422)
		amy.says(path, "Connected")
		ada.post(desk+"/disconnect", "text", "Their owner asked by phone.", "connection_id", strings.TrimPrefix(other, "/connections/")).want(a, 303, desk)
		ada.post(desk+"/disconnect", "text", "Once more.").want(a, 303, desk)
		ada.get(desk+"/disconnect").want(a, 303, desk)
		ada.says(desk, "It is disconnected · since", "Fieldbridge support disconnected ServiceTitan", "By Ada", "Their owner asked by phone.", "Ada · today at")
		amy.says(path, "Fieldbridge support disconnected it", "Fieldbridge support disconnected ServiceTitan")
		amy.saysNot(path, "Ada", "by phone")
		bob.says(other, "Connected")
		if a.count("SELECT count(*) FROM credentials") != 1 || a.sandbox.Count(sandbox.PathRevocation) != 1 {
			t.Error("the access is not deleted and withdrawn")
		}
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'disconnected'") + a.count("SELECT count(*) FROM notes"); n != 2 {
			t.Errorf("%d events and notes, want one each", n)
		}
		// The company cancels a setup. It cannot be disconnected.
		pending := "/staff" + amy.guided(harbor)
		ada.get(pending+"/disconnect").want(a, 303, pending)
		ada.post(pending+"/disconnect", "text", "x").want(a, 303)
		ada.says(pending, "Being set up")
	})
}

// The company page has its parts, and viewing it is recorded.
func TestStaffCompany(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, bob, sam := a.signUp("Northgate", "Al Owner"), a.signUp("South", "Bob"), a.staff("Sam", accounts.Support)
		amy := al.colleague("Amy", accounts.Member)
		al.get(al.atServiceTitan(al.begin("sandbox", northgate), northgate, "Deny")).want(a, 200, "Access was not given")
		path := al.connect("sandbox", northgate)
		pending := al.guided(harbor)
		bob.connect("sandbox", south)
		key := a.backEnd(al)
		for range 3 {
			key.ask(path+"/token").want(a, 200)
		}
		if err := a.apiKeys.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.exec("UPDATE users SET disabled_at = ? WHERE email = ?", time.Now().UTC(), amy.email)
		company := al.company()
		page := sam.says(company, "Northgate", "Company since", "2 connections", "842193311", "738846120", "Connected", "Being set up",
			"2 people", "Al Owner", al.email, "Owner", "Amy", amy.email, "Disabled", "a back end", "3 tokens read", "Last used just now",
			"Connecting did not work", "Al Owner tried to connect", "Access was not given")
		for _, secret := range []string{key.secret, key.secret[:10], "905118274", bob.email} {
			if strings.Contains(page, secret) {
				t.Errorf("the page has %q", secret)
			}
		}
		for _, link := range []string{path, pending} {
			if !strings.Contains(page, `href="/staff`+link+`"`) {
				t.Errorf("no link to %s", link)
			}
		}
		sam.get("/staff"+path).want(a, 200)
		sam.says("/staff"+path, "Al Owner", al.email, "a back end", "3 tokens read", "Viewed by", "Sam")
		if page := sam.says("/staff" + path); !strings.Contains(page, `href="`+company+`"`) {
			t.Error("no link to the company")
		}
		if n := a.count("SELECT count(*) FROM events WHERE kind = 'staff_viewed' AND connection_id IS NULL AND staff_name = 'Sam' AND support_code <> ''"); n != 1 {
			t.Errorf("%d looks at the company are recorded, want 1", n)
		}
		sam.get("/staff"+path+"?before=x").want(a, 404)
		sam.says("/staff"+path+"?before="+uuid.Nil.String(), "Nothing has happened yet", "Newest events")
	})
}
