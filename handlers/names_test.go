package handlers_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// refusedNames lists the names that no form accepts, each with the text of its
// page.
var refusedNames = map[string]string{
	"Northgate \u202eetagdaP": "invisible",
	"North\u200bgate":         "invisible",
	"\u2066Northgate\u2069":   "invisible",
	"\u200d\u200c":            "invisible",
	"\u3164":                  "invisible",
	"Payout on hold - verify at https://evil.example/pay": "web address",
	"see www.evil.example":                                "web address",
}

func TestSignUpRefusesNames(t *testing.T) {
	a := newApp(t)
	b := a.newBrowser()
	for name, says := range refusedNames {
		b.createAccount("dana@names.example", name, "Dana Ruiz", password).want(t, 422, says)
		b.createAccount("dana@names.example", "Northgate", name, password).want(t, 422, says)
	}
	if n := a.count("SELECT count(*) FROM users WHERE email = 'dana@names.example'"); n != 0 {
		t.Errorf("%d users were added", n)
	}
}

func TestNamesAreKeptInComposedForm(t *testing.T) {
	a := newApp(t)
	a.newBrowser().createAccount("amelie@names.example", "Cafe\u0301  Cooling", "Ame\u0301lie Roy", password).want(t, 303)
	if n := a.count("SELECT count(*) FROM companies WHERE name = ?", "Café Cooling"); n != 1 {
		t.Errorf("%d companies have the composed name", n)
	}
	if n := a.count("SELECT count(*) FROM users WHERE name = ?", "Amélie Roy"); n != 1 {
		t.Errorf("%d users have the composed name", n)
	}
}

func TestSetUpLinkRefusesNames(t *testing.T) {
	a := newApp(t)
	link := a.addStaff("noor@fieldbridge.example", accounts.Support)
	b := a.newBrowser()
	page := b.get(b.get("/password/reset?token="+link).want(t, 303).location).want(t, 200)
	for name, says := range refusedNames {
		b.post("/password/reset", "link", hidden(t, page.body, "link"), "name", name, "password", password).want(t, 422, says)
	}
	if name := a.lookup("SELECT name FROM users WHERE email = ?", "noor@fieldbridge.example"); !strings.Contains(name, "@") {
		t.Errorf("the name is %q", name)
	}
}
