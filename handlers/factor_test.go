package handlers_test

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

var (
	factorKey    = regexp.MustCompile(`<code id="factor-key">([A-Z2-7 ]+)</code>`)
	recoveryCode = regexp.MustCompile(`<li><code>([A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4})</code></li>`)
)

// code returns the code that the authenticator app shows now.
func (m *member) code() string {
	m.Helper()
	code, err := totp.GenerateCode(m.factorKey, m.clock.Now())
	if err != nil {
		m.Fatal(err)
	}
	return code
}

// enrol sets up the second factor of a staff member who has just entered the
// password. It returns the recovery codes.
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

// signInAgain signs the staff member in with the next code.
func (m *member) signInAgain() {
	m.Helper()
	m.clock.Add(time.Minute)
	m.post("/signin", "email", m.email, "password", password).want(m, 303, "/staff")
	m.post("/staff/factor", "code", m.code()).want(m, 303, "/staff")
}

// enrolInBrowser continues after a password was chosen.
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
	c.Click("I have saved them", "Needs attention now")
}

// Without the second factor, staff of either role see nothing but the page that
// asks for it.
func TestSecondFactorIsRequired(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		a.fill()
		for i, role := range []accounts.StaffRole{accounts.Support, accounts.Admin} {
			b := a.newBrowser()
			sam := &member{browser: b, email: fmt.Sprintf("sam%d@fieldbridge.example", i)}
			b.choosePassword(a.addStaff(sam.email, role), "Sam", password).want(a, 303, "/staff")
			halfway := b.client.Jar.Cookies(parse(t, a.url))
			for _, path := range []string{"/staff", "/staff/queue", "/staff/connections", "/staff/connections.csv", "/staff/factor/change"} {
				if got := b.get(path); got.status != 303 || got.location != "/staff/factor" || strings.Contains(got.body, "Northgate") {
					t.Errorf("%s: %d to %s", path, got.status, got.location)
				}
			}
			b.post("/staff/factor", "code", "").want(a, 422)
			b.post("/staff/factor", "code", "000000").want(a, 422, "This code is wrong")
			sam.enrol()
			sam.get("/staff").want(a, 200, "Needs attention now")
			sam.get("/staff/factor").want(a, 303, "/staff")

			// The earlier session is worthless.
			other := a.newBrowser()
			other.client.Jar.SetCookies(parse(t, a.url), halfway)
			other.get("/staff").want(a, 303, "/signin")
		}
	})
}

// A code works once, during its time. Wrong codes are counted.
func TestSecondFactorCodes(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", accounts.Support)
		spent := sam.code()
		again := func() *browser {
			b := a.newBrowser()
			b.post("/signin", "email", sam.email, "password", password).want(a, 303, "/staff")
			return b
		}
		again().post("/staff/factor", "code", spent).want(a, 422, "This code is wrong")
		a.clock.Add(2 * time.Minute)
		again().post("/staff/factor", "code", spent).want(a, 422)

		// Used twice at once, a code lets one request in.
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
		log := a.log.String()
		for _, reason := range []string{"wrong_code", "used_before", "throttled"} {
			if !regexp.MustCompile(`event="second factor refused" action=second_factor outcome=` + reason + ` user=\S+ .*support_code=FB-`).MatchString(log) {
				t.Errorf("no refusal is logged as %s", reason)
			}
		}
		if strings.Contains(log, spent) || strings.Contains(log, sam.factorKey) {
			t.Error("the log has a secret")
		}
	})
}

// Each recovery code works once. The stored form of a code lets nobody in.
func TestRecoveryCodes(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		b := a.newBrowser()
		sam := &member{browser: b, email: "sam@fieldbridge.example"}
		b.choosePassword(a.addStaff(sam.email, accounts.Support), "Sam", password).want(a, 303)
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
		if !regexp.MustCompile(`event="second factor changed" staff=` + a.lookup("SELECT id FROM users WHERE email = ?", sam.email) + ` what=codes support_code=FB-`).MatchString(a.log.String()) {
			t.Error("new recovery codes are not in the log")
		}
		fresh := recoveryCode.FindStringSubmatch(page.body)[1]
		enter(codes[5], 422)
		enter(fresh, 303)

		a.clock.Add(time.Minute)
		sam.post("/staff/factor/change", "code", "111111", "do", "device").want(a, 422)
		for _, code := range append(codes, fresh) {
			if strings.Contains(a.log.String(), code) {
				t.Error("a recovery code is in the log")
			}
		}
	})
}

// signedIn returns another browser in which the password was entered.
func (m *member) signedIn() *member {
	m.Helper()
	other := &member{browser: m.newBrowser(), email: m.email, factorKey: m.factorKey}
	other.post("/signin", "email", m.email, "password", password).want(m, 303, "/staff")
	return other
}

// A key is shown to one session only. Other people with the password see another
// key, or none once a key is confirmed.
func TestEnrolmentBelongsToItsSession(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := &member{browser: a.newBrowser(), email: "sam@fieldbridge.example"}
		sam.choosePassword(a.addStaff(sam.email, accounts.Support), "Sam", password).want(a, 303)
		eve := sam.signedIn()
		shown := factorKey.FindStringSubmatch(eve.get("/staff/factor").want(a, 200).body)[1]
		if again := factorKey.FindStringSubmatch(eve.get("/staff/factor").want(a, 200).body)[1]; again != shown {
			t.Error("a page loaded again shows another key")
		}
		eve.factorKey = strings.ReplaceAll(shown, " ", "")
		sam.enrol()
		if sam.factorKey == eve.factorKey {
			t.Fatal("two sessions are shown one key")
		}
		eve.post("/staff/factor", "code", eve.code()).want(a, 303, "/signin") // her session ended with the change
		again := sam.signedIn()
		again.factorKey = eve.factorKey
		if page := again.post("/staff/factor", "code", again.code()).want(a, 422, "This code is wrong"); factorKey.MatchString(page.body) {
			t.Error("there is a second factor, and a key is shown")
		}
		again.get("/staff").want(a, 303, "/staff/factor")

		// If two first keys are confirmed at once, only one counts.
		pat := &member{browser: a.newBrowser(), email: "pat@fieldbridge.example"}
		pat.choosePassword(a.addStaff(pat.email, accounts.Support), "Pat", password).want(a, 303)
		browsers := []*member{pat, pat.signedIn(), pat.signedIn()}
		for _, b := range browsers {
			b.factorKey = strings.ReplaceAll(factorKey.FindStringSubmatch(b.get("/staff/factor").want(a, 200).body)[1], " ", "")
		}
		statuses := make([]int, len(browsers))
		var all sync.WaitGroup
		for i, b := range browsers {
			all.Go(func() { statuses[i] = b.post("/staff/factor", "code", b.code()).status })
		}
		all.Wait()
		// The others are too late for the key, or their sessions have ended already.
		slices.Sort(statuses)
		late := []int{303, 422}
		if statuses[0] != 200 || !slices.Contains(late, statuses[1]) || !slices.Contains(late, statuses[2]) {
			t.Errorf("three first keys at once are answered %v", statuses)
		}
	})
}

// Only a person with the old phone can start the setup of another one. The old
// phone works until the new one does. Then the other sessions end.
func TestAnotherPhone(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", accounts.Support)
		a.clock.Add(time.Minute)
		elsewhere := sam.signedIn()
		elsewhere.post("/staff/factor", "code", sam.code()).want(a, 303, "/staff")
		old := sam.factorKey

		a.clock.Add(time.Minute)
		sam.post("/staff/factor/change", "code", sam.code(), "do", "device").want(a, 303, "/staff/factor")
		sam.get("/staff").want(a, 303, "/staff/factor")
		sam.get("/staff/factor").want(a, 200, "works until the new one")
		elsewhere.get("/staff").want(a, 200)

		// An unfinished setup changes nothing: the password alone shows no key.
		a.clock.Add(time.Minute)
		other := sam.signedIn()
		if page := other.get("/staff/factor").want(a, 200); factorKey.MatchString(page.body) {
			t.Error("with the password alone, a key is shown")
		}
		other.post("/staff/factor", "code", sam.code()).want(a, 303, "/staff")

		a.clock.Add(time.Minute)
		if codes := sam.enrol(); len(codes) != 10 {
			t.Errorf("%d recovery codes", len(codes))
		}
		sam.get("/staff").want(a, 200)
		elsewhere.get("/staff").want(a, 303, "/signin")
		other.get("/staff").want(a, 303, "/signin")
		a.clock.Add(time.Minute)
		lost := sam.signedIn()
		lost.factorKey = old
		lost.post("/staff/factor", "code", lost.code()).want(a, 422)
		lost.post("/staff/factor", "code", sam.code()).want(a, 303, "/staff")
	})
}

// A person who uses a recovery code learns when few are left.
func TestFewRecoveryCodes(t *testing.T) {
	a := newApp(t)
	sam := &member{browser: a.newBrowser(), email: "sam@fieldbridge.example"}
	sam.choosePassword(a.addStaff(sam.email, accounts.Support), "Sam", password).want(a, 303)
	for i, code := range sam.enrol() {
		other := sam.signedIn()
		got := other.post("/staff/factor", "code", code)
		switch left := 9 - i; {
		case left > accounts.FewRecoveryCodes:
			got.want(a, 303, "/staff")
		case left == 0:
			got.want(a, 200, "it was the last one")
		case left == 1:
			got.want(a, 200, "1 recovery code is left")
		default:
			got.want(a, 200, fmt.Sprintf("%d recovery codes are left", left))
		}
		other.get("/staff").want(a, 200)
	}
	sam.get("/staff/factor/change").want(a, 200, "No recovery code is left")
}

// The database and the log hold neither keys nor codes.
func TestSecondFactorAtRest(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := &member{browser: a.newBrowser(), email: "sam@fieldbridge.example"}
		sam.choosePassword(a.addStaff(sam.email, accounts.Support), "Sam", password).want(a, 303)
		pending := strings.ReplaceAll(factorKey.FindStringSubmatch(sam.signedIn().get("/staff/factor").want(a, 200).body)[1], " ", "")
		secrets := sam.enrol()
		for _, key := range []string{pending, sam.factorKey} {
			raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key)
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, key, string(raw))
		}
		for _, code := range secrets {
			secrets = append(secrets, strings.ReplaceAll(code, "-", ""))
		}
		for where, text := range map[string]string{"database": a.stored(), "log": a.log.String()} {
			if found := leaks(text, secrets); len(found) > 0 {
				t.Errorf("the %s holds %q", where, found)
			}
		}
	})
}

// Resetting deletes the factor and ends the sessions. So does removing the person.
func TestResetFactor(t *testing.T) {
	a := newApp(t)
	sam := a.staff("Sam", accounts.Support)
	people := a.accounts()
	if err := people.ResetFactor(t.Context(), accounts.CommandLine("root"), "nobody@fieldbridge.example"); err == nil {
		t.Error("nobody's is reset")
	}
	if err := people.ResetFactor(t.Context(), accounts.CommandLine("root"), sam.email); err != nil {
		t.Fatal(err)
	}
	sam.get("/staff").want(a, 303, "/signin")
	sam.post("/signin", "email", sam.email, "password", password).want(a, 303)
	sam.enrol()
	if err := people.RemoveStaff(t.Context(), accounts.CommandLine("root"), sam.email); err != nil {
		t.Fatal(err)
	}
	if n := a.count("SELECT count(*) FROM second_factors") + a.count("SELECT count(*) FROM recovery_codes"); n != 0 {
		t.Errorf("%d rows are left of somebody who is gone", n)
	}
}

// The second step works in a real browser.
func TestBrowserSecondFactor(t *testing.T) {
	a := newApp(t)
	c := a.contractor(t)
	c.Goto(a.url + "/password/reset?token=" + a.addStaff("sam@fieldbridge.example", accounts.Support))
	c.See("Choose your password")
	c.Type("name", "Sam Okafor")
	c.Type("password", password)
	c.Click("Save and sign in", "Set up your second step")
	c.inspect("factor-enrol")
	c.Expect("422")
	c.Type("code", "123456")
	c.Click("Continue", "This code is wrong")
	c.inspect("factor-wrong")
	key := strings.ReplaceAll(c.Value(`document.querySelector("#factor-key").textContent`), " ", "")
	code, err := totp.GenerateCode(key, a.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	c.Type("code", code)
	c.Click("Continue", "Your recovery codes")
	c.inspect("factor-recovery-codes")
	recovery := strings.Fields(c.Value(`[...document.querySelectorAll(".codes code")].map(c => c.textContent).join(" ")`))
	c.Click("I have saved them", "Needs attention now")
	c.Goto(a.url + "/staff/factor/change")
	c.See("Make new recovery codes")
	c.inspect("factor-settings")
	signIn := func() {
		t.Helper()
		c.Goto(a.url + "/staff")
		c.Choose(`[popovertarget="account"]`)
		c.Click("Sign out", "Sign in")
		c.Type("email", "sam@fieldbridge.example")
		c.Type("password", password)
		c.Click("Sign in", "Enter the code that your authenticator app shows")
	}
	signIn()
	c.inspect("factor")
	c.Type("code", recovery[0])
	c.Click("Continue", "Needs attention now")

	a.clock.Add(time.Minute)
	if code, err = totp.GenerateCode(key, a.clock.Now()); err != nil {
		t.Fatal(err)
	}
	signIn()
	c.Type("code", code[:3]+" "+code[3:])
	c.Click("Continue", "Needs attention now")

	last := sha256.Sum256([]byte(strings.ReplaceAll(recovery[1], "-", "")))
	a.exec("DELETE FROM recovery_codes WHERE code_hash <> ?", last[:])
	signIn()
	c.Type("code", recovery[1])
	c.Click("Continue", "it was the last one")
	c.inspect("factor-few-codes")
	c.Click("Make new ones", "No recovery code is left")
	a.clock.Add(time.Minute)
	if code, err = totp.GenerateCode(key, a.clock.Now()); err != nil {
		t.Fatal(err)
	}
	c.Type("code", code)
	c.Click("Use another phone", "Your current phone works")
	c.inspect("factor-another-phone")
}
