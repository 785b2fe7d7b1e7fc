package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/database"
)

const otherPassword = "another sentence that works"

// People change their name. The activity shows it.
func TestRename(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Northgate", "Amy"), a.signUp("Blue Sky", "Bob")
		for _, name := range []string{"", "  ", strings.Repeat("x", 101), "Amy\u202e", "amy.example.com/win"} {
			amy.post("/settings/account/name", "name", name).want(a, 422)
		}
		amy.post("/settings/account/name?name=Eve", "name", " Amy  Lou ", "email", "eve@a.example", "user_id", "x").want(a, 303, "/settings/account?done=name")
		amy.get("/settings/account?done=name").want(a, 200, "Your name is saved", `value="Amy Lou"`)
		amy.post("/settings/account/name", "name", "Amy Lou").want(a, 303)
		if n := a.count("SELECT count(*) FROM audit_records WHERE action = 'own_name_changed' AND company_id = ? AND target_id = actor_id AND detail = ''", a.companyOf(amy)); n != 1 {
			t.Errorf("%d records of the change", n)
		}
		if n := a.count("SELECT count(*) FROM audit_records WHERE company_id = ?", a.companyOf(bob)); n != 0 {
			t.Errorf("another company has %d records", n)
		}
		amy.get("/settings/account?done=<b>x").want(a, 200)
	})
}

// Changing the password needs the current one, and ends all other sessions.
func TestChangePassword(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		phone := amy.device(safariOnIPhone)
		change := func(current, password string) answer {
			return amy.post("/settings/account/password", "current", current, "password", password)
		}
		change("not the password", otherPassword).want(a, 422, "This is not your password")
		change(password, "short").want(a, 422, "at least 12")
		change(password, "northgate northgate").want(a, 422, "easy to guess")
		phone.get("/connections").want(a, 200)
		change(password, otherPassword).want(a, 303, "/settings/account?done=password")
		phone.get("/connections").want(a, 303, "/signin")
		amy.get("/settings/account?done=password").want(a, 200, "signed out on all other devices")
		again := a.newBrowser()
		again.post("/signin", "email", amy.email, "password", password).want(a, 422)
		again.post("/signin", "email", amy.email, "password", otherPassword).want(a, 303)
		if n := a.count("SELECT count(*) FROM account_mails WHERE kind = 'security_changed' AND detail = 'password' AND recipient = ?", amy.email); n != 1 {
			t.Errorf("%d mails", n)
		}
		if n := a.count("SELECT count(*) FROM audit_records WHERE action = 'own_password_changed' AND company_id = ?", a.companyOf(amy)); n != 1 {
			t.Errorf("%d records", n)
		}
		for _, secret := range []string{password, otherPassword} {
			if strings.Contains(a.log.String(), secret) || strings.Contains(a.stored(), secret) {
				t.Error("a password is in the log or the database")
			}
		}
		var last answer
		for range 12 {
			last = change("wrong wrong wrong", password)
		}
		last.want(a, 429)
		amy.get("/connections").want(a, 200)
	})
}

// askForEmail asks for another address.
func (m *member) askForEmail(email string) answer {
	m.Helper()
	return m.post("/settings/account/email", "email", email, "email-password", password)
}

// An address changes when its owner confirms it, and until then nothing does.
func TestChangeEmail(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Northgate", "Amy"), a.signUp("Blue Sky", "Bob")
		phone := amy.device(safariOnIPhone)
		const to = "amy@new.example"
		for _, tt := range []struct{ email, password, says string }{
			{"nothing", password, "Enter an email address"},
			{strings.ToUpper(amy.email), password, "your address already"},
			{to, "not the password", "This is not your password"},
		} {
			amy.post("/settings/account/email", "email", tt.email, "email-password", tt.password).want(a, 422, tt.says)
		}
		amy.askForEmail(" Amy@NEW.example ").want(a, 303, "/settings/account?done=email")
		amy.get("/settings/account").want(a, 200, "Waiting for you to confirm "+to, amy.email)
		path := a.link(to)
		if letter := a.letter(to); strings.Contains(letter.Plain+letter.HTML, amy.email) || strings.Contains(letter.Plain, "Northgate") {
			t.Error("the mail to the new address says whose account it is")
		}
		a.newBrowser().post("/signin", "email", to, "password", password).want(a, 422)
		a.newBrowser().post("/signin", "email", amy.email, "password", password).want(a, 303) // the old one works until then

		open := amy.get(path).want(a, 303, "/settings/email/")
		page := amy.get(open.location).want(a, 200, to, amy.email)
		secret := path[strings.LastIndex(path, "/")+1:]
		if strings.Contains(page.body+open.location, secret) || strings.Contains(a.log.String(), secret) || strings.Contains(a.stored(), secret) {
			t.Error("the link's secret is on the page, in the address, in the log, or in the database")
		}
		// Another person's browser proves nothing for her.
		theirs := bob.get(path).want(a, 303, "/settings/email/")
		bob.get(theirs.location).want(a, 404, "no longer valid")
		bob.post(theirs.location).want(a, 404, "no longer valid")
		// A browser that is signed out asks to sign in, and goes on to the same page.
		stranger := a.newBrowser()
		signIn := stranger.get(stranger.get(path).want(a, 303).location).want(a, 303, "/signin?next=email-").location
		stranger.post(signIn).want(a, 422)
		stranger.post("/signin", "email", amy.email, "password", password, "next", strings.TrimPrefix(signIn, "/signin?next=")).want(a, 303, open.location)
		stranger.get(open.location).want(a, 200, to)
		if n := a.count("SELECT count(*) FROM users WHERE email = ?", to); n != 0 {
			t.Fatal("the address changed before it was confirmed")
		}

		amy.post(open.location).want(a, 303, "/settings/account?done=moved")
		amy.get("/settings/account?done=moved").want(a, 200, to)
		phone.get("/connections").want(a, 303, "/signin")
		stranger.get("/connections").want(a, 303, "/signin")
		letter := a.letter(amy.email)
		if !strings.Contains(letter.Subject, "has changed") || strings.Contains(letter.Plain+letter.HTML, to) {
			t.Errorf("the old address is told %q", letter.Plain)
		}
		a.newBrowser().post("/signin", "email", amy.email, "password", password).want(a, 422)
		a.newBrowser().post("/signin", "email", to, "password", password).want(a, 303)
		// The device that she used before is still known.
		before := len(a.letters(to))
		phone.post("/signin", "email", to, "password", password).want(a, 303)
		if after := len(a.letters(to)); after != before {
			t.Errorf("%d mails after signing in on a known device, before %d", after, before)
		}

		amy.get(path).want(a, 404, "no longer valid")
		amy.post(open.location).want(a, 404, "no longer valid")
		if n := a.count("SELECT count(*) FROM audit_records WHERE action = 'own_email_changed' AND company_id = ? AND detail = ''", a.companyOf(&member{email: to})); n != 1 {
			t.Errorf("%d records", n)
		}
	})
}

// An email link works once, for seven days, for its purpose, for its person, and only
// while they want the address.
func TestEmailLinks(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		spent := func(what, path string) {
			t.Helper()
			if got := amy.get(path); got.status != 404 || !strings.Contains(got.body, "no longer valid") {
				t.Errorf("%s: status %d", what, got.status)
			}
		}
		amy.askForEmail("one@new.example").want(a, 303)
		one := a.link("one@new.example")
		amy.get(one).want(a, 303)
		amy.post("/settings/account/email/cancel").want(a, 303)
		spent("cancelled", one)
		amy.post("/settings/account/email/resend").want(a, 404)

		amy.askForEmail("one@new.example").want(a, 303)
		one = a.link("one@new.example")
		amy.post("/settings/account/email/resend").want(a, 303)
		if again := a.link("one@new.example"); again == one {
			t.Error("the second mail has the same link")
		}
		opened := amy.get(one).want(a, 303).location // the first still works
		amy.askForEmail("two@new.example").want(a, 303)
		spent("replaced by another wish", one)
		amy.post(opened).want(a, 404)

		two := a.link("two@new.example")
		for _, other := range []string{"/verify/", "/password/reset?token=", "/invitations/"} {
			if got := amy.get(other + two[strings.LastIndex(two, "/")+1:]); got.status != 404 {
				t.Errorf("%s opens an email link: %d", other, got.status)
			}
		}
		staff := a.addStaff("pat@fieldbridge.example", accounts.Support)
		spent("of another purpose", "/verify/email/"+staff)
		spent("made up", "/verify/email/ABCDEFGHIJKLMNOPQRSTUVWXYZ")

		r := amy.request(http.MethodGet, two, nil)
		r.Host = "evil.example"
		if got := amy.send(r); strings.Contains(got.location, "evil.example") {
			t.Errorf("the link leads to %s", got.location)
		}
		for range 6 * 24 {
			a.clock.Add(time.Hour)
		}
		amy.post("/signin", "email", amy.email, "password", password).want(a, 303)
		opened = amy.get(two).want(a, 303).location
		a.clock.Add(24*time.Hour + time.Minute)
		amy.post("/signin", "email", amy.email, "password", password).want(a, 303)
		spent("expired", two)
		amy.post(opened).want(a, 404, "no longer valid")
	})
}

// Whether an address has an account shows neither in the answer nor on the page. No
// mail goes to an address that has one.
func TestNewEmailDoesNotTell(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		bob := a.signUp("Blue Sky", "Bob")
		look := func(email string) string {
			amy := a.signUp("Northgate", "Amy")
			got := amy.askForEmail(email).want(a, 303)
			page := amy.get(got.location).want(a, 200)
			return got.location + strings.NewReplacer(email, "EMAIL", amy.email, "OWN", a.lookup("SELECT id FROM users WHERE email = ?", amy.email), "ID", a.companyOf(amy).String(), "COMPANY").Replace(page.body)
		}
		if known, unknown := look(bob.email), look("nobody@new.example"); known != unknown {
			t.Errorf("the answers differ:\n%s\n%s", text(known), text(unknown))
		}
		if known, unknown := a.letters(bob.email), a.letters("nobody@new.example"); len(known) != 0 || len(unknown) != 1 {
			t.Errorf("%d mails to the known address, %d to the unknown one", len(known), len(unknown))
		}
		// An address that got an account in the meantime.
		amy := a.signUp("Northgate", "Amy")
		amy.askForEmail("late@new.example").want(a, 303)
		opened := amy.get(a.link("late@new.example")).want(a, 303).location
		a.exec("UPDATE users SET email = 'late@new.example' WHERE email = ?", bob.email)
		amy.post(opened).want(a, 409, "This address has an account")
		amy.get("/settings/account").want(a, 200, "Waiting", amy.email)
	})
}

// Asking for addresses is limited for the person and for the address that would get
// the mails.
func TestNewEmailLimits(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		for i := range 5 {
			amy.askForEmail(fmt.Sprintf("amy%d@new.example", i)).want(a, 303)
		}
		amy.askForEmail("amy6@new.example").want(a, 429)
		amy.post("/settings/account/email/resend").want(a, 429)
		amy.post("/settings/account/email/cancel").want(a, 303)
		if n := len(a.letters("amy3@new.example")); n != 0 {
			t.Errorf("%d mails to an address that is no longer wanted", n)
		}
		for i := range 6 {
			bob := a.signUp("Blue Sky", "Bob")
			want := 303
			if i == 5 {
				want = 429
			}
			bob.askForEmail("victim@new.example").want(a, want)
		}
		if n := len(a.letters("victim@new.example")); n != 5 {
			t.Errorf("%d mails, want 5", n)
		}
		a.clock.Add(25 * time.Hour)
		amy.post("/signin", "email", amy.email, "password", password).want(a, 303)
		amy.askForEmail("amy6@new.example").want(a, 303)
	})
}

// Mails about incidents go along to the new address: those that wait, and the mail
// that an incident is over.
func TestIncidentMailsMove(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Northgate", "Amy"), a.signUp("Blue Sky", "Bob")
		path, other := amy.connect("sandbox", northgate), bob.connect("sandbox", south)
		queue := func(of *member, path, kind string) {
			now := a.clock.Now().UTC()
			a.exec("INSERT INTO mails (id, channel, company_id, connection_id, kind, reason, recipient, next_try_at, created_at) VALUES (?, ?, ?, ?, ?, 'grant_refused', ?, ?, ?)",
				database.NewID(), models.MailChannel, a.companyOf(of), strings.TrimPrefix(path, "/connections/"), kind, of.email, now, now)
		}
		queue(bob, other, "reconnect_needed")
		amy.askForEmail("amy@new.example").want(a, 303)
		opened := amy.get(a.link("amy@new.example")).want(a, 303).location
		queue(amy, path, "reconnect_needed")
		amy.post(opened).want(a, 303)
		moved := &member{browser: amy.browser, email: "amy@new.example"}
		if letter := a.letter(moved.email); !strings.Contains(letter.Subject, "Reconnect needed") {
			t.Errorf("the new address got %q", letter.Subject)
		}
		if n := a.count("SELECT count(*) FROM mails WHERE recipient = ?", amy.email); n != 0 {
			t.Errorf("%d mails are left at the old address", n)
		}
		if letter := a.letter(bob.email); !strings.Contains(letter.Subject, "Reconnect needed") {
			t.Errorf("Bob got %q", letter.Subject)
		}
	})
}
