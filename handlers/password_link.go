package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/models/secret"
)

// linkLife is how long a form that a one-time link opened can be sent, in
// seconds. The link itself may open another one for as long as it is good.
const linkLife = 30 * 60

// linkName is the form of the names that forms know their links by.
var linkName = regexp.MustCompile(`^[0-9a-f]{16}$`)

// KeepLink keeps the secret of a one-time link for the form that it opens, and
// returns the name by which the form knows it. The name is no secret. Each link
// has its own cookie, so that two forms in two tabs do not mix.
func (s *sessions) KeepLink(c echo.Context, link secret.Value) string {
	sum := sha256.Sum256([]byte(link.Reveal()))
	// Not the beginning, which would say what the database keeps of the link.
	name := hex.EncodeToString(sum[24:])
	s.setLink(c, name, link.Reveal(), linkLife)
	return name
}

// Link returns the secret of the link that a form knows by a name, if this
// browser has it.
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

// DropLink takes the secret of a link out of the browser.
func (s *sessions) DropLink(c echo.Context, name string) { s.setLink(c, name, "", -1) }

func (s *sessions) setLink(c echo.Context, name, value string, seconds int) {
	c.SetCookie(&http.Cookie{ // #nosec G124 -- Secure wherever the app is served by https
		Name: s.cookieName("link_" + name), Value: value, Path: "/", MaxAge: seconds,
		// Lax: the link is opened from a mail program.
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}
