package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// The secret of a link is in the address only once. It is exchanged for a cookie
// that belongs to the form. It is on no page, in no other address, and in no log.
func TestPasswordLinkIsExchanged(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		link := a.addStaff("priya@fieldbridge.example", accounts.Admin)
		a.newBrowser().get("/password/reset?token="+link).want(a, 303) // a mail scanner opens the link first
		b := a.newBrowser()
		to := b.get("/password/reset?token="+link).want(a, 303, "/password/reset?link=")
		if strings.Contains(to.location, link) {
			t.Errorf("the address has the secret: %s", to.location)
		}
		cookies := to.header.Values("Set-Cookie")
		if len(cookies) != 1 || !strings.Contains(cookies[0], "HttpOnly") || !strings.Contains(cookies[0], "SameSite=Lax") || !strings.Contains(cookies[0], "Max-Age=1800") {
			t.Errorf("the cookies are %q", cookies)
		}
		page := b.get(to.location).want(a, 200, "priya@fieldbridge.example")
		if strings.Contains(page.body, link) {
			t.Error("the page has the secret")
		}
		if got := page.header.Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("Referrer-Policy is %q", got)
		}
		// The address without the cookie opens nothing, and says how to continue.
		a.newBrowser().get(to.location).want(a, 404, "Open the link again")
		form := hidden(t, page.body, "link")
		a.newBrowser().post("/password/reset", "link", form, "name", "Eve", "password", password).want(a, 404, "Open the link again")
		// A form without the link's name, or with the secret itself, is refused.
		b.post("/password/reset", "token", link, "name", "Eve", "password", password).want(a, 404, "no longer valid")
		b.post("/password/reset", "link", form, "name", "Priya", "password", "short").want(a, 422, "at least 12")
		done := b.post("/password/reset", "link", form, "name", "Priya", "password", password).want(a, 303, "/staff")
		if !strings.Contains(strings.Join(done.header.Values("Set-Cookie"), "\n"), "fieldbridge_link_"+form+"=; Path=/; Max-Age=0") {
			t.Errorf("the cookie stays: %q", done.header.Values("Set-Cookie"))
		}
		b.get("/password/reset?token="+link).want(a, 404, "no longer valid")
		if strings.Contains(a.log.String(), link) || strings.Contains(a.stored(), link) {
			t.Error("the secret is in the log or the database")
		}
	})
}

// Two links in two tabs of one browser do not interfere with each other.
func TestPasswordLinksInTwoTabs(t *testing.T) {
	a := newApp(t)
	b := a.newBrowser()
	pat := b.get("/password/reset?token="+a.addStaff("pat@fieldbridge.example", accounts.Support)).want(a, 303).location
	sam := b.get("/password/reset?token="+a.addStaff("sam@fieldbridge.example", accounts.Support)).want(a, 303).location
	for address, email := range map[string]string{pat: "pat@fieldbridge.example", sam: "sam@fieldbridge.example"} {
		page := b.get(address).want(a, 200, email)
		b.post("/password/reset", "link", hidden(t, page.body, "link"), "name", "Pat or Sam", "password", password).want(a, 303, "/staff")
		if n := a.count("SELECT count(*) FROM users WHERE email = ? AND password_hash <> ''", email); n != 1 {
			t.Errorf("%s has no password", email)
		}
	}
}

// A link that expires or is used up while its form is open says so.
func TestPasswordLinkEndsWhileOpen(t *testing.T) {
	a := newApp(t)
	b, twin := a.newBrowser(), a.newBrowser()
	link := a.addStaff("pat@fieldbridge.example", accounts.Support)
	_, form := b.openLink(link)
	_, again := twin.openLink(link)
	twin.post("/password/reset", "link", again, "name", "Pat", "password", password).want(a, 303)
	b.post("/password/reset", "link", form, "name", "Pat", "password", password).want(a, 404, "no longer valid")
	link = a.addStaff("sam@fieldbridge.example", accounts.Support)
	address, form := b.openLink(link)
	a.clock.Add(49 * time.Hour)
	b.get(address).want(a, 404, "no longer valid")
	b.post("/password/reset", "link", form, "name", "Sam", "password", password).want(a, 404, "no longer valid")
	b.get("/password/reset?token="+link).want(a, 404, "no longer valid")
}

// With https, the cookie cannot be set by other hosts.
func TestPasswordLinkCookieOverHTTPS(t *testing.T) {
	a := newApp(t)
	link := a.addStaff("pat@fieldbridge.example", accounts.Support)
	b := a.overHTTPS()
	got := b.get("/password/reset?token="+link).want(a, 303)
	if cookie := got.header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-fieldbridge_link_") || !strings.Contains(cookie, "; Secure") || !strings.Contains(cookie, "; Path=/;") {
		t.Errorf("the cookie is %q", cookie)
	}
	b.get(got.location).want(a, 200, "pat@fieldbridge.example")
}

// openLink opens the link with a secret. It returns the address of the form, and
// the name by which the form refers to the link.
func (b *browser) openLink(link string) (address, name string) {
	b.Helper()
	address = b.get("/password/reset?token="+link).want(b, 303, "/password/reset?link=").location
	return address, hidden(b, b.get(address).want(b, 200).body, "link")
}

// anyLink is a name by which a form may refer to a link.
const anyLink = "0123456789abcdef"

// withLink puts the secret of a link into the browser, as if it had opened the link
// before.
func (b *browser) withLink(link string) *browser {
	b.setCookie("fieldbridge_link_"+anyLink, link)
	return b
}

// choosePassword opens the link with a secret and chooses a password.
func (b *browser) choosePassword(link, name, password string) answer {
	b.Helper()
	_, form := b.openLink(link)
	return b.post("/password/reset", "link", form, "name", name, "password", password)
}
