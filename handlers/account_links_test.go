package handlers_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// kindOfLink is a kind of link as its person meets it.
type kindOfLink struct {
	// make returns the path of a new link for an address.
	make func(a *app, email string) string
	// form is the path to which the form of an opened link is posted, without the
	// link's name, and fields are what a person enters.
	form   string
	fields []string
	life   time.Duration
	// done is where the person is then.
	done string
}

// secretOf returns the secret in the path of a mailed link.
func secretOf(path string) string {
	if _, token, ok := strings.Cut(path, "token="); ok {
		return token
	}
	return path[strings.LastIndex(path, "/")+1:]
}

var kindsOfLinks = map[accounts.LinkPurpose]kindOfLink{
	accounts.LinkVerify: {
		make: func(a *app, email string) string {
			r := a.newBrowser().request(http.MethodPost, "/signup", url.Values{"email": {email}})
			r.Header.Set("X-Forwarded-Host", "evil.example")
			a.newBrowser().send(r).want(a, 200, "Check your email")
			return a.link(email)
		},
		form: "/verify/", fields: []string{"company", "Northgate", "name", "Dana", "password", password},
		life: 7 * 24 * time.Hour, done: "/connections",
	},
	accounts.LinkReset: {
		make: func(a *app, email string) string {
			a.newBrowser().createAccount(email, "Northgate", "Dana", "the password of before").want(a, 303)
			r := a.newBrowser().request(http.MethodPost, "/password/forgot", url.Values{"email": {email}})
			r.Header.Set("X-Forwarded-Host", "evil.example")
			a.newBrowser().send(r).want(a, 200, "Check your email")
			return a.link(email)
		},
		form: "/password/reset", fields: []string{"password", password},
		life: 30 * time.Minute, done: "/signin?password=set",
	},
	accounts.LinkStaffSetup: {
		make: func(a *app, email string) string {
			return "/password/reset?token=" + a.addStaff(email, accounts.Support)
		},
		form: "/password/reset", fields: []string{"name", "Sam", "password", password},
		life: 48 * time.Hour, done: "/staff",
	},
}

// open opens a link and returns what posts its form.
func (k kindOfLink) open(t *testing.T, b *browser, path string) (at string, post func() answer) {
	t.Helper()
	at = b.get(path).want(t, 303).location
	page := b.get(at).want(t, 200)
	if strings.Contains(at+page.body, secretOf(path)) {
		t.Errorf("%s: the secret is on the page, or in its address", k.form)
	}
	if k.form == "/verify/" {
		return at, func() answer { t.Helper(); return b.post(at, k.fields...) }
	}
	link := hidden(t, page.body, "link")
	return at, func() answer { t.Helper(); return b.post(k.form, append([]string{"link", link}, k.fields...)...) }
}

// Every kind of link works once, until it expires, for its purpose, and for its
// person. Its address begins with the base URL, and its secret stays nowhere.
func TestAccountLinks(t *testing.T) {
	for purpose, k := range kindsOfLinks {
		t.Run(string(purpose), func(t *testing.T) {
			onBoth(t, func(t *testing.T, a *app) {
				first, second := k.make(a, "dana@first.example"), k.make(a, "dana@second.example")
				if secretOf(first) == secretOf(second) || len(secretOf(first)) < 26 {
					t.Fatalf("the secrets are %q and %q", first, second)
				}
				// Another purpose: the other addresses do not know the link.
				for _, page := range kindsOfLinks {
					if page.form == k.form {
						continue
					}
					path := "/verify/" + secretOf(first)
					if page.form != "/verify/" {
						path = page.form + "?token=" + secretOf(first)
					}
					a.newBrowser().get(path).want(t, 404, "no longer valid")
				}
				b, twin := a.newBrowser(), a.newBrowser()
				at, post := k.open(t, b, first)
				a.newBrowser().get(at).want(t, 404, "Open the link again") // another browser has no cookie
				_, late := k.open(t, twin, first)
				post().want(t, 303, k.done)
				late().want(t, 404, "no longer valid")
				a.newBrowser().get(first).want(t, 404, "no longer valid")
				if n := a.count("SELECT count(*) FROM users WHERE email = 'dana@first.example' AND password_hash <> '' AND proven_at IS NOT NULL"); n != 1 {
					t.Errorf("%d people have the address", n)
				}
				// It is for its person alone, and the other link is for another.
				_, post = k.open(t, a.newBrowser(), second)
				if n := a.count("SELECT count(*) FROM links WHERE used_at IS NOT NULL AND email = 'dana@second.example' AND purpose = ?", purpose); n != 0 {
					t.Error("opening a link uses it up")
				}
				a.clock.Add(k.life + time.Second)
				post().want(t, 404, "no longer valid")
				for _, secret := range []string{secretOf(first), secretOf(second)} {
					if strings.Contains(a.log.String(), secret) || strings.Contains(a.stored(), secret) {
						t.Error("a secret is in the log or the database")
					}
				}
			})
		})
	}
}

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
		_, post := kindsOfLinks[accounts.LinkReset].open(t, b, link)
		b.post("/password/reset", "link", secretOf(link), "password", password).want(t, 404)
		kindsOfLinks[accounts.LinkReset].open(t, b, other) // an earlier link works until one is used
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
		_, post := kindsOfLinks[accounts.LinkReset].open(t, b, a.link(sam.email))
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
			_, post := kindsOfLinks[accounts.LinkVerify].open(t, b, a.link(email))
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
