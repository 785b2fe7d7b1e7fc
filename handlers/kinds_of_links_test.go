package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
	"github.com/fieldbridge/fieldbridge/models/database"
	"github.com/fieldbridge/fieldbridge/models/secret"
	"github.com/fieldbridge/fieldbridge/models/servicetitan"
	"github.com/fieldbridge/fieldbridge/views/pagetest"
)

// kindOfLink is a kind of link as its person meets it.
type kindOfLink struct {
	purpose accounts.LinkPurpose
	life    time.Duration
	// path is how the path of a link begins. The secret follows.
	path string
	// make makes a link for an address and returns its path. The request for it
	// claims to be for another host. signIn is the address with which the link's
	// person has to sign in first, if they have to.
	make func(a *app, email string) (path, signIn string)
	// form is the path to which the form of an opened link is posted. It is empty if
	// that is the form's own path.
	form   string
	fields []string
	// done is where the person is then.
	done string
	// finish does what the link is for after its form was sent, if that is more.
	finish func(b *browser, at, email string)
	// works counts what exists for an address once its link was used. It is 1.
	works string
	// own says that the link works only for its person. Any other is for whoever
	// reads the mail or was given the link, whoever is signed in at their browser.
	own bool
}

// person is in all addresses of people whose links were used.
const person = "SELECT count(*) FROM users WHERE email = ? AND password_hash <> '' AND proven_at IS NOT NULL"

// tenantOf is the tenant that a link for somebody without an account is about.
var tenantOf = map[string]int{"dana@first.example": northgate, "dana@second.example": south, "dana@third.example": harbor}

// kindsOfLinks has every kind of link.
var kindsOfLinks = map[string]kindOfLink{
	"verify": {
		purpose: accounts.LinkVerify, life: 7 * 24 * time.Hour, path: "/verify/",
		make: func(a *app, email string) (string, string) {
			a.newBrowser().spoofs("/signup", "email", email).want(a, 200, "Check your email")
			return a.link(email), ""
		},
		fields: []string{"company", "Northgate", "name", "Dana", "password", password}, done: "/connections", works: person,
	},
	"reset": {
		purpose: accounts.LinkReset, life: 30 * time.Minute, path: "/password/reset?token=",
		make: func(a *app, email string) (string, string) {
			a.newBrowser().createAccount(email, "Northgate", "Dana", "the password of before").want(a, 303)
			a.newBrowser().spoofs("/password/forgot", "email", email).want(a, 200, "Check your email")
			return a.link(email), ""
		},
		form: "/password/reset", fields: []string{"password", password}, done: "/signin?password=set", works: person,
	},
	"staff_setup": {
		purpose: accounts.LinkStaffSetup, life: 48 * time.Hour, path: "/password/reset?token=",
		make: func(a *app, email string) (string, string) {
			ada := a.staff("Ada."+strings.NewReplacer("@", ".").Replace(email), accounts.Admin)
			page := ada.spoofs("/staff/team", "email", email, "role", "support").want(a, 200, "A link for")
			return strings.TrimPrefix(linkField(a, page), a.url), ""
		},
		form: "/password/reset", fields: []string{"name", "Sam", "password", password}, done: "/staff", works: person,
	},
	"email": {
		purpose: accounts.LinkEmail, life: 7 * 24 * time.Hour, path: "/verify/email/",
		make: func(a *app, email string) (string, string) {
			amy := a.signUp("Northgate", "Amy")
			amy.spoofs("/settings/account/email", "email", email, "email-password", password).want(a, 303)
			return a.link(email), amy.email
		},
		done: "/settings/account?done=moved", works: person, own: true,
	},
	"proof": {
		purpose: accounts.LinkVerify, life: 7 * 24 * time.Hour, path: "/verify/",
		make: func(a *app, email string) (string, string) {
			amy := &member{browser: a.newBrowser(), email: email}
			amy.createAccount(email, "Northgate", "Amy", password).want(a, 303)
			amy.unprove()
			amy.spoofs("/verify/send").want(a, 200, "Check your email")
			return a.link(email), email
		},
		done: "/connections", works: person, own: true,
	},
	"invitation": {
		purpose: accounts.LinkInvitation, life: 7 * 24 * time.Hour, path: "/invitations/",
		make: func(a *app, email string) (string, string) {
			a.signUp("Northgate", "Ruth").spoofs("/team/invitations", "email", email, "role", "member").want(a, 303)
			return a.link(email), ""
		},
		fields: []string{"name", "Dana", "password", password}, done: "/connections", works: person, own: true,
	},
	"ask": {
		purpose: accounts.LinkAsk, life: 72 * time.Hour, path: "/ask/",
		make: func(a *app, email string) (string, string) {
			ruth := a.signUp("Northgate", "Ruth")
			form := ruth.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(tenantOf[email])).want(a, 303).location
			action, fields := ruth.formOf(ruth.get(form), "Make a link")
			return a.linkOn(ruth.spoofs(action, "choice", fields.Get("choice"))), ""
		},
		form: "/start", fields: []string{"name", "Dana"}, done: "/ask/",
		finish: func(b *browser, at, email string) {
			authorize := b.post(at+"/authorize").want(b, 303).location
			b.get(b.atServiceTitan(authorize, tenantOf[email], "Allow")).want(b, 303, at)
		},
		works: "SELECT count(*) FROM connections WHERE state = 'connected' AND CASE tenant_id WHEN 842193311 THEN 'dana@first.example' WHEN 905118274 THEN 'dana@second.example' ELSE 'dana@third.example' END = ?",
	},
	"connect_session": {
		purpose: accounts.LinkConnectSession, life: 30 * time.Minute, path: "/c/",
		make: func(a *app, email string) (string, string) {
			return a.sends(connect.NewSession{Reference: email, TenantID: int64(tenantOf[email]), Ways: []servicetitan.Way{servicetitan.SignIn}}), ""
		},
		form: "/start", done: "/c/",
		finish: func(b *browser, at, email string) {
			authorize := b.post(at+"/authorize").want(b, 303).location
			b.get(b.atServiceTitan(authorize, tenantOf[email], "Allow")).want(b, 303, at+"?return=yes")
		},
		works: "SELECT count(*) FROM connections o JOIN companies c ON c.id = o.company_id WHERE o.state = 'connected' AND c.reference = ?",
	},
}

// linkField returns the link in the field of a page that shows one.
func linkField(a *app, page answer) string {
	a.Helper()
	if strings.Contains(page.body, "evil.example") {
		a.Error("the page has the host that a header named")
	}
	_, field, _ := strings.Cut(page.body, `id="link"`)
	_, link, _ := strings.Cut(field, `value="`)
	link, _, _ = strings.Cut(link, `"`)
	if !strings.HasPrefix(link, a.url+"/") {
		a.Fatalf("the page has the link %q", link)
	}
	return link
}

// spoofs sends a form with headers that name another host. As the host itself, that
// host is refused.
func (b *browser) spoofs(path string, pairs ...string) answer {
	b.Helper()
	form := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		form.Set(pair[0], pair[1])
	}
	b.otherHost("evil.example", http.MethodPost, path, form).want(b, http.StatusMisdirectedRequest)
	r := b.request(http.MethodPost, path, form)
	for _, header := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host", "X-Host"} {
		r.Header.Set(header, "evil.example")
	}
	r.Header.Set("Forwarded", "host=evil.example;proto=https")
	r.Header.Set("X-Forwarded-Proto", "https")
	return b.send(r)
}

// secretOf returns the secret in the path of a mailed link.
func secretOf(path string) string {
	if _, token, ok := strings.Cut(path, "token="); ok {
		return token
	}
	return path[strings.LastIndex(path, "/")+1:]
}

// reader returns a new browser, in which the person signs in if they have to.
func (a *app) reader(signIn string) *browser {
	a.Helper()
	b := a.newBrowser()
	if signIn != "" {
		b.post("/signin", "email", signIn, "password", password).want(a, 303)
	}
	return b
}

// open opens a link. It returns the path of its page, and what sends the form there.
func (k kindOfLink) open(t *testing.T, b *browser, path string) (at string, post func() answer) {
	t.Helper()
	at = b.get(path).want(t, 303).location
	page := b.get(at)
	if page.status == 303 { // on to the page of a person who has an account
		at = page.location
		page = b.get(at)
	}
	page.want(t, 200)
	if strings.Contains(at+page.body, secretOf(path)) {
		t.Errorf("%s: the secret is on the page, or in its address", k.path)
	}
	to, fields := at, k.fields
	switch {
	case strings.Contains(k.path, "token="):
		to, fields = k.form, append([]string{"link", hidden(t, page.body, "link")}, k.fields...)
	case k.form != "":
		to = at + k.form
	}
	return at, func() answer { t.Helper(); return b.post(to, fields...) }
}

// dead wants an address to open nothing.
func (b *browser) dead(path string) {
	b.Helper()
	got := b.get(path)
	for range 2 {
		if got.status == 303 {
			got = b.get(got.location)
		}
	}
	if got.status != 404 || !strings.Contains(got.body, "no longer") && !strings.Contains(got.body, "Open the link again") {
		b.Errorf("%s: status %d\n%s", path, got.status, text(got.body))
	}
}

// Every purpose has a row. TestAccountLinks uses all rows.
func TestKindsOfLinksAreAll(t *testing.T) {
	for _, purpose := range pagetest.Constants[accounts.LinkPurpose](t) {
		found := false
		for _, k := range kindsOfLinks {
			found = found || k.purpose == purpose && k.life == purpose.Life()
		}
		if !found {
			t.Errorf("links with the purpose %s have no row in kindsOfLinks, or another life", purpose)
		}
	}
}

// Every kind of link works once, until it expires, for its purpose, and for its
// person. Its address begins with the base URL, whatever host a request names, and
// its secret stays nowhere.
func TestAccountLinks(t *testing.T) {
	for name, k := range kindsOfLinks {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, a *app) {
				const one, two, three = "dana@first.example", "dana@second.example", "dana@third.example"
				first, signIn := k.make(a, one)
				second, signInSecond := k.make(a, two)
				third, signInThird := k.make(a, three)
				secrets := []string{secretOf(first), secretOf(second), secretOf(third)}
				for _, link := range []string{first, second, third} {
					if !strings.HasPrefix(link, k.path) || len(secretOf(link)) != 26 {
						t.Fatalf("the link is %s", link)
					}
					if n := a.count("SELECT count(*) FROM links WHERE purpose = ? AND secret_hash = ?", k.purpose, database.HashOf(secret.New(secretOf(link)))); n != 1 {
						t.Errorf("%d links are stored by their hash", n)
					}
				}
				for _, l := range a.sent {
					if strings.Contains(l.Subject+l.Plain+l.HTML, "evil.example") {
						t.Errorf("a mail has the host that a header named:\n%s", l.Plain)
					}
				}
				if secrets[0] == secrets[1] {
					t.Error("two links have the same secret")
				}

				// Another purpose: the other addresses do not know the link.
				for _, other := range kindsOfLinks {
					if other.path != k.path {
						a.newBrowser().dead(other.path + secrets[0])
					}
				}

				k.refusesOthers(t, a, third, signInThird, three)

				// Once: whoever opened it earlier is too late.
				b, twin := a.reader(signIn), a.reader(signIn)
				at, post := k.open(t, b, first)
				a.reader(signIn).dead(at) // another browser does not have the secret
				_, late := k.open(t, twin, first)
				if n := a.count(k.works, one); n != 0 && name != "reset" {
					t.Errorf("opening the link made %d", n)
				}
				post().want(t, 303, k.done)
				if k.finish != nil {
					k.finish(b, at, one)
				}
				if signIn != "" { // using the link may have ended this session
					signIn = one
					twin.post("/signin", "email", signIn, "password", password).want(t, 303)
				}
				late().want(t, 404, "no longer")
				a.reader(signIn).dead(first)
				if n := a.count(k.works, one); n != 1 {
					t.Errorf("using the link made %d", n)
				}

				// Until it expires, although its page is open.
				b = a.reader(signInSecond)
				_, post = k.open(t, b, second)
				a.clock.Add(k.life + time.Second)
				if k.form == "/start" && a.db.OnPostgres() {
					// The time of the database counts, which no test can set.
					a.exec("UPDATE links SET created_at = created_at - interval '72 hours', expires_at = expires_at - interval '72 hours' WHERE purpose = ?", k.purpose)
				}
				if signInSecond != "" { // a session is shorter than the link's life
					b.post("/signin", "email", signInSecond, "password", password).want(t, 303)
				}
				post().want(t, 404, "no longer")
				a.reader(signInSecond).dead(second)

				stored := a.stored()
				for _, value := range secrets {
					if strings.Contains(a.log.String(), value) || strings.Contains(stored, value) {
						t.Error("a secret is in the log or the database")
					}
				}
			})
		})
	}
}

// refusesOthers checks that a link does nothing to the account of somebody else who
// is signed in and opens it. A link of a person's own does nothing at all then, and
// still works for that person.
func (k kindOfLink) refusesOthers(t *testing.T, a *app, link, signIn, email string) {
	t.Helper()
	eve := a.signUp("Elsewhere", "Eve")
	account := func() string {
		return a.lookup("SELECT u.name || u.email || u.password_hash || u.proven_at || m.role || (SELECT count(*) FROM memberships o WHERE o.user_id = u.id) FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.email = ?", eve.email)
	}
	before, worked := account(), a.count(k.works, email)
	at := eve.get(link).want(t, 303).location
	if page := eve.get(at); page.status == 303 {
		at = page.location
	}
	for _, to := range []string{at, at + "/start"} {
		if got := eve.post(to, append([]string{"link", at[strings.LastIndexAny(at, "/=")+1:]}, k.fields...)...); got.status >= 500 {
			t.Errorf("%s: status %d", to, got.status)
		}
	}
	if k.own {
		if n := a.count(k.works, email); n != worked {
			t.Errorf("somebody else used the link: %d, before %d", n, worked)
		}
		_, post := k.open(t, a.reader(signIn), link)
		post().want(t, 303, k.done)
	}
	if after := account(); after != before {
		t.Errorf("the account of somebody else was %s and is %s", before, after)
	}
}
