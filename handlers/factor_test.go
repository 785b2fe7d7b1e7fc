package handlers_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/fieldbridge/fieldbridge/models"
)

var (
	factorKey    = regexp.MustCompile(`<code id="factor-key">([A-Z2-7 ]+)</code>`)
	recoveryCode = regexp.MustCompile(`<li><code>([A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4})</code></li>`)
)

// code is the one that the authenticator app shows now.
func (m *member) code() string {
	m.Helper()
	code, err := totp.GenerateCode(m.factorKey, m.clock.Now())
	if err != nil {
		m.Fatal(err)
	}
	return code
}

// enrol sets up the second factor of somebody of staff who has just given the
// password, and returns the recovery codes.
func (m *member) enrol() []string {
	m.Helper()
	page := m.get("/staff/factor").want(m, 200, "Set up your second step")
	m.factorKey = strings.ReplaceAll(html.UnescapeString(factorKey.FindStringSubmatch(page.body)[1]), " ", "")
	shown := m.post("/staff/factor", "code", m.code()).want(m, 200, "Your recovery codes")
	var codes []string
	for _, match := range recoveryCode.FindAllStringSubmatch(shown.body, -1) {
		codes = append(codes, match[1])
	}
	return codes
}

// signInAgain signs one of staff in with the next code.
func (m *member) signInAgain() {
	m.Helper()
	m.clock.Add(time.Minute)
	m.post("/signin", "email", m.email, "password", password).want(m, 303, "/staff")
	m.post("/staff/factor", "code", m.code()).want(m, 303, "/staff")
}

// enrolInBrowser goes on from a chosen password.
func (c *contractor) enrolInBrowser() {
	c.Helper()
	c.Click("Save and sign in", "Set up your second step")
	key := strings.ReplaceAll(c.Value(`document.querySelector("#factor-key").textContent`), " ", "")
	code, err := totp.GenerateCode(key, c.app.clock.Now())
	if err != nil {
		c.Fatal(err)
	}
	c.Type("code", code)
	c.Click("Continue", "Your recovery codes")
	c.Click("I have kept them", "Needs attention now")
}

// A46: without the second factor, there is nothing but the page that asks for
// it, for staff of either role.
func TestSecondFactorIsRequired(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		a.fill()
		for i, role := range []models.StaffRole{models.Support, models.Admin} {
			b := a.newBrowser()
			sam := &member{browser: b, email: fmt.Sprintf("sam%d@fieldbridge.example", i)}
			b.post("/password/reset", "token", a.addStaff(sam.email, role), "name", "Sam", "password", password).want(a, 303, "/staff")
			halfway := b.client.Jar.Cookies(parse(t, a.url))
			for _, path := range []string{"/staff", "/staff/queue", "/staff/connections", "/staff/connections.csv", "/staff/factor/change"} {
				if got := b.get(path); got.status != 303 || got.location != "/staff/factor" || strings.Contains(got.body, "Northgate") {
					t.Errorf("%s: %d to %s", path, got.status, got.location)
				}
			}
			b.post("/staff/factor", "code", "").want(a, 422)
			b.post("/staff/factor", "code", "000000").want(a, 422, "not right")
			sam.enrol()
			sam.get("/staff").want(a, 200, "Needs attention now")
			sam.get("/staff/factor").want(a, 303, "/staff")

			// The session of before is worth nothing (A31).
			other := a.newBrowser()
			other.client.Jar.SetCookies(parse(t, a.url), halfway)
			other.get("/staff").want(a, 303, "/signin")
		}
	})
}

// A code works once, in its time; wrong ones are counted.
func TestSecondFactorCodes(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", models.Support)
		spent := sam.code()
		again := func() *browser {
			b := a.newBrowser()
			b.post("/signin", "email", sam.email, "password", password).want(a, 303, "/staff")
			return b
		}
		again().post("/staff/factor", "code", spent).want(a, 422, "not right")
		a.clock.Add(2 * time.Minute)
		again().post("/staff/factor", "code", spent).want(a, 422)

		// Twice at once, it lets one in.
		code := sam.code()
		browsers := []*browser{again(), again(), again()}
		statuses := make(chan int, len(browsers))
		var all sync.WaitGroup
		for _, b := range browsers {
			all.Go(func() { statuses <- b.post("/staff/factor", "code", code[:3]+" "+code[3:]).status })
		}
		all.Wait()
		close(statuses)
		in := 0
		for status := range statuses {
			if status == 303 {
				in++
			}
		}
		if in != 1 {
			t.Errorf("a code let %d in", in)
		}

		a.clock.Add(20 * time.Minute)
		guess := again()
		for range 5 {
			guess.post("/staff/factor", "code", "123456").want(a, 422)
		}
		if got := guess.post("/staff/factor", "code", sam.code()); got.status != 429 || got.header.Get("Retry-After") == "" {
			t.Errorf("after five wrong codes the right one is answered %d", got.status)
		}
		a.clock.Add(16 * time.Minute)
		again().post("/staff/factor", "code", sam.code()).want(a, 303, "/staff")
		if log := a.log.String(); !strings.Contains(log, "second factor refused") || strings.Contains(log, spent) || strings.Contains(log, sam.factorKey) {
			t.Error("the log lacks the refusal, or has a secret")
		}
	})
}

// Recovery codes work once each; what is stored of them lets nobody in.
func TestRecoveryCodes(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		b := a.newBrowser()
		sam := &member{browser: b, email: "sam@fieldbridge.example"}
		b.post("/password/reset", "token", a.addStaff(sam.email, models.Support), "name", "Sam", "password", password).want(a, 303)
		codes := sam.enrol()
		if len(codes) != 10 {
			t.Fatalf("%d recovery codes", len(codes))
		}
		enter := func(code string, status int) {
			t.Helper()
			other := a.newBrowser()
			other.post("/signin", "email", sam.email, "password", password).want(a, 303)
			other.post("/staff/factor", "code", code).want(a, status)
		}
		enter(strings.ToLower(codes[3]), 303)
		enter(codes[3], 422)
		enter(codes[4], 303)

		a.clock.Add(time.Minute)
		page := sam.post("/staff/factor/change", "code", sam.code(), "do", "codes").want(a, 200, "Your recovery codes")
		fresh := recoveryCode.FindStringSubmatch(page.body)[1]
		enter(codes[5], 422)
		enter(fresh, 303)

		a.clock.Add(time.Minute)
		sam.post("/staff/factor/change", "code", "111111", "do", "device").want(a, 422)
		sam.post("/staff/factor/change", "code", sam.code(), "do", "device").want(a, 303, "/staff/factor")
		sam.get("/staff").want(a, 303, "/staff/factor")
		old := sam.factorKey
		a.clock.Add(time.Minute)
		sam.enrol()
		if sam.factorKey == old {
			t.Error("the new phone has the old key")
		}
		for _, code := range append(codes, fresh) {
			if strings.Contains(a.log.String(), code) {
				t.Error("a recovery code is in the log")
			}
		}
	})
}

// Resetting forgets the factor and ends the sessions; removing somebody too.
func TestResetFactor(t *testing.T) {
	a := newApp(t)
	sam := a.staff("Sam", models.Support)
	accounts := a.accounts()
	if err := accounts.ResetFactor(t.Context(), "nobody@fieldbridge.example"); err == nil {
		t.Error("nobody's is reset")
	}
	if err := accounts.ResetFactor(t.Context(), sam.email); err != nil {
		t.Fatal(err)
	}
	sam.get("/staff").want(a, 303, "/signin")
	sam.post("/signin", "email", sam.email, "password", password).want(a, 303)
	sam.enrol()
	if err := accounts.RemoveStaff(t.Context(), sam.email); err != nil {
		t.Fatal(err)
	}
	if n := a.count("SELECT count(*) FROM second_factors") + a.count("SELECT count(*) FROM recovery_codes"); n != 0 {
		t.Errorf("%d rows are left of somebody who is gone", n)
	}
}

// The second step at a real browser.
func TestBrowserSecondFactor(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.Goto(a.url + "/password/reset?token=" + a.addStaff("sam@fieldbridge.example", models.Support))
	c.See("Choose your password")
	c.Type("name", "Sam Okafor")
	c.Type("password", password)
	c.Click("Save and sign in", "Set up your second step")
	c.inspect("factor-enrol")
	c.Expect("422")
	c.Type("code", "123456")
	c.Click("Continue", "not right")
	c.inspect("factor-wrong")
	key := strings.ReplaceAll(c.Value(`document.querySelector("#factor-key").textContent`), " ", "")
	code, err := totp.GenerateCode(key, a.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	c.Type("code", code)
	c.Click("Continue", "Your recovery codes")
	c.inspect("factor-recovery-codes")
	recovery := c.Value(`document.querySelector(".codes code").textContent`)
	c.Click("I have kept them", "Needs attention now")
	c.Goto(a.url + "/staff/factor/change")
	c.See("Make new recovery codes")
	c.inspect("factor-settings")
	c.Goto(a.url + "/staff")
	c.Choose(`[popovertarget="account"]`)
	c.Click("Sign out", "Sign in")
	c.Type("email", "sam@fieldbridge.example")
	c.Type("password", password)
	c.Click("Sign in", "Enter the code that your authenticator app shows")
	c.inspect("factor")
	c.Type("code", recovery)
	c.Click("Continue", "Needs attention now")
}
