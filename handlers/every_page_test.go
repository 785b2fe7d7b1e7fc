package handlers_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// mostBytes is how much a page may weigh, with its stylesheets and scripts and without
// its font.
const mostBytes = 60 << 10

// heavier lists the pages that may weigh more.
var heavier = map[string]int{
	"/api": 234 << 10, // it describes the whole API on one page
	// It has all that support needs during a call, the same as text, and a reply.
	"/staff/connections/:id": 72 << 10,
}

// Everybody can use every page with the fingers, with the keyboard alone, in narrow and
// enlarged windows, in forced colors, with reduced motion, and over a slow line. A page is
// checked for a person who sees most of it.
func TestBrowserEveryPage(t *testing.T) {
	a := newApp(t)
	al := a.signUp("Northgate Heating & Plumbing", "Al Whitfield")
	amy, gus, careful := al.colleague("Amy Park", accounts.Member), al.colleague("Gus Lind", accounts.Member), al.colleague("Cleo Ortega", accounts.Member)
	connection := al.connect("sandbox", northgate)
	a.history(strings.TrimPrefix(connection, "/connections/"))
	states := a.inEveryState(al)
	careful.turnOnCodes()
	careful.post("/signout").want(a, 303)
	careful.post("/signin", "email", careful.email, "password", password).want(a, 303)
	half := a.newBrowser()
	half.choosePassword(a.addStaff("half@fieldbridge.example", accounts.Admin), "Half", password).want(a, 303)
	sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
	at := a.furnish(al, amy, connection)
	amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(south)).want(a, 303)
	al.post("/connect", "env", "sandbox", "how", "own_credentials", "tenant", fmt.Sprint(south)).want(a, 303)
	gus.post("/connect", "env", "sandbox", "how", "guided", "tenant", fmt.Sprint(south)).want(a, 303)
	al.post("/settings/passkeys/confirm", "password", password).want(a, 303)
	ada.post("/staff/passkeys/confirm", "password", password).want(a, 303)
	at.links["/password/reset"] = "/password/reset?token=" + a.addStaff("new@fieldbridge.example", accounts.Support)
	w := &walk{app: a, weights: map[string]int{}}
	seen := w.share(at, states, []visitorOf{
		{name: "admin", browser: ada.browser},
		{name: "owner", browser: al.browser},
		{name: "member", browser: amy.browser},
		{name: "another member", browser: gus.browser},
		{name: "member without second factor", browser: careful.browser},
		{name: "support", browser: sam.browser},
		{name: "staff without second factor", browser: half},
		{name: "nobody", browser: a.newBrowser()},
	})
	t.Run("as", func(t *testing.T) {
		for _, s := range seen {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				w.as(t, s)
			})
		}
	})
	w.weigh()
}

// walk is a walk through all pages by several people at once.
type walk struct {
	*app
	mu sync.Mutex
	// weights holds the most bytes of each page.
	weights map[string]int
}

// sight is a person with the pages that they check.
type sight struct {
	visitorOf
	pages, addresses []string
}

// notWalked lists the pages that the walk leaves to other tests, with the reason.
var notWalked = map[string]string{
	"/session":                      "part of every page",
	"/staff/find":                   "part of the palette",
	"/connections/:id/live":         "part of the connection's page",
	"/staff/connections/:id/live":   "part of the connection's page",
	"/callback":                     "leads on",
	"/staff/signin":                 "leads on",
	"/staff/signin/callback":        "leads on",
	"/settings/proof/:token":        "leads on",
	"/settings/email/:token":        "leads on",
	"/verify/email/:token":          "leads on",
	"/connections/:id/secret":       "the journey of a secret",
	"/staff/connections/:id/secret": "the journey of a secret",
	"/settings/passkeys/:id/remove": "the journey of a passkey",
	"/staff/passkeys/:id/remove":    "the journey of a passkey",
	"/demo":                         "the journey of a demo",
	"/demo/run":                     "the journey of a demo",
	"/demo/run/:side/:step":         "the journey of a demo",
}

// share gives each address of each page to the first person to whom it opens. A link is
// for nobody that is signed in.
func (w *walk) share(at *furnished, states map[string][]string, people []visitorOf) []sight {
	w.Helper()
	seen := make([]sight, len(people))
	for i := range people {
		seen[i].visitorOf = people[i]
	}
	for _, page := range pages() {
		if notWalked[page] != "" || strings.HasPrefix(page, "/api/v1/") || path.Ext(page) != "" {
			continue
		}
		addresses := states[page]
		if len(addresses) != 1 {
			addresses = append([]string{at.address(page)}, addresses...)
		}
		for _, address := range addresses {
			i := slices.IndexFunc(people, func(who visitorOf) bool {
				if at.links[page] != "" {
					return who.name == "nobody"
				}
				return who.get(address).status == http.StatusOK
			})
			if i < 0 {
				w.Errorf("%s opens to nobody", address)
				continue
			}
			seen[i].pages, seen[i].addresses = append(seen[i].pages, page), append(seen[i].addresses, address)
		}
	}
	return slices.DeleteFunc(seen, func(s sight) bool { return len(s.pages) == 0 })
}

// as opens the pages of a person. axe-core sees each page in its first state.
func (w *walk) as(t *testing.T, s sight) {
	t.Helper()
	c := w.contractor(t)
	c.become(s.browser)
	c.ForUsable()
	for i, page := range s.pages {
		c.Goto(w.url + s.addresses[i])
		w.note(page, c.Usable())
		if !slices.Contains(s.pages[:i], page) && !axeElsewhere(page) {
			c.Accessible()
		}
	}
}

// axeElsewhere reports whether axe-core sees the content of a page elsewhere. It takes most
// of the time.
func axeElsewhere(page string) bool {
	return page == "/api" || strings.HasPrefix(page, "/staff/developers/")
}

// note notes the weight of a page.
func (w *walk) note(page string, weight int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.weights[page] = max(w.weights[page], weight)
}

// weigh compares the pages with what they may weigh, and tells the heaviest.
func (w *walk) weigh() {
	w.Helper()
	for i, page := range slices.SortedFunc(maps.Keys(w.weights), func(a, b string) int { return w.weights[b] - w.weights[a] }) {
		most := cmp.Or(heavier[page], mostBytes)
		if w.weights[page] > most {
			w.Errorf("%s has %d bytes, want at most %d", page, w.weights[page], most)
		}
		if i < 5 {
			w.Logf("%s has %d bytes", page, w.weights[page])
		}
	}
}

// inEveryState adds connections of an owner in each state. It returns the addresses of
// the pages that show them, by page.
func (a *app) inEveryState(owner *member) map[string][]string {
	a.Helper()
	a.byHand = append(a.byHand, "closed") // the states are made up
	now := a.clock.Now().UTC()
	waits := owner.guided(harbor)
	retries, stopped, ended := owner.connect("sandbox", 617402958), owner.connect("sandbox", 580937745), owner.connect("sandbox", 463205819)
	a.exec("UPDATE connections SET state = 'degraded', reason = 'unavailable', failing_since = ? WHERE id = ?", now.Add(-time.Hour), path.Base(retries))
	a.exec("UPDATE connections SET state = 'reconnect_needed', reason = 'grant_refused', next_renewal_at = NULL WHERE id = ?", path.Base(stopped))
	a.exec("UPDATE connections SET state = 'disconnected', disconnected_at = ? WHERE id = ?", now, path.Base(ended))
	other := a.signUp("Locked Plumbing", "Lou Reyes")
	a.exec("UPDATE companies SET locked_at = ? WHERE id = ?", now, a.companyOf(other))
	a.exec("UPDATE users SET disabled_at = ? WHERE email = ?", now, other.email)
	states := map[string][]string{
		"/api/problems/:name":                        {"/api/problems/reconnect-needed"},
		"/staff/companies/:id/unlock":                {"/staff/companies/" + a.companyOf(other).String() + "/unlock"},
		"/staff/companies/:id/people/:person/enable": {"/staff/companies/" + a.companyOf(other).String() + "/people/" + a.lookup("SELECT id FROM users WHERE email = ?", other.email) + "/enable"},
	}
	for _, at := range []string{waits, retries, stopped, ended, retries + "?done=connected", retries + "?done=tested"} {
		states["/connections/:id"] = append(states["/connections/:id"], at)
		if !strings.Contains(at, "?") {
			states["/staff/connections/:id"] = append(states["/staff/connections/:id"], "/staff"+at)
		}
	}
	return states
}
