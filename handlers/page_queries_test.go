package handlers_test

import (
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// mostQueries limits the statements that each page gives the database, whoever opens
// it. A page without a row fails the test, so that nobody adds one without a limit.
var mostQueries = map[string]int{
	"/":                                   1,
	"/signup":                             1,
	"/verify/:token":                      2,
	"/settings/proof/:token":              3,
	"/signin":                             1,
	"/signin/code":                        3,
	"/session":                            1,
	"/password/forgot":                    1,
	"/password/reset":                     1,
	"/guide/:environment":                 1,
	"/team":                               6,
	"/team/:id/remove":                    4,
	"/team/leave":                         4,
	"/invitations/:token":                 6,
	"/companies/new":                      3,
	"/verify/email/:token":                2,
	"/connections":                        5,
	"/connect":                            3,
	"/connect/review":                     3,
	"/connect/credentials":                3,
	"/connect/guided":                     3,
	"/callback":                           3,
	"/asks/:id":                           4,
	"/ask/:token":                         11,
	"/connections/:id":                    5,
	"/connections/:id/disconnect":         4,
	"/settings/passkeys/code":             3,
	"/settings/account":                   4,
	"/settings/email/:token":              3,
	"/settings/devices":                   4,
	"/help":                               3,
	"/activity":                           5,
	"/activity.csv":                       7,
	"/settings":                           4,
	"/settings/delete":                    4,
	"/api/v1/connections":                 2,
	"/api/v1/connections/:id":             2,
	"/api/v1/connections/:id/token":       6,
	"/staff":                              7,
	"/staff/signin":                       1,
	"/staff/signin/callback":              1,
	"/staff/factor":                       4,
	"/staff/factor/change":                3,
	"/staff/devices":                      3,
	"/staff/queue":                        6,
	"/staff/connections":                  5,
	"/staff/connections.csv":              5,
	"/staff/connections/:id":              18,
	"/staff/connections/:id/disconnect":   18,
	"/staff/companies/:id":                13,
	"/staff/companies/:id/lock":           13,
	"/staff/companies/:id/unlock":         13,
	"/staff/companies/:id/people/:person": 9,
	"/staff/companies/:id/people/:person/disable": 9,
	"/staff/companies/:id/people/:person/enable":  9,
	"/staff/team":                   7,
	"/staff/team/:id/remove":        4,
	"/settings/passkeys":            5,
	"/settings/passkeys/add":        3,
	"/settings/passkeys/confirm":    5,
	"/settings/passkeys/:id/remove": 4,
	"/staff/passkeys":               4,
	"/staff/passkeys/add":           2,
	"/staff/passkeys/confirm":       4,
	"/staff/passkeys/:id/remove":    3,
	"/demo":                         3,
}

// queriesOf returns the number of statements that a request gives the database, and
// where it leads.
func (v visitorOf) queriesOf(path string) (queries int, leads string) {
	v.Helper()
	var n atomic.Int64
	stop := v.db.Watch(func(string, []any) { n.Add(1) })
	defer stop()
	request := v.request(http.MethodGet, path, nil)
	if v.key != "" {
		request.Header.Set("Authorization", "Bearer "+v.key)
	}
	got := v.send(request)
	return int(n.Load()), got.location
}

// No page makes more queries than its limit, for whom it is meant and for others. The
// addresses lead to things that the people may see, and where one has a link's secret,
// to a link that works.
func TestQueriesOfEveryPage(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al := a.signUp("Northgate", "Al")
		amy := al.colleague("Amy", accounts.Member)
		connection := al.connect("sandbox", northgate)
		link := al.asks("sign_in", south)
		several := a.signUp("Blue Sky", "Sue")
		a.exec("INSERT INTO memberships (company_id, user_id, role, created_at) SELECT ?, id, 'owner', created_at FROM users WHERE email = ?", a.companyOf(al), several.email)
		several.post("/company/switch", "to", a.companyOf(al).String()).want(a, 303)
		locked := a.signUp("Locked", "Lou")
		a.exec("UPDATE companies SET locked_at = ? WHERE id = ?", a.clock.Now().UTC(), a.companyOf(locked))
		careful := al.colleague("Cleo", accounts.Member)
		careful.turnOnCodes()
		careful.post("/signout").want(a, 303)
		careful.post("/signin", "email", careful.email, "password", password).want(a, 303)
		half := a.newBrowser()
		half.choosePassword(a.addStaff("half@fieldbridge.example", accounts.Admin), "Half", password).want(a, 303)
		sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
		people := []visitorOf{
			{name: "nobody", browser: a.newBrowser()},
			{name: "member", browser: amy.browser},
			{name: "owner", browser: al.browser},
			{name: "owner of several companies", browser: several.browser},
			{name: "locked company's owner", browser: locked.browser},
			{name: "member without second factor", browser: careful.browser},
			{name: "support", browser: sam.browser},
			{name: "admin", browser: ada.browser},
			{name: "staff without second factor", browser: half},
			{name: "key", browser: a.newBrowser(), key: a.keyOf(a.companyOf(al))},
		}
		person := a.teamIDs(al)
		tokens := map[string]string{
			"/ask/:token": link, "/verify/:token": a.verifyLink("new@northgate.example"), "/invitations/:token": al.invites("jo@northgate.example", "member"),
		}
		if listed := len(mostQueries); listed != len(pages()) {
			t.Errorf("%d pages have a limit, of %d", listed, len(pages()))
		}
		for _, page := range pages() {
			limit, ok := mostQueries[page]
			if !ok {
				t.Errorf("%s has no limit", page)
			}
			address, token := page, tokens[page]
			switch {
			case token != "":
				address = token
			case page == "/asks/:id":
				address = a.askPath()
			case strings.HasPrefix(page, "/connections/"), strings.HasPrefix(page, "/staff/connections/"), strings.HasPrefix(page, "/api/"):
				address = strings.Replace(page, ":id", strings.TrimPrefix(connection, "/connections/"), 1)
			case strings.HasPrefix(page, "/staff/companies/"):
				address = strings.NewReplacer(":id", a.companyOf(al).String(), ":person", person.member).Replace(page)
			case strings.HasPrefix(page, "/team/"):
				address = strings.Replace(page, ":id", person.member, 1)
			case strings.HasPrefix(page, "/staff/team/"):
				address = strings.Replace(page, ":id", a.lookup("SELECT id FROM users WHERE email LIKE 'sam%'"), 1)
			}
			address = strings.NewReplacer(":id", uuid.Max.String(), ":environment", "sandbox", ":token", "0123456789abcdef").Replace(address)
			most, by := 0, ""
			for _, v := range people {
				for range 2 { // the first may write what the second finds
					n, leads := v.queriesOf(address)
					if tokens[page] != "" && path.Dir(leads) == path.Dir(address) { // to the page of the link
						again, _ := v.queriesOf(leads)
						n = max(n, again)
					}
					if n > most {
						most, by = n, v.name
					}
				}
			}
			if most > limit {
				t.Errorf("%q: %d queries for %s, of at most %d", page, most, by, limit)
			} else if most < limit {
				t.Logf("%q: %d queries at most, of %d that are allowed", page, most, limit)
			}
		}
	})
}

// pages returns the paths of all routes that show something.
func pages() (paths []string) {
	for _, r := range handlers.DemoRoutes() {
		if r.Method == http.MethodGet {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

// A connection's page makes no more queries in any of its states than its limit says.
func TestQueriesOfTheStatusPage(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al := a.signUp("Northgate", "Al")
		amy := al.colleague("Amy", accounts.Member)
		path, waits := al.connect("sandbox", northgate), al.guided(south)
		id, now, checks := strings.TrimPrefix(path, "/connections/"), a.clock.Now().UTC(), 0
		check := func(name, path string) {
			t.Helper()
			limit := mostQueries["/connections/:id"]
			for _, v := range []visitorOf{{name: "owner", browser: al.browser}, {name: "member", browser: amy.browser}} {
				for _, query := range []string{"", "?done=tested", "?done=connected"} {
					v.get(path+query).want(a, 200)
					checks++
					if n, _ := v.queriesOf(path + query); n > limit {
						t.Errorf("%s, for the %s, %q: %d queries, want at most %d", name, v.name, query, n, limit)
					}
				}
			}
		}
		a.byHand = append(a.byHand, "closed") // the states below are made up
		check("connected", path)
		check("being set up", waits)
		amy.post(path+"/test").want(a, 303)
		check("tested", path)
		al.post(path+"/ask").want(a, 200)
		check("asked", path)
		a.exec("INSERT INTO renewal_days (connection_id, day, ok, failed) VALUES (?, ?, 20, 4)", id, now.Format(time.DateOnly))
		a.exec("UPDATE connections SET state = 'degraded', reason = 'unavailable', failing_since = ? WHERE id = ?", now, id)
		check("retrying", path)
		a.exec("UPDATE connections SET state = 'reconnect_needed', reason = 'grant_refused', next_renewal_at = NULL WHERE id = ?", id)
		check("needs reconnect", path)
		a.exec("UPDATE connections SET state = 'disconnected', disconnected_at = ? WHERE id = ?", now, id)
		check("disconnected", path)
		a.exec("UPDATE companies SET deletion_at = ? WHERE id = ?", now.Add(time.Hour), a.companyOf(al))
		check("to be deleted", path)
		if checks != 8*6 {
			t.Errorf("%d checks", checks)
		}
	})
}
