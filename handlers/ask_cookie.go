package handlers

import (
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/secret"
)

// askCookie is the beginning of the names of the cookies that bind links of asks to
// a browser. They have nothing to do with the session: a person who is signed in
// stays so.
const askCookie = "ask_"

// askCookiesRead is the most such cookies that a request may bring.
const askCookiesRead = 50

// newAskBinding returns a value to which an ask can be bound.
func newAskBinding() secret.Value { return secret.New(rand.Text() + rand.Text()) }

// KeepAskBinding keeps the value to which the link with a name is bound.
func (s *sessions) KeepAskBinding(c echo.Context, name string, binding secret.Value) {
	c.SetCookie(&http.Cookie{ // #nosec G124 -- Secure wherever the app is served by https
		Name: s.cookieName(askCookie + name), Value: binding.Reveal(), Path: "/", MaxAge: int(accounts.LinkAsk.Life().Seconds()),
		// Lax: the browser comes back from ServiceTitan.
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

// AskBinding returns the value to which the link with a name is bound. It is zero if
// the link is not bound to this browser.
func (s *sessions) AskBinding(c echo.Context, name string) secret.Value {
	if !linkName.MatchString(name) {
		return secret.Value{}
	}
	cookie, err := c.Cookie(s.cookieName(askCookie + name))
	if err != nil {
		return secret.Value{}
	}
	return secret.New(cookie.Value)
}

// AskBindings returns all such values of this browser, and the names of their links.
func (s *sessions) AskBindings(c echo.Context) (names []string, bindings []secret.Value) {
	for _, cookie := range c.Cookies() {
		name, ok := strings.CutPrefix(cookie.Name, s.cookieName(askCookie))
		if ok && linkName.MatchString(name) && len(names) < askCookiesRead {
			names, bindings = append(names, name), append(bindings, secret.New(cookie.Value))
		}
	}
	return names, bindings
}
