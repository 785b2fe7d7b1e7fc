package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// access says who may enter a route.
type access string

const (
	anyone access = "anyone"
	// member: signed in, and of the company that the session is for.
	member access = "member"
	// owner: a member with that role.
	owner access = "owner"
	// staff: one of our own people, with the second factor.
	staff access = "staff"
	// staffWithoutFactor: one of them who has yet to pass it.
	staffWithoutFactor access = "staff without second factor"
	// staffAdmin: staff with that role.
	staffAdmin access = "staff admin"
	// apiKey: a back end with a key, without a session.
	apiKey access = "API key"
)

// ours says whether the route is for our own people.
func (a access) ours() bool { return a == staff || a == staffAdmin || a == staffWithoutFactor }

// route is one address of the app.
type route struct {
	method, path, name string
	who                access
	handle             echo.HandlerFunc
}

// routes is every address there is.
func (s *site) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	routes := []route{
		{get, "/", "front", anyone, s.front},
		{get, "/signup", "sign-up form", anyone, s.signUpForm},
		{post, "/signup", "sign up", anyone, s.signUp},
		{get, "/signin", "sign-in form", anyone, s.signInForm},
		{post, "/signin", "sign in", anyone, s.signIn},
		{post, "/signout", "sign out", anyone, s.signOut},
		{get, "/session", "who is signed in", anyone, s.sessionUser},

		{get, "/password/reset", "choose a password", anyone, s.passwordForm},
		{post, "/password/reset", "password chosen", anyone, s.choosePassword},
		{get, "/guide/:environment", "guide for the ServiceTitan admin", anyone, s.guide},

		{get, "/connections", "connections", member, s.listConnections},
		{get, "/connect", "connect: choose", member, s.connectForm},
		{post, "/connect", "connect: chosen", member, s.connect},
		{get, "/connect/review", "connect: review", member, s.reviewAccess},
		{post, "/connect/authorize", "connect: authorize", member, s.authorize},
		{get, "/connect/credentials", "connect: client ID and secret", member, s.credentialsForm},
		{post, "/connect/credentials", "connect: try client ID and secret", member, s.tryCredentials},
		{get, "/connect/guided", "connect: set-up with our staff", member, s.guidedForm},
		{post, "/connect/guided", "connect: ask for the set-up", member, s.requestSetup},
		{get, "/callback", "connect: the way back", member, s.callback},

		{get, "/connections/:id", "connection", member, s.showConnection},
		{post, "/connections/:id/test", "test connection", member, s.testConnection},
		{post, "/connections/:id/reconnect", "reconnect", member, s.reconnect},
		{post, "/connections/:id/allowed", "set-up: access is allowed", member, s.accessAllowed},
		{post, "/connections/:id/withdraw", "set-up: withdraw", member, s.withdrawSetup},
		{get, "/connections/:id/disconnect", "disconnect: confirm", owner, s.confirmDisconnect},
		{post, "/connections/:id/disconnect", "disconnect", owner, s.disconnect},

		{get, "/api/v1/connections", "API: connections", apiKey, s.apiConnections},
		{get, "/api/v1/connections/:id", "API: connection", apiKey, s.apiConnection},
		{get, "/api/v1/connections/:id/token", "API: access token", apiKey, s.apiToken},

		{get, "/staff", "staff: overview", staff, s.staffOverview},
		{get, staffSignInPath, "staff: sign in by OpenID Connect", anyone, s.staffSignIn},
		{get, staffReturnPath, "staff: the way back", anyone, s.staffReturn},
		{get, factorPath, "staff: second factor", staffWithoutFactor, s.factorForm},
		{post, factorPath, "staff: pass second factor", staffWithoutFactor, s.passFactor},
		{get, factorChangePath, "staff: own second factor", staff, s.factorSettings},
		{post, factorChangePath, "staff: change second factor", staff, s.changeFactor},
		{get, "/staff/queue", "staff: queue", staff, s.staffQueue},
		{get, "/staff/connections", "staff: connections", staff, s.staffConnections},
		{get, "/staff/connections.csv", "staff: connections as CSV", staff, s.staffConnectionsCSV},
		{get, "/staff/connections/:id", "staff: connection", staff, s.staffConnection},
		{post, "/staff/connections/:id/tenant-added", "staff: tenant ID added", staff, s.tenantAdded},
		{post, "/staff/connections/:id/send-back", "staff: send set-up back", staff, s.sendBack},
		{post, "/staff/connections/:id/confirm", "staff: control of the tenant is confirmed", staff, s.confirmControl},
		{post, "/staff/connections/:id/credentials", "staff: enter client ID and secret", staff, s.enterCredentials},
		{post, "/staff/tasks/:id/done", "staff: task done", staff, s.taskDone},

		{post, "/staff/connections/:id/refresh", "staff: refresh", staff, s.staffRefresh},
		{post, "/staff/connections/:id/reconnect-link", "staff: reconnect link", staff, s.reconnectLink},
		{post, "/staff/connections/:id/notes", "staff: note", staff, s.addNote},
		{get, "/staff/connections/:id/disconnect", "staff: disconnect: confirm", staffAdmin, s.staffConfirmDisconnect},
		{post, "/staff/connections/:id/disconnect", "staff: disconnect", staffAdmin, s.staffDisconnect},
		{get, "/staff/companies/:id", "staff: company", staff, s.staffCompany},
		{get, "/staff/companies/:id/lock", "staff: lock company: confirm", staffAdmin, s.confirmLock},
		{post, "/staff/companies/:id/lock", "staff: lock company", staffAdmin, s.lock},
		{get, "/staff/companies/:id/unlock", "staff: unlock company: confirm", staffAdmin, s.confirmUnlock},
		{post, "/staff/companies/:id/unlock", "staff: unlock company", staffAdmin, s.unlock},
		{get, "/staff/team", "staff: team", staffAdmin, s.team},
		{post, "/staff/team", "staff: add to team", staffAdmin, s.addToTeam},
		{post, "/staff/team/:id/role", "staff: change role", staffAdmin, s.changeRole},
		{post, "/staff/team/:id/link", "staff: new link", staffAdmin, s.newLink},
		{get, "/staff/team/:id/remove", "staff: remove from team: confirm", staffAdmin, s.confirmRemove},
		{post, "/staff/team/:id/remove", "staff: remove from team", staffAdmin, s.removeFromTeam},
	}
	if s.Demo != nil {
		routes = append(routes, route{get, "/demo", "demo: what to try", anyone, s.demoTour})
	}
	return routes
}
