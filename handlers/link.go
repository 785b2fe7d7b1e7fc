package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// linkLife is how long a form that a one-time link opened can be sent, in seconds.
// While the link is valid, it can open another form.
const linkLife = 30 * 60

// linkName matches the names by which forms refer to their links.
var linkName = regexp.MustCompile(`^[0-9a-f]{16}$`)

// linkIn returns the secret of the link that the path's token names. As mailed, the
// token is the secret itself, and name is empty. Afterward it is the name under
// which this browser keeps the secret, so that the address holds no secret. ok is
// false if this browser does not keep a link with that name.
func (s *site) linkIn(c echo.Context) (value secret.Value, name string, ok bool) {
	token := c.Param("token")
	if !linkName.MatchString(token) {
		return secret.New(token), "", true
	}
	value, ok = s.sessions.Link(c, token)
	return value, token, ok
}

// KeepLink keeps the secret of a one-time link for the form that it opens. It
// returns the name by which the form refers to the link; the name is not secret.
// Each link has its own cookie, so that forms in two tabs do not mix.
func (s *sessions) KeepLink(c echo.Context, link secret.Value) string {
	sum := sha256.Sum256([]byte(link.Reveal()))
	// The first bytes would reveal what the database stores of the link.
	name := hex.EncodeToString(sum[24:])
	s.setLink(c, name, link.Reveal(), linkLife)
	return name
}

// Link returns the secret of the link with a name, if this browser has it.
func (s *sessions) Link(c echo.Context, name string) (secret.Value, bool) {
	if !linkName.MatchString(name) {
		return secret.Value{}, false
	}
	cookie, err := c.Cookie(s.cookieName("link_" + name))
	if err != nil {
		return secret.Value{}, false
	}
	return secret.New(cookie.Value), true
}

// DropLink removes the secret of a link from the browser.
func (s *sessions) DropLink(c echo.Context, name string) { s.setLink(c, name, "", -1) }

func (s *sessions) setLink(c echo.Context, name, value string, seconds int) {
	c.SetCookie(&http.Cookie{ // #nosec G124 -- Secure wherever the app is served by https
		Name: s.cookieName("link_" + name), Value: value, Path: "/", MaxAge: seconds,
		// Lax: the link is opened from a mail program.
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}
