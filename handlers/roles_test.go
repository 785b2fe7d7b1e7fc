package handlers_test

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/fieldbridge/fieldbridge/handlers"
	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/models/webhook"
)

// admitted lists the status with which each route answers people whom it admits,
// for an ID of theirs and an empty form. A route without a row here fails the test,
// so that nobody adds one without saying who may enter.
var admitted = map[string]int{
	"GET /":                                      200,
	"GET /signup":                                200,
	"POST /signup":                               422,
	"GET /verify/:token":                         404,
	"POST /verify/:token":                        404,
	"POST /verify/send":                          200,
	"GET /signin":                                200,
	"POST /signin":                               422,
	"POST /signin/passkey":                       415,
	"POST /signin/passkey/options":               415,
	"GET /signin/code":                           200,
	"POST /signin/code":                          422,
	"POST /signout":                              303,
	"GET /session":                               200,
	"GET /password/forgot":                       200,
	"POST /password/forgot":                      422,
	"GET /password/reset":                        404,
	"POST /password/reset":                       404,
	"GET /verify/email/:token":                   404,
	"GET /guide/:environment":                    200,
	"GET /team":                                  200,
	"POST /team/invitations":                     422,
	"POST /team/invitations/:id/resend":          303,
	"POST /team/invitations/:id/withdraw":        303,
	"POST /team/:id/role":                        303,
	"GET /team/:id/remove":                       200,
	"POST /team/:id/remove":                      303,
	"GET /team/leave":                            200,
	"POST /team/leave":                           409,
	"GET /invitations/:token":                    404,
	"POST /invitations/:token":                   404,
	"POST /company/switch":                       404,
	"GET /companies/new":                         200,
	"POST /companies/new":                        422,
	"GET /connections":                           200,
	"GET /connect":                               200,
	"POST /connect":                              422,
	"GET /connect/review":                        200,
	"POST /connect/authorize":                    303,
	"GET /connect/credentials":                   303,
	"POST /connect/credentials":                  303,
	"GET /connect/guided":                        303,
	"POST /connect/guided":                       303,
	"POST /connect/ask":                          200,
	"GET /callback":                              400,
	"GET /asks/:id":                              200,
	"POST /asks/:id/again":                       200,
	"POST /asks/:id/revoke":                      303,
	"GET /ask/:token":                            404,
	"POST /ask/:token/start":                     404,
	"POST /ask/:token/authorize":                 404,
	"POST /ask/:token/credentials":               404,
	"POST /ask/:token/allowed":                   404,
	"GET /c/:token":                              404,
	"POST /c/:token/start":                       404,
	"POST /c/:token/cancel":                      404,
	"POST /c/:token/choose":                      404,
	"POST /c/:token/authorize":                   404,
	"POST /c/:token/credentials":                 404,
	"POST /c/:token/guided":                      404,
	"POST /c/:token/allowed":                     404,
	"GET /connections/:id":                       200,
	"GET /connections/:id/live":                  200,
	"POST /connections/:id/test":                 303,
	"POST /connections/:id/try-again":            303,
	"POST /connections/:id/reconnect":            303,
	"POST /connections/:id/allowed":              303,
	"POST /connections/:id/withdraw":             303,
	"POST /connections/:id/ask":                  200,
	"GET /connections/:id/secret":                404, // it has no client of its own
	"POST /connections/:id/secret":               404,
	"POST /connections/:id/secret/deleted":       404,
	"POST /connections/:id/nickname":             303,
	"GET /connections/:id/disconnect":            200,
	"POST /connections/:id/disconnect":           303,
	"GET /settings/passkeys/code":                303,
	"POST /settings/passkeys/code":               303,
	"GET /settings/passkeys":                     200,
	"POST /settings/passkeys":                    415,
	"GET /settings/passkeys/add":                 303,
	"POST /settings/passkeys/options":            415,
	"GET /settings/passkeys/confirm":             200,
	"POST /settings/passkeys/confirm":            422,
	"POST /settings/passkeys/confirm/passkey":    415,
	"POST /settings/passkeys/confirm/options":    415,
	"POST /settings/passkeys/:id/name":           422,
	"GET /settings/passkeys/:id/remove":          303,
	"POST /settings/passkeys/:id/remove":         303,
	"GET /staff/passkeys":                        200,
	"POST /staff/passkeys":                       415,
	"GET /staff/passkeys/add":                    303,
	"POST /staff/passkeys/options":               415,
	"GET /staff/passkeys/confirm":                200,
	"POST /staff/passkeys/confirm":               422,
	"POST /staff/passkeys/confirm/passkey":       415,
	"POST /staff/passkeys/confirm/options":       415,
	"POST /staff/passkeys/:id/name":              422,
	"GET /staff/passkeys/:id/remove":             303,
	"POST /staff/passkeys/:id/remove":            303,
	"GET /settings/account":                      200,
	"POST /settings/account/name":                422,
	"POST /settings/account/password":            422,
	"POST /settings/account/email":               422,
	"POST /settings/account/email/resend":        404,
	"POST /settings/account/email/cancel":        303,
	"GET /settings/proof/:token":                 404,
	"POST /settings/proof/:token":                404,
	"GET /settings/email/:token":                 404,
	"POST /settings/email/:token":                404,
	"GET /settings/devices":                      200,
	"POST /settings/devices/end-others":          303,
	"POST /settings/devices/:id/end":             404, // of somebody else
	"GET /help":                                  200,
	"GET /status":                                200,
	"GET /activity":                              200,
	"GET /activity.csv":                          200,
	"GET /settings":                              200,
	"POST /settings":                             422,
	"POST /settings/mails":                       303,
	"GET /settings/delete":                       200,
	"POST /settings/delete":                      422,
	"POST /settings/keep":                        303,
	"GET /api":                                   200,
	"GET /api/openapi.yaml":                      200,
	"GET /api/problems/:name":                    404,
	"GET /api/v1/connections":                    200,
	"GET /api/v1/connections/:id":                200,
	"GET /api/v1/connections/:id/token":          200,
	"POST /api/v1/connections/:id/test":          409, // disconnected by then
	"POST /api/v1/connections/:id/disconnect":    200,
	"POST /api/v1/connect-sessions":              415,
	"GET /api/v1/connect-sessions/:id":           200,
	"GET /api/v1/deliveries":                     200,
	"GET /api/v1/deliveries/:id":                 404,
	"POST /api/v1/deliveries/:id/replay":         404,
	"GET /staff":                                 200,
	"GET /staff/signin":                          404,
	"GET /staff/signin/callback":                 404,
	"GET /staff/factor":                          200,
	"POST /staff/factor":                         422,
	"GET /staff/factor/change":                   200,
	"POST /staff/factor/change":                  400,
	"GET /staff/devices":                         200,
	"POST /staff/devices/end-others":             303,
	"POST /staff/devices/:id/end":                404, // of somebody else
	"GET /staff/queue":                           200,
	"POST /staff/queue/:id/assign":               404,
	"POST /staff/queue/:id/snooze":               404,
	"GET /staff/reminders":                       200,
	"POST /staff/reminders":                      422,
	"GET /staff/reminders/sent":                  200,
	"POST /staff/views":                          404,
	"POST /staff/views/:id/delete":               404,
	"GET /staff/codes/:code":                     200,
	"GET /staff/find":                            200,
	"GET /staff/connections":                     200,
	"GET /staff/connections.csv":                 200,
	"GET /staff/connections/:id":                 200,
	"GET /staff/connections/:id/live":            200,
	"POST /staff/connections/:id/tenant-added":   303,
	"POST /staff/connections/:id/send-back":      303,
	"POST /staff/connections/:id/confirm":        303,
	"POST /staff/connections/:id/credentials":    422,
	"GET /staff/secrets":                         200,
	"GET /staff/connections/:id/secret":          404, // it has no client of its own
	"POST /staff/connections/:id/secret":         404,
	"POST /staff/connections/:id/reminder":       404,
	"POST /staff/tasks/:id/done":                 303,
	"POST /staff/connections/:id/refresh":        303,
	"POST /staff/connections/:id/reconnect-link": 303,
	"GET /staff/connections/:id/mail":            200,
	"POST /staff/connections/:id/mail":           409, // it works, so that nobody has to reconnect
	"POST /staff/connections/:id/notes":          422,
	"GET /staff/connections/:id/disconnect":      200,
	"POST /staff/connections/:id/disconnect":     303,
	"GET /staff/companies/:id":                   200,
	"GET /staff/companies/:id/lock":              200,
	"POST /staff/companies/:id/lock":             422,
	"GET /staff/companies/:id/unlock":            303,
	"POST /staff/companies/:id/unlock":           303,
	"GET /staff/team":                            200,
	"POST /staff/team":                           422,
	"POST /staff/team/:id/role":                  303,
	"POST /staff/team/:id/link":                  200,
	"GET /staff/team/:id/remove":                 200,
	"POST /staff/team/:id/remove":                303,

	"GET /api/v1/connections/:id/servicetitan/*":    403, // no path may be called
	"HEAD /api/v1/connections/:id/servicetitan/*":   403,
	"POST /api/v1/connections/:id/servicetitan/*":   409, // disconnected by then
	"PUT /api/v1/connections/:id/servicetitan/*":    403,
	"PATCH /api/v1/connections/:id/servicetitan/*":  403,
	"DELETE /api/v1/connections/:id/servicetitan/*": 403,
	"GET /developers":                              200,
	"GET /developers/keys/new":                     200,
	"POST /developers/keys":                        422,
	"GET /developers/keys/:id":                     200,
	"POST /developers/keys/:id":                    422,
	"GET /developers/keys/:id/roll":                200,
	"POST /developers/keys/:id/roll":               422,
	"POST /developers/keys/:id/end-old":            303,
	"GET /developers/keys/:id/revoke":              200,
	"POST /developers/keys/:id/revoke":             303,
	"GET /developers/webhooks":                     200,
	"POST /developers/webhooks":                    422,
	"GET /developers/webhooks/new":                 200,
	"GET /developers/webhooks/:id":                 200,
	"POST /developers/webhooks/:id":                422,
	"GET /developers/webhooks/:id/rotate":          200,
	"POST /developers/webhooks/:id/rotate":         200,
	"POST /developers/webhooks/:id/test":           303,
	"POST /developers/webhooks/:id/resume":         303,
	"GET /developers/webhooks/:id/replay":          200,
	"POST /developers/webhooks/:id/replay":         422,
	"GET /developers/webhooks/:id/remove":          200,
	"POST /developers/webhooks/:id/remove":         303,
	"GET /developers/deliveries":                   200,
	"GET /developers/deliveries/:id":               200,
	"POST /developers/deliveries/:id/replay":       303,
	"GET /staff/developers":                        200,
	"GET /staff/developers/keys/new":               200,
	"POST /staff/developers/keys":                  422,
	"GET /staff/developers/keys/:id":               200,
	"POST /staff/developers/keys/:id":              422,
	"GET /staff/developers/keys/:id/roll":          200,
	"POST /staff/developers/keys/:id/roll":         422,
	"POST /staff/developers/keys/:id/end-old":      303,
	"GET /staff/developers/keys/:id/revoke":        200,
	"POST /staff/developers/keys/:id/revoke":       303,
	"GET /staff/developers/webhooks":               200,
	"POST /staff/developers/webhooks":              422,
	"GET /staff/developers/webhooks/new":           200,
	"GET /staff/developers/webhooks/:id":           200,
	"POST /staff/developers/webhooks/:id":          422,
	"GET /staff/developers/webhooks/:id/rotate":    200,
	"POST /staff/developers/webhooks/:id/rotate":   200,
	"POST /staff/developers/webhooks/:id/test":     303,
	"POST /staff/developers/webhooks/:id/resume":   303,
	"GET /staff/developers/webhooks/:id/replay":    200,
	"POST /staff/developers/webhooks/:id/replay":   422,
	"GET /staff/developers/webhooks/:id/remove":    200,
	"POST /staff/developers/webhooks/:id/remove":   303,
	"GET /staff/developers/deliveries":             200,
	"GET /staff/developers/deliveries/:id":         200,
	"POST /staff/developers/deliveries/:id/replay": 303,

	"POST /staff/companies/:id/invitations":                    422,
	"POST /staff/companies/:id/invitations/:invitation/resend": 303,
	"GET /staff/companies/:id/people/:person":                  200,
	"POST /staff/companies/:id/people/:person/sign-out":        303,
	"POST /staff/companies/:id/people/:person/reset":           303,
	"GET /staff/companies/:id/people/:person/disable":          200,
	"POST /staff/companies/:id/people/:person/disable":         422,
	"GET /staff/companies/:id/people/:person/enable":           303,
	"POST /staff/companies/:id/people/:person/enable":          303,
}

// filled lists the forms of routes that check them before anything else.
var filled = map[string]string{"POST /staff/team/:id/role": "role=support", "POST /team/:id/role": "role=member"}

// visitorOf is a person who sends requests, named after the role.
type visitorOf struct {
	name string
	*browser
	key string // the API key, for programs without a session
}

// Every route is requested by everybody, with IDs that are their own, that belong
// to others, that do not exist, and that are malformed. People who may not enter
// are turned away in the same way everywhere, and nothing happens.
func TestEveryRouteInEveryRole(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		al, bob := a.signUp("Northgate", "Al"), a.signUp("Blue Sky", "Bob")
		amy, gone, locked := al.colleague("Amy", accounts.Member), al.colleague("Gone", accounts.Member), a.signUp("Locked", "Lou")
		path, foreign := al.connect("sandbox", northgate), bob.connect("sandbox", south)
		sam, ada := a.staff("Sam", accounts.Support), a.staff("Ada", accounts.Admin)
		half := a.newBrowser()
		half.choosePassword(a.addStaff("half@fieldbridge.example", accounts.Admin), "Half", password).want(a, 303)
		careful := al.colleague("Cleo", accounts.Member)
		careful.turnOnCodes()
		careful.post("/signout").want(a, 303)
		careful.post("/signin", "email", careful.email, "password", password).want(a, 303)
		a.exec("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = ?)", gone.email)
		company, other := a.companyOf(al), a.companyOf(bob)
		a.exec("UPDATE companies SET locked_at = ? WHERE id = ?", a.clock.Now().UTC(), a.companyOf(locked))
		keyA, keyB := a.keyOf(company), a.keyOf(other)
		everybody := []visitorOf{
			{name: "nobody", browser: a.newBrowser()},
			{name: "member", browser: amy.browser},
			{name: "owner", browser: al.browser},
			{name: "member without second factor", browser: careful.browser},
			{name: "another company's owner", browser: bob.browser},
			{name: "removed member", browser: gone.browser},
			{name: "locked company's owner", browser: locked.browser},
			{name: "support", browser: sam.browser},
			{name: "admin", browser: ada.browser},
			{name: "staff without second factor", browser: half},
			{name: "key", browser: a.newBrowser(), key: keyA},
			{name: "another company's key", browser: a.newBrowser(), key: keyB},
			{name: "no key at all", browser: a.newBrowser(), key: "fbk_made_up"},
		}
		amy.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", "842193311").want(a, 303) // a choice of her own
		a.addStaff("tess@fieldbridge.example", accounts.Support)
		teammate := a.lookup("SELECT id FROM users WHERE email = 'tess@fieldbridge.example'")
		task := uuid.Must(uuid.NewV7())
		a.exec("INSERT INTO staff_tasks (id, kind, company_id, connection_id, created_at) VALUES (?, 'tenant_conflict', ?, ?, ?)",
			task, company, strings.TrimPrefix(path, "/connections/"), a.clock.Now().UTC())
		ours, theirs, spare := a.teamIDs(al), a.teamIDs(bob), a.teamIDs(al)
		// An ask of each company has the ID of its connection.
		for _, of := range []string{path, foreign} {
			a.exec(`INSERT INTO asks (id, company_id, asker_id, environment, tenant_id, way, created_at, expires_at)
				SELECT c.id, c.company_id, c.connected_by_id, c.environment, c.tenant_id, c.way, c.created_at, ? FROM connections c WHERE c.id = ?`,
				a.clock.Now().UTC().Add(time.Hour), strings.TrimPrefix(of, "/connections/"))
		}
		// So has a connect session that was made with the company's key.
		for _, of := range []string{path, foreign} {
			a.exec(`INSERT INTO connect_sessions (id, key_id, company_id, reference, caller_name, return_url, ways, status, created_at, expires_at)
				SELECT c.id, k.id, c.company_id, '', 'Acme', 'https://acme.example', 'sign_in', 'created', c.created_at, ? FROM connections c JOIN api_keys k ON k.company_id = c.company_id WHERE c.id = ?`,
				a.clock.Now().UTC().Add(time.Hour), strings.TrimPrefix(of, "/connections/"))
		}
		a.exec(`INSERT INTO failures (id, support_code, at, method, route, status, kind, reason, company_id, staff, millis)
			VALUES (?, 'FB-ROLE-TEST', ?, 'GET', '/team', 500, 'internal-error', '', ?, false, 1)`, uuid.Must(uuid.NewV7()), a.clock.Now().UTC(), company)
		made := [3]madeIDs{a.madeIDs(&company), a.madeIDs(&other), a.madeIDs(nil)}
		routes := handlers.Routes()
		// Routes that change something come after routes that only read, and
		// signing out comes last.
		slices.SortStableFunc(routes, func(a, b handlers.Route) int { return cmp.Compare(lateness(a), lateness(b)) })
		checks := 0
		for _, r := range routes {
			want, listed := admitted[r.String()]
			if !listed {
				t.Errorf("%s is not in the table", r)
			}
			var form url.Values
			if r.Method == http.MethodPost {
				if form, _ = url.ParseQuery(filled[r.String()]); form == nil {
					form = url.Values{}
				}
			}
			for _, id := range madeIDsFor(r.Path, made, teamIDsFor(r.Path, ours, theirs, idsFor(r.Path, path, foreign, company.String(), teammate, task.String()))) {
				for _, v := range everybody {
					before := a.traces()
					request := v.request(r.Method, strings.NewReplacer(":id", id.value, ":environment", id.value, ":token", id.value, ":person", spare.member, ":invitation", spare.invitation, ":code", "FB-ROLE-TEST").Replace(r.Path), form)
					if v.key != "" {
						request.Header.Set("Authorization", "Bearer "+v.key)
					}
					got := v.send(request)
					checks++
					expected := expect(v.name, r.Who, id.kind, want)
					if v.name == "member" && r.Who == handlers.ForOwners && (strings.HasPrefix(r.Path, "/team/") || strings.HasPrefix(r.Path, "/developers/")) {
						expected = http.StatusForbidden // whatever the ID
					}
					if got.status != expected && (r.Who != handlers.ForAnyone || !home[got.location]) {
						t.Errorf("%s, %s ID, %s: %d, want %d", r, id.kind, v.name, got.status, expected)
					}
					if refused(got) && a.traces() != before {
						t.Errorf("%s, %s ID, %s: refused, and something happened", r, id.kind, v.name)
					}
				}
			}
		}
		t.Logf("%d checks", checks)
	})
}

// home lists the pages to which people who are signed in are sent from pages for
// other visitors.
var home = map[string]bool{"/connections": true, "/staff": true}

func lateness(r handlers.Route) int {
	switch {
	case r.Path == "/signout":
		return 2
	case r.Method == http.MethodPost:
		return 1
	}
	return 0
}

// companyOf returns the ID of a person's company.
func (a *app) companyOf(m *member) uuid.UUID {
	a.Helper()
	return uuid.MustParse(a.lookup("SELECT company_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = ?", m.email))
}

// keyOf returns an API key of a company.
func (a *app) keyOf(companyID uuid.UUID) string {
	a.Helper()
	_, secret, err := a.apiKeys.Create(a.Context(), accounts.CommandLine("root"), accounts.NewKey{CompanyID: &companyID, Name: "a back end", Scopes: accounts.Scopes()})
	if err != nil {
		a.Fatal(err)
	}
	return secret.Reveal()
}

// teamIDs are a person of a company, and an invitation to it.
type teamIDs struct{ member, invitation string }

// teamIDs adds a person and an invitation to an owner's company.
func (a *app) teamIDs(owner *member) teamIDs {
	a.Helper()
	other := owner.colleague("Tom", accounts.Member)
	owner.post("/team/invitations", "email", other.email+".example", "role", "member").want(a, 303)
	return teamIDs{
		member:     a.lookup("SELECT id FROM users WHERE email = ?", other.email),
		invitation: a.lookup("SELECT id FROM invitations WHERE email = ?", other.email+".example"),
	}
}

// teamIDsFor returns the IDs with which to request a route of a company's team. It
// returns others for any other route.
func teamIDsFor(pattern string, ours, theirs teamIDs, others []givenID) []givenID {
	own, foreign := ours.member, theirs.member
	switch {
	case strings.HasPrefix(pattern, "/team/invitations/"):
		own, foreign = ours.invitation, theirs.invitation
	case !strings.HasPrefix(pattern, "/team/:id"):
		return others
	}
	return []givenID{{"own", own}, {"foreign", foreign}, {"absent", uuid.Max.String()}, {"malformed", "1"}}
}

// madeIDs are an API key, a webhook endpoint, and a delivery, by what their addresses
// have before the ID.
type madeIDs map[string]string

// madeIDs makes them for a company, or for the operator.
func (a *app) madeIDs(companyID *uuid.UUID) madeIDs {
	a.Helper()
	ctx, root := a.Context(), accounts.CommandLine("root")
	key, _, err := a.apiKeys.Create(ctx, root, accounts.NewKey{CompanyID: companyID, Name: "a back end", Scopes: accounts.Scopes()})
	if err != nil {
		a.Fatal(err)
	}
	var endpoints [2]webhook.Endpoint // the second stays when the first is removed
	for i := range endpoints {
		if endpoints[i], _, err = a.webhooks.AddEndpoint(ctx, root, companyID, webhook.NewEndpoint{URL: "https://hooks.example.com/" + uuid.NewString()}); err != nil {
			a.Fatal(err)
		}
	}
	test, err := a.webhooks.SendTest(ctx, root, companyID, endpoints[1].ID)
	if err != nil {
		a.Fatal(err)
	}
	return madeIDs{"keys": key.ID.String(), "webhooks": endpoints[0].ID.String(), "deliveries": test.ID.String()}
}

// madeIDsFor returns the IDs with which to request a page for developers: of our
// company, of another one, and of the operator. It returns others for any other route.
func madeIDsFor(pattern string, made [3]madeIDs, others []givenID) []givenID {
	below, ofStaff := strings.CutPrefix(pattern, "/staff")
	kind, _, ofThem := strings.Cut(strings.TrimPrefix(below, "/developers/"), "/:id")
	if !ofThem || !strings.HasPrefix(below, "/developers/") {
		return others
	}
	ids := []givenID{{"own", made[0][kind]}, {"foreign", made[1][kind]}, {"absent", uuid.Max.String()}, {"malformed", "1"}}
	if ofStaff {
		ids[0].value, ids = made[2][kind], slices.Delete(ids, 1, 2)
	}
	return ids
}

// givenID is an ID in an address.
type givenID struct{ kind, value string }

// idsFor returns the IDs with which to request a route.
func idsFor(pattern, path, foreign, company, teammate, task string) []givenID {
	own, others := strings.TrimPrefix(path, "/connections/"), strings.TrimPrefix(foreign, "/connections/")
	absent := uuid.Max.String()
	switch {
	case strings.Contains(pattern, ":environment"):
		return []givenID{{"own", "sandbox"}, {"absent", "nowhere"}}
	case strings.Contains(pattern, ":token"):
		return []givenID{{"absent", "made-up"}, {"malformed", "0123456789abcdef"}}
	case !strings.Contains(pattern, ":id"):
		return []givenID{{"none", ""}}
	case strings.Contains(pattern, "/passkeys/"):
		// A passkey belongs to a person. TestPasskeyPages has one of somebody else.
		return []givenID{{"absent", absent}, {"malformed", "1"}}
	case strings.HasPrefix(pattern, "/staff/companies/"):
		return []givenID{{"own", company}, {"absent", absent}, {"malformed", "x'--"}}
	case strings.HasPrefix(pattern, "/staff/team/"):
		return []givenID{{"own", teammate}, {"absent", absent}, {"malformed", "1"}}
	case strings.HasPrefix(pattern, "/staff/tasks/"):
		return []givenID{{"own", task}, {"absent", absent}, {"malformed", "1"}}
	}
	return []givenID{{"own", own}, {"foreign", others}, {"absent", absent}, {"malformed", strings.ToUpper(own)}}
}

// expect returns the status with which a route answers a person, by the name of the
// role.
func expect(name string, who handlers.Audience, id string, admitted int) int {
	const notSignedIn, notThere, notAllowed, noKey = http.StatusSeeOther, http.StatusNotFound, http.StatusForbidden, http.StatusUnauthorized
	ofStaff := name == "support" || name == "admin"
	theirs := id == "own"
	if strings.HasPrefix(name, "another company's") {
		theirs = id == "foreign" || id == "none"
	}
	theirs = theirs || id == "none"
	if who == handlers.ForAnyone {
		if id == "absent" {
			return notThere
		}
		return admitted
	}
	if who == handlers.ForReaders {
		return admitted
	}
	if who == handlers.ForBackEnds {
		switch {
		case name != "key" && name != "another company's key":
			return noKey
		case !theirs:
			return notThere
		}
		return admitted
	}
	switch name {
	case "nobody", "key", "another company's key", "no key at all":
		return notSignedIn
	}
	if name == "member without second factor" {
		switch who {
		case handlers.ForMembersWithoutFactor:
			return admitted
		case handlers.ForMembers, handlers.ForOwners, handlers.ForPeople:
			return http.StatusSeeOther // to the code
		}
		return notThere
	}
	if who == handlers.ForMembersWithoutFactor {
		if ofStaff || name == "staff without second factor" {
			return notThere
		}
		return http.StatusSeeOther // to the connections
	}
	if who == handlers.ForPeople {
		if ofStaff || name == "staff without second factor" {
			return notThere
		}
		return admitted
	}
	if who == handlers.ForMembers || who == handlers.ForOwners {
		switch {
		case ofStaff || name == "staff without second factor":
			return notThere
		case name == "removed member" || name == "locked company's owner":
			return notAllowed
		case !theirs:
			return notThere
		case who == handlers.ForOwners && name == "member":
			return notAllowed
		}
		return admitted
	}
	if who == handlers.ForStaffWithoutFactor {
		switch {
		case name == "staff without second factor":
			return admitted
		case ofStaff:
			return http.StatusSeeOther // to the staff pages
		}
		return notThere
	}
	switch {
	case name == "staff without second factor":
		return http.StatusSeeOther // to the second factor
	case !ofStaff:
		return notThere
	case who == handlers.ForStaffAdmins && name == "support":
		return notAllowed
	case id == "absent" || id == "malformed":
		return notThere
	}
	return admitted
}

func refused(got answer) bool {
	return got.status == 401 || got.status == 403 || got.status == 404 || strings.HasPrefix(got.location, "/signin")
}

// traces sums up in one line what a request may leave behind.
func (a *app) traces() string {
	a.Helper()
	var line string
	if err := a.db.Read(a.Context()).Raw(`SELECT CAST((SELECT count(*) FROM events) AS TEXT) || ' ' || CAST((SELECT count(*) FROM authorizations) AS TEXT) || ' ' ||
		CAST((SELECT count(*) FROM connections) AS TEXT) || ' ' || CAST((SELECT count(*) FROM credentials) AS TEXT) || ' ' || CAST((SELECT count(*) FROM memberships) AS TEXT) || ' ' ||
		CAST((SELECT count(*) FROM invitations WHERE withdrawn_at IS NULL) AS TEXT) || ' ' || CAST((SELECT count(*) FROM memberships WHERE role = 'owner') AS TEXT) || ' ' ||
		CAST((SELECT count(*) FROM notes) AS TEXT) || ' ' || CAST((SELECT sum(session_epoch) FROM users) AS TEXT) || ' ' || CAST((SELECT count(*) FROM companies WHERE locked_at IS NOT NULL) AS TEXT) || ' ' || CAST((SELECT count(*) FROM audit_records) AS TEXT)`).Scan(&line).Error; err != nil {
		a.Fatal(err)
	}
	return line
}
