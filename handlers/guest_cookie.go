package handlers

import (
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// guestKind says who sent a person without an account. It begins the address of their
// pages, and the name of the cookie that binds their link to the browser. That cookie
// has nothing to do with the session: a person who is signed in stays so.
type guestKind string

const (
	// askedByOwner is for people whom an owner has asked.
	askedByOwner guestKind = "ask"
	// sentByBackEnd is for people whom a back end has sent.
	sentByBackEnd guestKind = "c"
)

// guestPage is where a person without an account goes on. Name is the name of their
// link, which is not secret.
type guestPage struct {
	kind guestKind
	name string
}

func (p guestPage) path() string { return "/" + string(p.kind) + "/" + p.name }

// cookie returns the beginning of the names of the cookies of a kind.
func (k guestKind) cookie() string { return string(k) + "_" }

// guestCookiesRead is the most such cookies that a request may bring.
const guestCookiesRead = 50

// newGuestBinding returns a value to which a link can be bound.
func newGuestBinding() secret.Value { return secret.New(rand.Text() + rand.Text()) }

// KeepGuestBinding keeps the value to which a link is bound, for as long as the link can
// be used at most.
func (s *sessions) KeepGuestBinding(c echo.Context, page guestPage, binding secret.Value, life time.Duration) {
	c.SetCookie(&http.Cookie{ // #nosec G124 -- Secure wherever the app is served by https
		Name: s.cookieName(page.kind.cookie() + page.name), Value: binding.Reveal(), Path: "/", MaxAge: int(life.Seconds()),
		// Lax: the browser comes back from ServiceTitan.
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

// GuestBinding returns the value to which a link is bound. It is zero if the link is not
// bound to this browser.
func (s *sessions) GuestBinding(c echo.Context, page guestPage) secret.Value {
	if !linkName.MatchString(page.name) {
		return secret.Value{}
	}
	cookie, err := c.Cookie(s.cookieName(page.kind.cookie() + page.name))
	if err != nil {
		return secret.Value{}
	}
	return secret.New(cookie.Value)
}

// GuestBindings returns all such values of this browser, and where each one belongs.
func (s *sessions) GuestBindings(c echo.Context) (pages []guestPage, bindings []secret.Value) {
	for _, cookie := range c.Cookies() {
		for _, kind := range []guestKind{askedByOwner, sentByBackEnd} {
			name, ok := strings.CutPrefix(cookie.Name, s.cookieName(kind.cookie()))
			if ok && linkName.MatchString(name) && len(pages) < guestCookiesRead {
				pages, bindings = append(pages, guestPage{kind, name}), append(bindings, secret.New(cookie.Value))
			}
		}
	}
	return pages, bindings
}
