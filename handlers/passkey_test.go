package handlers_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/modeltest"
)

// device returns a device at a browser that shows the app.
func (a *app) device() *modeltest.Authenticator {
	a.Helper()
	return modeltest.NewAuthenticator(a.T, a.url, "localhost")
}

// toldOf is an answer to a script.
type toldOf struct {
	Next, Problem string
	Options       json.RawMessage
}

// sendJSON sends what a script sends. fields are pairs; a value of json.RawMessage is
// sent as it is.
func (b *browser) sendJSON(path string, body map[string]any) (answer, toldOf) {
	b.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, b.absolute(path), strings.NewReader(string(raw)))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	got := b.send(r)
	var told toldOf
	_ = json.Unmarshal([]byte(got.body), &told) // an error page is no JSON
	return got, told
}

// options returns the options that a page's script asks for.
func (b *browser) options(path string) json.RawMessage {
	b.Helper()
	got, told := b.sendJSON(path, map[string]any{})
	got.want(b, 200)
	return told.Options
}

// addPasskey adds a passkey of the device.
func (b *browser) addPasskey(at string, d *modeltest.Authenticator) {
	b.Helper()
	b.post(at+"/confirm", "password", password, "for", "add").want(b, 303, at+"/add")
	b.get(at+"/add").want(b, 200, "Add a passkey")
	got, told := b.sendJSON(at, map[string]any{"name": "Laptop", "credential": json.RawMessage(d.Create(b.options(at + "/options")))})
	if got.want(b, 200); told.Next != at {
		b.Fatalf("adding leads to %q", told.Next)
	}
}

// signInWith signs in with the device, and returns the answer.
func (b *browser) signInWith(d *modeltest.Authenticator, next string) (answer, toldOf) {
	b.Helper()
	return b.sendJSON("/signin/passkey", map[string]any{"next": next, "credential": json.RawMessage(d.Get(b.options("/signin/passkey/options")))})
}

// A person adds a passkey with their password, and signs in with it. It counts as
// both factors.
func TestPasskeyPages(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al := a.signUp("Northgate", "Al")
		a.exec("UPDATE users SET proven_at = created_at WHERE email = ?", al.email)
		al.turnOnCodes()
		elsewhere := a.newBrowser()
		elsewhere.post("/signin", "email", al.email, "password", password).want(a, 303)
		d := a.device()
		a.clock.Add(11 * time.Minute)
		if got, told := al.sendJSON("/settings/passkeys/options", map[string]any{}); got.status != 403 || told.Next != "/settings/passkeys/confirm?for=add" || told.Options != nil {
			t.Errorf("without the password: %d, %+v", got.status, told)
		}
		if got, told := al.sendJSON("/settings/passkeys", map[string]any{"credential": map[string]any{}}); got.status != 403 || told.Next != "/settings/passkeys/confirm?for=add" {
			t.Errorf("without the password: %d, %+v", got.status, told)
		}
		al.addPasskey("/settings/passkeys", d)
		elsewhere.get("/signin/code").want(a, 303, "/signin")
		// The mails are due by the database's clock, which does not follow the test's.
		a.exec("UPDATE account_mails SET next_try_at = ?", time.Now().Add(-time.Minute).UTC())
		if !slices.ContainsFunc(a.letters(al.email), func(l handlers.Letter) bool {
			return strings.Contains(l.Subject, "A passkey was added") && strings.Contains(l.Plain, a.url+"/signin") && !strings.Contains(l.Plain, "Laptop")
		}) {
			t.Error("no mail says that a passkey was added")
		}
		path := "/settings/passkeys/" + a.lookup("SELECT id FROM passkeys")

		other := a.newBrowser()
		other.get("/signin").want(a, 200, "Sign in with a passkey")
		if got, told := other.signInWith(d, "connect"); got.status != 200 || told.Next != "/connect" {
			t.Fatalf("signed in: %d, %+v", got.status, told)
		}
		other.get("/connections").want(a, 200)
		other.get("/settings/passkeys").want(a, 200, "Laptop", "Last used")

		// Nobody else reaches it.
		bob := a.signUp("Blue Sky", "Bob")
		sam := a.staff("Sam", accounts.Support)
		bob.post("/settings/passkeys/confirm", "password", password).want(a, 303)
		sam.post("/staff/passkeys/confirm", "password", password).want(a, 303)
		for _, person := range []struct {
			*browser
			at string
		}{{bob.browser, path}, {sam.browser, "/staff/passkeys/" + path[len("/settings/passkeys/"):]}} {
			person.post(person.at+"/name", "name", "Mine").want(a, 404)
			person.get(person.at+"/remove").want(a, 404)
			person.post(person.at+"/remove").want(a, 404)
		}
		bobs := a.device()
		bob.addPasskey("/settings/passkeys", bobs)
		a.clock.Add(11 * time.Minute)
		if got, told := other.sendJSON("/settings/passkeys/confirm/passkey", map[string]any{"for": "code", "credential": json.RawMessage(bobs.Get(other.options("/settings/passkeys/confirm/options")))}); got.status != 422 || told.Problem == "" {
			t.Errorf("somebody else's passkey confirms: %d", got.status)
		}
		other.get(path+"/remove").want(a, 303, "/settings/passkeys/confirm?for="+path[len("/settings/passkeys/"):])
		if got, told := other.sendJSON("/settings/passkeys/confirm/passkey", map[string]any{"for": path[len("/settings/passkeys/"):], "credential": json.RawMessage(d.Get(other.options("/settings/passkeys/confirm/options")))}); got.status != 200 || told.Next != path+"/remove" {
			t.Errorf("the own passkey confirms: %d, %+v", got.status, told)
		}
		other.post(path+"/name", "name", "").want(a, 422, "Enter a name")
		other.post(path+"/name", "name", "https://evil.example").want(a, 422, "Leave web addresses")
		other.post(path+"/name", "name", "Van tablet").want(a, 303, "/settings/passkeys")
		other.get(path+"/remove").want(a, 200, "Van tablet")
		other.post(path+"/remove").want(a, 303, "/settings/passkeys")
		other.get("/settings/passkeys").want(a, 200, "You have no passkey yet.")
		al.get("/settings/passkeys").want(a, 303, "/signin")
		if got, told := a.newBrowser().signInWith(d, ""); got.status != 422 || !strings.Contains(told.Problem, "refused") {
			t.Errorf("a removed passkey: %d, %+v", got.status, told)
		}
		for _, line := range []string{`action=passkey outcome=ok user=`, `action=passkey outcome=passkey_refused user=`, `action=passkey_added outcome=ok user=`, `action=passkey_removed outcome=ok user=`} {
			if !strings.Contains(a.log.String(), line) {
				t.Errorf("the log has no %s", line)
			}
		}
	})
}

// An answer counts once, in the session in which the question was asked, for the
// site and for a person who was verified.
func TestPasskeyAnswers(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, d := a.signUp("Northgate", "Al"), a.device()
		al.addPasskey("/settings/passkeys", d)
		send := func(b *browser, credential []byte, want int, outcome string) {
			t.Helper()
			got, told := b.sendJSON("/signin/passkey", map[string]any{"credential": json.RawMessage(credential)})
			if got.status != want || (told.Next == "") != (want != 200) {
				t.Errorf("%s: %d, %+v", outcome, got.status, told)
			}
			if want != 200 {
				b.get("/connections").want(a, 303, "/signin")
			}
			if !strings.Contains(a.log.String(), "outcome="+outcome) {
				t.Errorf("the log has no outcome %s", outcome)
			}
		}
		b := a.newBrowser()
		unasked := d.Get(json.RawMessage(`{"challenge":"AAAA"}`))
		send(b, unasked, 422, "passkey_late")
		wrong := *d
		wrong.Unverified = true
		send(b, wrong.Get(b.options("/signin/passkey/options")), 422, "passkey_refused")
		wrong = *d
		wrong.Origin = "https://evil.example"
		send(b, wrong.Get(b.options("/signin/passkey/options")), 422, "passkey_refused")
		stolen := d.Get(a.newBrowser().options("/signin/passkey/options"))
		b.options("/signin/passkey/options")
		send(b, stolen, 422, "passkey_refused")
		late := d.Get(b.options("/signin/passkey/options"))
		a.clock.Add(6 * time.Minute)
		send(b, late, 422, "passkey_late")
		d.Count = 5
		answer := d.Get(b.options("/signin/passkey/options"))
		send(b, answer, 200, "ok")
		b.post("/signout").want(a, 303)
		send(b, answer, 422, "passkey_late")
		d.Count = 4
		send(b, d.Get(b.options("/signin/passkey/options")), 422, "passkey_copied")
	})
}

// The bodies that scripts send are checked strictly, and no other site's page can
// send them.
func TestPasskeyBodies(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		b := a.newBrowser()
		send := func(path, kind, body string, header ...string) int {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", kind)
			for i := 0; i+1 < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			return b.send(r).status
		}
		for _, path := range []string{"/signin/passkey", "/signin/passkey/options"} {
			for _, tt := range []struct {
				kind, body string
				want       int
			}{
				{"", "{}", 415},
				{"text/plain", "{}", 415},
				{"application/x-www-form-urlencoded", "a=b", 415},
				{"application/json", "", 400},
				{"application/json", "[]", 400},
				{"application/json", `{"more":1}`, 400},
				{"application/json", `{} {}`, 400},
				{"application/json", `{"next":` + strings.Repeat(" ", 64<<10) + `""}`, 413},
			} {
				if path == "/signin/passkey/options" && tt.want == 413 {
					tt.body = strings.Repeat(" ", 65<<10) + "{}"
				}
				if got := send(path, tt.kind, tt.body); got != tt.want {
					t.Errorf("%s: %q %.20q: %d, want %d", path, tt.kind, tt.body, got, tt.want)
				}
			}
			if got := send(path, "application/json", "{}", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); got != 403 {
				t.Errorf("%s, of another site: %d", path, got)
			}
		}
		if n := a.count("SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("refused bodies left %d sessions", n)
		}
	})
}

// Staff with a passkey need no code. Where staff sign in at their own issuer, nobody
// signs in as staff with a passkey.
func TestStaffPasskeys(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam, d := a.staff("Sam", accounts.Support), a.device()
		sam.get("/staff").want(a, 200, "/staff/passkeys")
		sam.addPasskey("/staff/passkeys", d)
		sam.get("/staff/passkeys").want(a, 200, "Laptop")
		b := a.newBrowser()
		if got, told := b.signInWith(d, "queue"); got.status != 200 || told.Next != "/staff/queue" {
			t.Fatalf("signed in: %d, %+v", got.status, told)
		}
		b.get("/staff").want(a, 200, "Needs attention now")
		b.get("/staff/factor").want(a, 303, "/staff")
		b.get("/staff/factor/change").want(a, 200, "Second step")
		b.get("/settings/passkeys").want(a, 404)
	})
}

// Where staff sign in at their own issuer, they have no passkeys here.
func TestNoStaffPasskeysElsewhere(t *testing.T) {
	a := newApp(t)
	sam, d := a.staff("Sam", accounts.Support), a.device()
	sam.addPasskey("/staff/passkeys", d)
	a.signStaffInAt(newStaffIssuer(t).URL)
	b := a.newBrowser()
	if got, told := b.signInWith(d, ""); got.status != 422 || told.Next != "" {
		t.Errorf("signed in: %d, %+v", got.status, told)
	}
	b.get("/staff").want(a, 303, "/signin")
	a.signUp("Northgate", "Al").get("/settings/passkeys").want(a, 200, "Add a passkey")
}

// A site that browsers make no passkeys for offers none, and codes still work.
func TestSiteWithoutPasskeys(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate", "Al")
	b := a.overHTTPS()
	if page := b.get("/signin").want(a, 200); strings.Contains(page.body, "passkey") {
		t.Error("the sign-in page offers passkeys")
	}
	if got, _ := b.sendJSON("/signin/passkey/options", map[string]any{}); got.status != 404 {
		t.Errorf("the options are answered %d", got.status)
	}
	b.post("/signin", "email", al.email, "password", password).want(a, 303)
	if page := b.get("/settings/passkeys").want(a, 200, "Passkeys need an https address", "Turn on"); strings.Contains(page.body, "Add a passkey") {
		t.Error("the settings offer to add a passkey")
	}
	b.get("/settings/passkeys/add").want(a, 303, "/settings/passkeys")
}
