package handlers_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// A new password ends every session and every other link, and does not sign in.
func TestResetEndsWhatWasThere(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("Northgate", "Amy")
		ask := func() string {
			a.exec("DELETE FROM throttles") // as if 20 minutes had passed
			a.newBrowser().post("/password/forgot", "email", " "+strings.ToUpper(amy.email)).want(t, 200)
			return a.link(amy.email)
		}
		other, link := ask(), ask()
		b := a.newBrowser()
		_, post := kindsOfLinks["reset"].open(t, b, link)
		b.post("/password/reset", "link", secretOf(link), "password", password).want(t, 404)
		kindsOfLinks["reset"].open(t, b, other) // an earlier link works until one is used
		post().want(t, 303, "/signin?password=set")
		b.get("/signin?password=set").want(t, 200, "Your password is saved")
		b.get("/connections").want(t, 303, "/signin")
		amy.get("/connections").want(t, 303, "/signin")
		a.newBrowser().get(other).want(t, 404, "no longer valid")
		if l := a.letter(amy.email); !strings.Contains(l.Subject, "password was changed") {
			t.Errorf("the last mail is %q", l.Subject)
		}
		b.post("/signin", "email", amy.email, "password", password).want(t, 303, "/connections")
	})
}

// A second factor stays when its owner chooses another password.
func TestResetKeepsTheSecondFactor(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		sam := a.staff("Sam", accounts.Support)
		a.newBrowser().post("/password/forgot", "email", sam.email).want(t, 200)
		b := a.newBrowser()
		_, post := kindsOfLinks["reset"].open(t, b, a.link(sam.email))
		post().want(t, 303, "/signin")
		b.post("/signin", "email", sam.email, "password", password).want(t, 303, "/staff")
		b.get("/staff").want(t, 303, "/staff/factor")
		if n := a.count("SELECT count(*) FROM second_factors WHERE confirmed_at IS NOT NULL"); n != 1 {
			t.Errorf("%d second factors", n)
		}
	})
}

// unprove makes a person one from before addresses were proven.
func (m *member) unprove() {
	m.exec("UPDATE users SET proven_at = NULL WHERE email = ?", m.email)
}

// The owner of an address gets it, although somebody signed up with it before
// addresses were proven. The stranger's company stays, without the address.
func TestOwnerOfAnAddressGetsIt(t *testing.T) {
	for name, take := range map[string]func(t *testing.T, a *app, email string){
		"signs up": func(t *testing.T, a *app, email string) {
			a.newBrowser().post("/signup", "email", email).want(t, 200)
			if l := a.letter(email); !strings.Contains(l.Plain, "older account") {
				t.Errorf("the mail does not say that there is one:\n%s", l.Plain)
			}
			b := a.newBrowser()
			_, post := kindsOfLinks["verify"].open(t, b, a.link(email))
			post().want(t, 303, "/connections")
			b.get("/connections").want(t, 200, "Northgate")
		},
		"joins the staff": func(_ *testing.T, a *app, email string) { a.addStaff(email, accounts.Support) },
		"is invited to the staff": func(t *testing.T, a *app, email string) {
			a.staff("Ada", accounts.Admin).post("/staff/team", "email", email, "role", "support").want(t, 200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, a *app) {
				eve := a.signUp("Evil", "Eve")
				company := a.companyOf(eve)
				eve.unprove()
				take(t, a, eve.email)
				eve.get("/connections").want(t, 303, "/signin")
				if n := a.count("SELECT count(*) FROM users u JOIN memberships m ON m.user_id = u.id WHERE m.company_id = ? AND u.email LIKE '%@released.invalid' AND u.proven_at IS NULL", company); n != 1 {
					t.Errorf("%d people of the company lost their address", n)
				}
				if n := a.count("SELECT count(*) FROM users WHERE email = ? AND proven_at IS NOT NULL", eve.email); n != 1 {
					t.Errorf("%d people have the address", n)
				}
				if n := a.count("SELECT count(*) FROM audit_records WHERE company_id = ? AND action = 'address_released'", company); n != 1 {
					t.Errorf("%d records", n)
				}
			})
		})
	}
}

// A person who has not proved the address is asked to. Only their own click, signed
// in, proves it.
func TestProofOfAnAddress(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy, bob := a.signUp("Northgate", "Amy"), a.signUp("South", "Bob")
		amy.saysNot("/connections", "Confirm your email address")
		amy.unprove()
		amy.says("/connections", "Confirm your email address")
		amy.post("/verify/send").want(t, 200, "Check your email")
		link := a.link(amy.email)
		at := bob.get(link).want(t, 303).location
		bob.get(at).want(t, 404, "no longer valid")
		bob.post(at).want(t, 404)
		a.newBrowser().post(link, "company", "Evil", "name", "Eve", "password", password).want(t, 404)
		b := a.newBrowser()
		at = b.get(link).want(t, 303).location
		b.get(at).want(t, 303, "/signin?next=proof-")
		in := b.post("/signin", "email", amy.email, "password", password, "next", "proof-"+at[strings.LastIndex(at, "/")+1:]).want(t, 303, at).location
		b.get(in).want(t, 200, amy.email)
		if n := a.count("SELECT count(*) FROM users WHERE proven_at IS NULL"); n != 1 {
			t.Error("opening the link proves the address")
		}
		b.post(in).want(t, 303, "/connections")
		b.get(in).want(t, 404)
		amy.saysNot("/connections", "Confirm your email address")
		for range 3 {
			amy.unprove()
			amy.post("/verify/send")
		}
		amy.post("/verify/send").want(t, 429)
	})
}

// Without a mail server, nobody can sign up by themselves, and the pages say so. A
// link from an operator works.
func TestWithoutMail(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	amy.unprove()
	a.serve(handlers.New(handlers.Options{
		BaseURL: parse(t, a.url), Accounts: a.served, Sessions: accounts.NewSessions(a.db), APIKeys: a.apiKeys, NoMail: true, Now: a.clock.Now, Log: slog.New(slog.DiscardHandler),
	}, nil))
	b := a.newBrowser()
	b.get("/signup").want(t, 200, "Sign-up is closed")
	b.post("/signup", "email", "dana@northgate.example").want(t, 403, "Sign-up is closed")
	b.get("/password/forgot").want(t, 200, "cannot send email")
	b.post("/password/forgot", "email", amy.email).want(t, 403, "cannot send email")
	if n := a.count("SELECT count(*) FROM account_mails"); n != 0 {
		t.Errorf("%d mails are queued", n)
	}
	b.createAccount("dana@northgate.example", "Northgate", "Dana", password).want(t, 303, "/connections")
}
