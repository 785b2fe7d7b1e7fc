package handlers_test

import (
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// An address that does not exist still says who is signed in.
func TestNotFoundSaysWhoIsSignedIn(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate", "Dana Whitfield")
	ada := a.staff("Ada", accounts.Admin)
	half := a.newBrowser()
	half.choosePassword(a.addStaff("half@fieldbridge.example", accounts.Admin), "Half", password).want(t, 303)
	stale := a.newBrowser()
	stale.setCookie("fieldbridge_session", "made-up")
	for name, c := range map[string]struct {
		*browser
		says string
	}{
		"member":                {dana.browser, "Signed in as Dana Whitfield, Northgate"},
		"staff":                 {ada.browser, "Signed in as Ada, support console"},
		"without second factor": {half, ""},
		"nobody":                {a.newBrowser(), ""},
		"made-up cookie":        {stale, ""},
	} {
		for path, status := range map[string]int{"/no/such/page": 404, "/connectionz": 404} {
			page := c.get(path).want(t, status)
			if said := strings.Contains(text(page.body), "Signed in as"); said != (c.says != "") || !strings.Contains(text(page.body), c.says) {
				t.Errorf("%s: %s says: %s", name, path, text(page.body))
			}
		}
		if page := c.post("/connections").want(t, 405); !strings.Contains(text(page.body), c.says) {
			t.Errorf("%s: a wrong method says: %s", name, text(page.body))
		}
	}
}
