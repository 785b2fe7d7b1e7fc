package handlers_test

import (
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// mostQueries limits the statements that each page gives the database, whoever opens
// it. A page without a row fails the test, so that nobody adds one without a limit.
var mostQueries = map[string]int{
	"/":                                   1,
	"/signup":                             1,
	"/verify/:token":                      2,
	"/settings/proof/:token":              1,
	"/signin":                             1,
	"/signin/code":                        1,
	"/session":                            1,
	"/password/forgot":                    1,
	"/password/reset":                     1,
	"/guide/:environment":                 1,
	"/team":                               4,
	"/team/:id/remove":                    2,
	"/team/leave":                         2,
	"/invitations/:token":                 5,
	"/companies/new":                      1,
	"/verify/email/:token":                2,
	"/connections":                        3,
	"/connect":                            1,
	"/connect/review":                     1,
	"/connect/credentials":                1,
	"/connect/guided":                     1,
	"/callback":                           1,
	"/asks/:id":                           3,
	"/ask/:token":                         7,
	"/c/:token":                           7,
	"/connections/:id":                    3,
	"/connections/:id/live":               2,
	"/connections/:id/secret":             3,
	"/connections/:id/disconnect":         3,
	"/settings/passkeys/code":             1,
	"/settings/account":                   2,
	"/settings/email/:token":              1,
	"/settings/devices":                   2,
	"/help":                               1,
	"/status":                             3,
	"/activity":                           3,
	"/activity.csv":                       4,
	"/settings":                           2,
	"/settings/delete":                    2,
	"/api":                                0,
	"/api/openapi.yaml":                   0,
	"/api/problems/:name":                 1,
	"/api/v1/connections":                 2,
	"/api/v1/connections/:id":             2,
	"/api/v1/connections/:id/token":       6,
	"/api/v1/connect-sessions/:id":        3,
	"/api/v1/deliveries":                  2,
	"/api/v1/deliveries/:id":              2,
	"/staff":                              11,
	"/staff/signin":                       1,
	"/staff/signin/callback":              1,
	"/staff/factor":                       3,
	"/staff/factor/change":                2,
	"/staff/devices":                      2,
	"/staff/queue":                        10,
	"/staff/reminders":                    7,
	"/staff/reminders/sent":               2,
	"/staff/secrets":                      3,
	"/staff/connections/:id/secret":       8,
	"/staff/find":                         3,
	"/staff/connections":                  5,
	"/staff/connections.csv":              4,
	"/staff/codes/:code":                  16,
	"/staff/connections/:id":              18,
	"/staff/connections/:id/live":         2,
	"/staff/connections/:id/disconnect":   18,
	"/staff/connections/:id/mail":         8,
	"/staff/companies/:id":                12,
	"/staff/companies/:id/lock":           12,
	"/staff/companies/:id/unlock":         12,
	"/staff/companies/:id/people/:person": 8,
	"/staff/companies/:id/people/:person/disable": 8,
	"/staff/companies/:id/people/:person/enable":  8,
	"/staff/team":                           6,
	"/staff/team/:id/remove":                3,
	"/settings/passkeys":                    3,
	"/settings/passkeys/add":                1,
	"/settings/passkeys/confirm":            3,
	"/settings/passkeys/:id/remove":         2,
	"/staff/passkeys":                       3,
	"/staff/passkeys/add":                   1,
	"/staff/passkeys/confirm":               3,
	"/staff/passkeys/:id/remove":            2,
	"/demo":                                 1,
	"/demo/run":                             1, // its frames are looked at in TestRunFrames
	"/demo/run/:side/:step":                 1,
	"/developers":                           5,
	"/developers/keys/new":                  5,
	"/developers/keys/:id":                  5,
	"/developers/keys/:id/roll":             5,
	"/developers/keys/:id/revoke":           5,
	"/developers/webhooks":                  5,
	"/developers/webhooks/new":              5,
	"/developers/webhooks/:id":              5,
	"/developers/webhooks/:id/rotate":       5,
	"/developers/webhooks/:id/replay":       5,
	"/developers/webhooks/:id/remove":       5,
	"/developers/deliveries":                5,
	"/developers/deliveries/:id":            5,
	"/staff/developers":                     5,
	"/staff/developers/keys/new":            5,
	"/staff/developers/keys/:id":            5,
	"/staff/developers/keys/:id/roll":       5,
	"/staff/developers/keys/:id/revoke":     5,
	"/staff/developers/webhooks":            5,
	"/staff/developers/webhooks/new":        5,
	"/staff/developers/webhooks/:id":        5,
	"/staff/developers/webhooks/:id/rotate": 5,
	"/staff/developers/webhooks/:id/replay": 5,
	"/staff/developers/webhooks/:id/remove": 5,
	"/staff/developers/deliveries":          5,
	"/staff/developers/deliveries/:id":      5,

	"/api/v1/connections/:id/servicetitan/*": 6,
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
		at := a.furnish(al, amy, connection)
		if listed := len(mostQueries); listed != len(pages()) {
			t.Errorf("%d pages have a limit, of %d", listed, len(pages()))
		}
		for _, page := range pages() {
			limit, ok := mostQueries[page]
			if !ok {
				t.Errorf("%s has no limit", page)
			}
			address := at.address(page)
			most, by := 0, ""
			for _, v := range people {
				for range 2 { // the first may write what the second finds
					n, leads := v.queriesOf(address)
					if at.links[page] != "" && path.Dir(leads) == path.Dir(address) { // to the page of the link
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
