package handlers_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// Every sign-in, similar action, and refusal is one line of the log. It says what
// happened, the outcome, the person, and the address, without an email. Admins of
// staff see it on the page of the company or the team.
func TestSignInsAreLoggedAndShown(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		amyID := a.lookup("SELECT id FROM users WHERE email = ?", amy.email)
		sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
		samID := a.lookup("SELECT id FROM users WHERE email = ?", sam.email)
		b := a.newBrowser()
		wrong := func() answer { return b.post("/signin", "email", amy.email, "password", "not the right one") }
		for name, tt := range map[string]struct {
			do   func()
			line string
		}{
			"sign-up": {func() { a.signUp("Blue Sky", "Bob") }, `action=sign_up outcome=ok user=[0-9a-f-]{36}`},
			"email taken": {func() {
				to := a.verifyLink("x@x.example")
				a.exec("UPDATE links SET email = ? WHERE email = 'x@x.example'", amy.email)
				b.post(to, "company", "X", "name", "X", "password", password).want(a, 409, "already have an account")
			}, `action=sign_up outcome=email_taken email_hash=[0-9a-f]{16}`},
			"sign-out and sign-in": {func() {
				amy.post("/signout").want(a, 303)
				amy.post("/signin", "email", amy.email, "password", password).want(a, 303)
			}, `action=sign_in outcome=ok user=` + amyID},
			"wrong password": {func() { wrong().want(a, 422) }, `action=sign_in outcome=wrong_credentials email_hash=[0-9a-f]{16}`},
			"wrong code": {func() {
				sam.post("/signout").want(a, 303)
				sam.post("/signin", "email", sam.email, "password", password).want(a, 303)
				sam.post("/staff/factor", "code", "000000").want(a, 422)
			}, `action=second_factor outcome=wrong_code user=` + samID},
			"password behind a link": {func() {
				a.newBrowser().choosePassword(a.addStaff("pat@fieldbridge.example", accounts.Support), "Pat", password).want(a, 303)
			}, `action=password_set outcome=ok user=[0-9a-f-]{36}`},
			"spent link": {func() { b.get("/password/reset?token=spent").want(a, 404) }, `action=password_set outcome=link_spent`},
		} {
			before := len(a.log.String())
			tt.do()
			log := a.log.String()[before:]
			if !regexp.MustCompile(`client=127\.0\.0\.1 event="[^"]+" ` + tt.line + ` .*support_code=FB-`).MatchString(log) {
				t.Errorf("%s is not logged as %s:\n%s", name, tt.line, log)
			}
		}
		for wrong().status != 429 {
		}
		if !regexp.MustCompile(`action=sign_in outcome=throttled email_hash=[0-9a-f]{16} `).MatchString(a.log.String()) {
			t.Error("the throttled try is not logged")
		}
		if !strings.Contains(a.log.String(), "action=sign_out outcome=ok user="+amyID) {
			t.Error("the sign-out is not logged")
		}
		if log := a.log.String(); strings.Contains(log, amy.email) || strings.Contains(log, "@fieldbridge.example") {
			t.Error("the log has an email")
		}
		if err := a.served.FlushSignIns(t.Context()); err != nil {
			t.Fatal(err)
		}
		company := "/staff/companies/" + a.companyOf(amy).String()
		ada.says(company, "Sign-ins", "Amy · Sign-in", "Refused: wrong email or password", "Refused: too many attempts", "from 127.0.0.1")
		ada.says("/staff/team", "Sam · Second step", "Refused: wrong code", "Kept for 90 days")
		sam.clock.Add(16 * time.Minute)
		sam.signInAgain()
		if page := sam.get(company).want(a, 200); strings.Contains(text(page.body), "Refused:") {
			t.Error("support sees the sign-ins")
		}
	})
}

// Staff see who read a connection's token, and the company does not.
func TestTokenReadsAreShownToStaff(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		path, sam := amy.connect("sandbox", northgate), a.staff("Sam", accounts.Support)
		key := a.backEnd(amy)
		for range 3 {
			key.ask(path+"/token").want(a, 200)
		}
		if err := a.apiKeys.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		sam.says("/staff"+path, "Who read its access", "a back end · from 127.0.0.1", "3 times since")
		if page := amy.get(path).want(a, 200); strings.Contains(text(page.body), "Who read its access") {
			t.Error("the company sees it")
		}
		if err := a.apiKeys.Revoke(t.Context(), accounts.CommandLine("root"), nil, key.key.ID); err != nil {
			t.Fatal(err)
		}
		key.ask(path+"/token").problem(t, 401)
		if err := a.apiKeys.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		sam.says("/staff"+path, "Refused 1 time, last from 127.0.0.1")
	})
}
