package handlers_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/connect"
)

// furnished knows an address of every page, each with something to show.
type furnished struct {
	*app
	// links holds the pages that a secret opens, with a link that works.
	links map[string]string
	made  map[bool]madeIDs // by whether staff made them
	// The rest are IDs.
	connection, company, person, teammate, ask, code string
}

// furnish makes what the pages show, in the company of an owner and a member that has a
// connection.
func (a *app) furnish(owner, member *member, connection string) *furnished {
	a.Helper()
	person, company := a.teamIDs(owner), a.companyOf(owner)
	return &furnished{
		app: a,
		links: map[string]string{
			"/ask/:token":         owner.asks("sign_in", south),
			"/c/:token":           a.sends(connect.NewSession{Reference: "customer-1"}),
			"/verify/:token":      a.verifyLink("new@northgate.example"),
			"/invitations/:token": owner.invites("jo@northgate.example", "member"),
		},
		made:       map[bool]madeIDs{false: a.madeIDs(&company), true: a.madeIDs(nil)},
		connection: strings.TrimPrefix(connection, "/connections/"),
		company:    company.String(),
		person:     person.member,
		teammate:   a.lookup("SELECT id FROM users WHERE email LIKE 'sam%'"),
		ask:        strings.TrimPrefix(a.askPath(), "/asks/"),
		code:       a.codeOn(member.get(connection + "/disconnect")), // of a failure with everything to name
	}
}

// address returns an address of the page.
func (f *furnished) address(page string) string {
	if link := f.links[page]; link != "" {
		return link
	}
	id := uuid.Max.String()
	switch {
	case strings.Contains(page, "/developers/"):
		below, ofStaff := strings.CutPrefix(page, "/staff")
		kind, _, _ := strings.Cut(strings.TrimPrefix(below, "/developers/"), "/")
		id = f.made[ofStaff][kind]
	case page == "/asks/:id":
		id = f.ask
	case strings.HasPrefix(page, "/connections/"), strings.HasPrefix(page, "/staff/connections/"), strings.HasPrefix(page, "/api/"):
		id = f.connection
	case strings.HasPrefix(page, "/staff/companies/"):
		id = f.company
	case strings.HasPrefix(page, "/team/"):
		id = f.person
	case strings.HasPrefix(page, "/staff/team/"):
		id = f.teammate
	}
	return strings.NewReplacer(":id", id, ":person", f.person, ":environment", "sandbox", ":token", "0123456789abcdef", ":code", f.code).Replace(page)
}

// mostBytes is how much a page may weigh, with its stylesheets and scripts and without
// its font.
const mostBytes = 60 << 10

// heavier lists the pages that may weigh more.
var heavier = map[string]int{
	"/api": 236 << 10, // it describes the whole API on one page
	// The console has the script and the styles of the palette, and dense pages.
	"/staff":                 72 << 10,
	"/staff/companies/:id":   68 << 10,
	"/staff/connections":     64 << 10,
	"/staff/connections/:id": 89 << 10, // it also has the connection as text, and a reply
	"/staff/team":            63 << 10,
	"/connections/:id":       65 << 10, // with a month of events
}

// Everybody can use every page with the fingers, with the keyboard alone, in narrow and
// enlarged windows, in forced colors, with reduced motion, and over a slow line.
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
	people := []visitorOf{
		{name: "nobody", browser: a.newBrowser()},
		{name: "owner", browser: al.browser},
		{name: "member", browser: amy.browser},
		{name: "another member", browser: gus.browser},
		{name: "member without second factor", browser: careful.browser},
		{name: "support", browser: sam.browser},
		{name: "admin", browser: ada.browser},
		{name: "staff without second factor", browser: half},
	}
	w := &walk{app: a, weights: map[string]int{}, checked: map[string]bool{}}
	t.Run("as", func(t *testing.T) {
		for _, who := range people {
			t.Run(who.name, func(t *testing.T) {
				t.Parallel()
				w.as(t, who, at, states)
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
	// checked holds the pages that axe-core has seen. It takes most of the time.
	checked map[string]bool
}

// as opens every page that a person may open, and the first refusal of each kind.
func (w *walk) as(t *testing.T, who visitorOf, at *furnished, states map[string][]string) {
	t.Helper()
	c := w.contractor(t)
	c.become(who.browser)
	c.Look(1280, 900, "light")
	refused := map[int]bool{}
	for _, page := range pages() {
		if strings.HasPrefix(page, "/api") && who.name != "nobody" || strings.HasPrefix(page, "/api/v1/") || strings.HasSuffix(page, "/live") || page == "/session" || page == "/staff/find" {
			continue
		}
		for _, address := range append([]string{at.address(page)}, states[page]...) {
			got := who.get(address)
			if opens := at.links[page] != ""; !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") || got.status == http.StatusSeeOther && !opens {
				continue
			}
			if got.status >= http.StatusBadRequest {
				if refused[got.status] {
					continue
				}
				refused[got.status] = true
				c.Expect(strconv.Itoa(got.status))
			}
			c.Goto(w.url + address)
			w.note(page, c.Usable())
			if w.first(page, got.status) {
				c.Accessible()
			}
		}
	}
}

// note notes the weight of a page.
func (w *walk) note(page string, weight int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.weights[page] = max(w.weights[page], weight)
}

// first reports whether nobody has checked the page yet.
func (w *walk) first(page string, status int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := page + strconv.Itoa(status)
	defer func() { w.checked[key] = true }()
	return !w.checked[key]
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
	states := map[string][]string{}
	for _, at := range []string{waits, retries, stopped, ended, retries + "?done=connected", retries + "?done=tested"} {
		states["/connections/:id"] = append(states["/connections/:id"], at)
		if !strings.Contains(at, "?") {
			states["/staff/connections/:id"] = append(states["/staff/connections/:id"], "/staff"+at)
		}
	}
	return states
}

// become signs the person at the browser in as somebody who is signed in elsewhere.
func (c *contractor) become(who *browser) {
	c.Helper()
	c.Cookies(c.app.url, who.client.Jar.Cookies(parse(c.app.T, c.app.url)))
}
