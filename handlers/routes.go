package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// audience says who may enter a route.
type audience string

const (
	forAnyone audience = "anyone"
	// forMembers: signed in, and of the company that the session is for.
	forMembers audience = "member"
	// forOwners: a member with that role.
	forOwners audience = "owner"
	// forStaff: one of our own people, with the second factor.
	forStaff audience = "staff"
	// forStaffWithoutFactor: one of them who has yet to pass it.
	forStaffWithoutFactor audience = "staff without second factor"
	// forStaffAdmins: staff with that role.
	forStaffAdmins audience = "staff admin"
	// forBackEnds: a back end with a key, without a session.
	forBackEnds audience = "API key"
)

// ours says whether the route is for our own people.
func (a audience) ours() bool {
	return a == forStaff || a == forStaffAdmins || a == forStaffWithoutFactor
}

// route is one address of the app.
type route struct {
	method, path string
	who          audience
	handle       echo.HandlerFunc
}

// routes is every address there is.
func (s *site) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	routes := []route{
		{get, "/", forAnyone, s.front},
		{get, "/signup", forAnyone, s.signUpForm},
		{post, "/signup", forAnyone, s.signUp},
		{get, "/signin", forAnyone, s.signInForm},
		{post, "/signin", forAnyone, s.signIn},
		{post, "/signout", forAnyone, s.signOut},
		{get, "/session", forAnyone, s.sessionUser},

		{get, "/password/reset", forAnyone, s.passwordForm},
		{post, "/password/reset", forAnyone, s.choosePassword},
		{get, "/guide/:environment", forAnyone, s.guide},

		{get, "/connections", forMembers, s.listConnections},
		{get, "/connect", forMembers, s.connectForm},
		{post, "/connect", forMembers, s.connect},
		{get, "/connect/review", forMembers, s.reviewAccess},
		{post, "/connect/authorize", forMembers, s.authorize},
		{get, "/connect/credentials", forMembers, s.credentialsForm},
		{post, "/connect/credentials", forMembers, s.tryCredentials},
		{get, "/connect/guided", forMembers, s.guidedForm},
		{post, "/connect/guided", forMembers, s.requestSetup},
		{get, "/callback", forMembers, s.callback},

		{get, "/connections/:id", forMembers, s.showConnection},
		{post, "/connections/:id/test", forMembers, s.testConnection},
		{post, "/connections/:id/reconnect", forMembers, s.reconnect},
		{post, "/connections/:id/allowed", forMembers, s.accessAllowed},
		{post, "/connections/:id/withdraw", forMembers, s.withdrawSetup},
		{get, "/connections/:id/disconnect", forOwners, s.confirmDisconnect},
		{post, "/connections/:id/disconnect", forOwners, s.disconnect},

		{get, "/api/v1/connections", forBackEnds, s.apiConnections},
		{get, "/api/v1/connections/:id", forBackEnds, s.apiConnection},
		{get, "/api/v1/connections/:id/token", forBackEnds, s.apiToken},

		{get, "/staff", forStaff, s.staffOverview},
		{get, staffSignInPath, forAnyone, s.staffSignIn},
		{get, staffReturnPath, forAnyone, s.staffReturn},
		{get, factorPath, forStaffWithoutFactor, s.factorForm},
		{post, factorPath, forStaffWithoutFactor, s.passFactor},
		{get, factorChangePath, forStaff, s.factorSettings},
		{post, factorChangePath, forStaff, s.changeFactor},
		{get, "/staff/queue", forStaff, s.staffQueue},
		{get, "/staff/connections", forStaff, s.staffConnections},
		{get, "/staff/connections.csv", forStaff, s.staffConnectionsCSV},
		{get, "/staff/connections/:id", forStaff, s.staffConnection},
		{post, "/staff/connections/:id/tenant-added", forStaff, s.tenantAdded},
		{post, "/staff/connections/:id/send-back", forStaff, s.sendBack},
		{post, "/staff/connections/:id/confirm", forStaff, s.confirmControl},
		{post, "/staff/connections/:id/credentials", forStaff, s.enterCredentials},
		{post, "/staff/tasks/:id/done", forStaff, s.taskDone},

		{post, "/staff/connections/:id/refresh", forStaff, s.staffRefresh},
		{post, "/staff/connections/:id/reconnect-link", forStaff, s.reconnectLink},
		{post, "/staff/connections/:id/notes", forStaff, s.addNote},
		{get, "/staff/connections/:id/disconnect", forStaffAdmins, s.staffConfirmDisconnect},
		{post, "/staff/connections/:id/disconnect", forStaffAdmins, s.staffDisconnect},
		{get, "/staff/companies/:id", forStaff, s.staffCompany},
		{get, "/staff/companies/:id/lock", forStaffAdmins, s.confirmLock},
		{post, "/staff/companies/:id/lock", forStaffAdmins, s.lock},
		{get, "/staff/companies/:id/unlock", forStaffAdmins, s.confirmUnlock},
		{post, "/staff/companies/:id/unlock", forStaffAdmins, s.unlock},
		{get, "/staff/team", forStaffAdmins, s.team},
		{post, "/staff/team", forStaffAdmins, s.addToTeam},
		{post, "/staff/team/:id/role", forStaffAdmins, s.changeRole},
		{post, "/staff/team/:id/link", forStaffAdmins, s.newLink},
		{get, "/staff/team/:id/remove", forStaffAdmins, s.confirmRemove},
		{post, "/staff/team/:id/remove", forStaffAdmins, s.removeFromTeam},
	}
	if s.Demo != nil {
		routes = append(routes, route{get, "/demo", forAnyone, s.demoTour})
	}
	return routes
}
