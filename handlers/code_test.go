package handlers_test

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// turnOnCodes turns on the second step of a member who is signed in. It returns the
// recovery codes.
func (m *member) turnOnCodes() []string {
	m.Helper()
	m.post("/settings/passkeys/confirm", "password", password, "for", "code").want(m, 303, "/settings/passkeys/code")
	page := m.get("/settings/passkeys/code").want(m, 200, "Turn on codes from your phone")
	m.factorKey = strings.ReplaceAll(html.UnescapeString(factorKey.FindStringSubmatch(page.body)[1]), " ", "")
	shown := m.post("/settings/passkeys/code", "do", "on", "code", m.code()).want(m, 200, "Your recovery codes")
	var codes []string
	for _, match := range recoveryCode.FindAllStringSubmatch(shown.body, -1) {
		codes = append(codes, match[1])
	}
	return codes
}

// A member turns on a second step with their password, and is then asked for a code
// before any page of the company opens.
func TestMembersCodes(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al := a.signUp("Northgate", "Al")
		a.exec("UPDATE users SET proven_at = created_at WHERE email = ?", al.email)
		path := al.connect("sandbox", northgate)
		elsewhere := a.newBrowser()
		elsewhere.post("/signin", "email", al.email, "password", password).want(a, 303, "/connections")

		al.get("/settings/passkeys").want(a, 200, "Codes from your phone", "Off")
		al.get("/settings/passkeys/code").want(a, 303, "/settings/passkeys/confirm?for=code")
		al.post("/settings/passkeys/code", "do", "on", "code", "000000").want(a, 303, "/settings/passkeys/confirm?for=code")
		al.get("/settings/passkeys/confirm?for=code").want(a, 200, "Confirm that it is you")
		al.post("/settings/passkeys/confirm", "password", "wrong password", "for", "code").want(a, 422, "This is not your password")
		al.post("/settings/passkeys/confirm", "password", password, "for", "https://evil.example").want(a, 303, "/settings/passkeys")
		al.get("/settings/passkeys/code").want(a, 200)
		al.post("/settings/passkeys/code", "do", "on", "code", "000000").want(a, 422, "This code is wrong")
		codes := al.turnOnCodes()
		if len(codes) != 10 {
			t.Fatalf("%d recovery codes", len(codes))
		}
		al.get("/connections").want(a, 200)
		al.get("/settings/passkeys").want(a, 200, "10 recovery codes are left.")
		elsewhere.get("/connections").want(a, 303, "/signin")
		if letter := a.letter(al.email); !strings.Contains(letter.Subject, "now takes a code from your phone") {
			t.Errorf("the mail says %q", letter.Subject)
		}

		// The password alone opens nothing. The page that was asked for is remembered.
		other := &member{browser: a.newBrowser(), email: al.email, factorKey: al.factorKey}
		enter := func() {
			t.Helper()
			other.post("/signout").want(a, 303)
			other.post("/signin", "email", al.email, "password", password).want(a, 303)
		}
		enter()
		for _, at := range []string{"/connections", path, "/settings/passkeys", "/settings/passkeys/code", "/settings/passkeys/confirm", "/connect"} {
			if got := other.get(at); got.status != 303 || !strings.HasPrefix(got.location, "/signin/code") || strings.Contains(got.body, "Northgate") {
				t.Errorf("%s: %d to %s", at, got.status, got.location)
			}
		}
		other.get("/nowhere").want(a, 404)
		asked := other.get(path).want(a, 303).location
		if page := other.get(asked).want(a, 200, "Enter the code", al.email); hidden(t, page.body, "next") != "connection-"+strings.TrimPrefix(path, "/connections/") {
			t.Error("the page that was asked for is forgotten")
		}
		halfway := other.client.Jar.Cookies(parse(t, a.url))
		other.post("/signin/code", "code", "123456", "next", "connect").want(a, 422, "This code is wrong")
		a.clock.Add(time.Minute)
		other.post("/signin/code", "code", other.code(), "next", "connect").want(a, 303, "/connect")
		other.get(path).want(a, 200)
		other.get("/signin/code").want(a, 303, "/connections")
		thief := a.newBrowser()
		thief.client.Jar.SetCookies(parse(t, a.url), halfway)
		thief.get("/connections").want(a, 303, "/signin")

		// Recovery codes work once each. The last ones come with a warning.
		for i, code := range codes[:7] {
			enter()
			got := other.post("/signin/code", "code", code)
			if i == 6 {
				got.want(a, 200, "3 recovery codes are left.", "Go to passkeys and codes")
			} else {
				got.want(a, 303, "/connections")
			}
		}
		enter()
		other.post("/signin/code", "code", codes[0]).want(a, 422)
		a.clock.Add(time.Minute)
		other.post("/signin/code", "code", other.code()).want(a, 303)
		a.clock.Add(time.Minute)
		fresh := other.post("/settings/passkeys/code", "do", "codes", "code", other.code()).want(a, 200, "Your recovery codes")
		other.post("/settings/passkeys/code", "do", "off", "code", codes[8]).want(a, 422)
		other.post("/settings/passkeys/code", "do", "on", "code", "1").want(a, 303, "/settings/passkeys/code")
		other.post("/settings/passkeys/code", "do", "off", "code", recoveryCode.FindStringSubmatch(fresh.body)[1]).want(a, 303, "/settings/passkeys")
		other.get("/settings/passkeys").want(a, 200, "Off")
		al.get("/connections").want(a, 303, "/signin")
		a.newBrowser().post("/signin", "email", al.email, "password", password).want(a, 303, "/connections")
		log := a.log.String()
		for _, line := range []string{
			`action=second_step_on outcome=ok user=`, `action=second_step_on outcome=wrong_code user=`, `action=second_step_off outcome=ok user=`,
			`action=second_factor outcome=wrong_code user=`, `action=second_factor outcome=ok user=`,
		} {
			if !strings.Contains(log, line) {
				t.Errorf("the log has no %s", line)
			}
		}
		if strings.Contains(log, al.factorKey) || regexp.MustCompile(strings.Join(codes, "|")).MatchString(log) {
			t.Error("the log has a secret")
		}
	})
}

// Only people who have the password can use up the attempts to enter a code, and a
// passkey still works then.
func TestMembersCodesAreLimited(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al := a.signUp("Northgate", "Al")
		al.turnOnCodes()
		stranger := a.newBrowser()
		for range 10 {
			stranger.post("/signin/code", "code", "123456").want(a, 303, "/signin")
		}
		thief := a.newBrowser()
		thief.post("/signin", "email", al.email, "password", password).want(a, 303)
		for range 5 {
			thief.post("/signin/code", "code", "123456").want(a, 422)
		}
		if got := thief.post("/signin/code", "code", "123456"); got.status != 429 || got.header.Get("Retry-After") == "" {
			t.Errorf("the sixth wrong code is answered %d", got.status)
		}
		al.get("/connections").want(a, 200)
	})
}

// An operator lets a member in who has lost the phone and the recovery codes.
func TestResetMembersCodes(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, d := a.signUp("Northgate", "Al"), a.device()
		a.exec("UPDATE users SET proven_at = created_at WHERE email = ?", al.email)
		al.turnOnCodes()
		al.addPasskey("/settings/passkeys", d)
		if err := a.accounts().ResetFactor(t.Context(), accounts.CommandLine("root"), al.email); err != nil {
			t.Fatal(err)
		}
		al.get("/connections").want(a, 303, "/signin")
		if got, _ := a.newBrowser().signInWith(d, ""); got.status != 422 {
			t.Errorf("the passkey is answered %d", got.status)
		}
		al.post("/signin", "email", al.email, "password", password).want(a, 303, "/connections")
		al.get("/connections").want(a, 200)
		if n := a.count("SELECT count(*) FROM account_mails WHERE detail = 'second_step_off'"); n != 1 {
			t.Errorf("%d mails say so", n)
		}
	})
}
