package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/fieldbridge/fieldbridge/handlers/api"
)

// audience says who may enter a route.
type audience string

const (
	forAnyone audience = "anyone"
	// forPeople is for people who are signed in, with or without a company.
	forPeople audience = "person"
	// forMembers is for people who are signed in and belong to the company.
	forMembers audience = "member"
	// forMembersWithoutFactor is for members who have a second factor and have not
	// passed it yet.
	forMembersWithoutFactor audience = "member without second factor"
	// forOwners is for members with the role of owner.
	forOwners audience = "owner"
	// forStaff is for staff who have passed the second factor.
	forStaff audience = "staff"
	// forStaffWithoutFactor is for staff who have not passed it yet.
	forStaffWithoutFactor audience = "staff without second factor"
	// forStaffAdmins is for staff with the role of admin.
	forStaffAdmins audience = "staff admin"
	// forReaders is for everybody. The answer is the same for all, and needs no session.
	forReaders audience = "reader"
	// forBackEnds is for back ends with an API key. They have no session.
	forBackEnds audience = "API key"
)

// route is one address of the app: its method, its path, and the entrance that says
// who may enter and which handler answers.
type route struct {
	method, path string
	entrance
}

// routes lists every address there is.
func (s *staffSite) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	routes := []route{
		{get, "/", anyone(s.front)},
		{get, "/signup", anyone(s.signUpForm)},
		{post, "/signup", anyone(s.signUp)},
		{get, "/verify/:token", anyone(s.verifyForm)},
		{post, "/verify/:token", anyone(s.verify)},
		{post, "/verify/send", s.member(s.sendProof)},
		{get, proofPath + ":token", s.member(s.proveForm)},
		{post, proofPath + ":token", s.member(s.prove)},
		{get, "/signin", anyone(s.signInForm)},
		{post, "/signin", anyone(s.signIn)},
		{post, "/signin/passkey", anyone(s.passkeySignIn)},
		{post, "/signin/passkey/options", anyone(s.passkeySignInOptions)},
		{get, codePath, s.memberWithoutFactor(s.codeForm)},
		{post, codePath, s.memberWithoutFactor(s.passCode)},
		{post, "/signout", anyone(s.signOut)},
		{get, "/session", anyone(s.sessionUser)},

		{get, "/password/forgot", anyone(s.forgotForm)},
		{post, "/password/forgot", anyone(s.forgot)},
		{get, "/password/reset", anyone(s.passwordForm)},
		{post, "/password/reset", anyone(s.choosePassword)},
		{get, "/guide/:environment", anyone(s.inEnvironment(s.guide))},

		{get, "/team", s.member(s.people)},
		{post, "/team/invitations", s.owner(s.invite)},
		{post, "/team/invitations/:id/resend", s.owner(withID(s.resendInvitation))},
		{post, "/team/invitations/:id/withdraw", s.owner(withID(s.withdrawInvitation))},
		{post, "/team/:id/role", s.owner(withID(s.changeMemberRole))},
		{get, "/team/:id/remove", s.owner(withID(s.confirmRemoveMember))},
		{post, "/team/:id/remove", s.owner(withID(s.removeMember))},
		{get, "/team/leave", s.member(s.confirmLeave)},
		{post, "/team/leave", s.member(s.leave)},
		{get, "/invitations/:token", anyone(s.openInvitation)},
		{post, "/invitations/:token", anyone(s.acceptInvitation)},
		{post, "/company/switch", s.person(s.switchCompany)},
		{get, "/companies/new", s.person(s.companyForm)},
		{post, "/companies/new", s.person(s.addCompany)},
		{get, "/verify/email/:token", anyone(s.openEmailLink)},

		{get, "/connections", s.member(s.listConnections)},
		{get, "/status", s.member(s.serviceTitan)},
		{get, "/connect", s.member(s.connectForm)},
		{post, "/connect", s.member(s.connect)},
		{get, "/connect/review", s.member(s.reviewAccess)},
		{post, "/connect/authorize", s.member(s.authorize)},
		{get, "/connect/credentials", s.member(s.credentialsForm)},
		{post, "/connect/credentials", s.member(s.tryCredentials)},
		{get, "/connect/guided", s.member(s.guidedForm)},
		{post, "/connect/guided", s.member(s.requestSetup)},
		{post, "/connect/ask", s.owner(s.askForChoice)},
		{get, "/callback", s.returned()},

		{get, "/asks/:id", s.askOwner(s.showAsk)},
		{post, "/asks/:id/again", s.askOwner(s.askAgain)},
		{post, "/asks/:id/revoke", s.askOwner(s.withdrawAsk)},
		{get, "/ask/:token", anyone(s.openAsk)},
		{post, "/ask/:token/start", anyone(s.startAsk)},
		{post, "/ask/:token/authorize", s.asked(s.authorizeAsked)},
		{post, "/ask/:token/credentials", s.asked(s.tryAsked)},
		{post, "/ask/:token/allowed", s.asked(s.allowAsked)},

		{get, "/c/:token", anyone(s.openVisit)},
		{post, "/c/:token/start", anyone(s.startVisit)},
		{post, "/c/:token/cancel", anyone(s.cancelVisit)},
		{post, "/c/:token/choose", s.visit(s.chooseInVisit)},
		{post, "/c/:token/authorize", s.chosenVisit(s.authorizeVisit)},
		{post, "/c/:token/credentials", s.chosenVisit(s.tryInVisit)},
		{post, "/c/:token/guided", s.chosenVisit(s.requestInVisit)},
		{post, "/c/:token/allowed", s.visit(s.allowInVisit)},

		{get, "/connections/:id", s.member(withID(s.showConnection))},
		{get, "/connections/:id" + livePath, s.member(withID(s.watchConnection))},
		{post, "/connections/:id/test", s.member(withID(s.testConnection))},
		{post, "/connections/:id/try-again", s.member(withID(s.tryAgain))},
		{post, "/connections/:id/reconnect", s.member(withID(s.reconnect))},
		{post, "/connections/:id/allowed", s.member(withID(s.accessAllowed))},
		{post, "/connections/:id/withdraw", s.member(withID(s.withdrawSetup))},
		{post, "/connections/:id/ask", s.connectionOwner(s.askForConnection)},
		{get, "/connections/:id/secret", s.member(withID(s.secretForm))},
		{post, "/connections/:id/secret", s.member(withID(s.replaceSecret))},
		{post, "/connections/:id/secret/deleted", s.member(withID(s.oldSecretDeleted))},
		{post, "/connections/:id/nickname", s.connectionOwner(s.nameConnection)},
		{get, "/connections/:id/disconnect", s.connectionOwner(s.confirmDisconnect)},
		{post, "/connections/:id/disconnect", s.connectionOwner(s.disconnect)},

		{get, codeSettingsPath, s.member(s.codeSettings)},
		{post, codeSettingsPath, s.member(s.changeCode)},
		{get, accountPath, s.member(s.accountForm)},
		{post, accountPath + "/name", s.member(s.rename)},
		{post, accountPath + "/password", s.member(s.changePassword)},
		{post, accountPath + "/email", s.member(s.askForEmail)},
		{post, accountPath + "/email/resend", s.member(s.resendNewEmail)},
		{post, accountPath + "/email/cancel", s.member(s.cancelNewEmail)},
		{get, confirmEmailPath + ":token", s.member(s.confirmEmailForm)},
		{post, confirmEmailPath + ":token", s.member(s.confirmEmail)},
		{get, devicesPath, s.member(s.devices)},
		{post, devicesPath + "/end-others", s.member(s.endOtherDevices)},
		{post, devicesPath + "/:id/end", s.member(withID(s.endDevice))},
		{get, "/help", s.member(s.help)},
		{get, "/activity", s.owner(s.activity)},
		{get, "/activity.csv", s.owner(s.activityCSV)},
		{get, settingsPath, s.member(s.companySettings)},
		{post, settingsPath, s.owner(s.changeCompany)},
		{post, "/settings/mails", s.owner(s.chooseRecipients)},
		{get, "/settings/delete", s.owner(s.confirmDeletion)},
		{post, "/settings/delete", s.owner(s.deleteCompany)},
		{post, "/settings/keep", s.owner(s.keepCompany)},

		{get, "/staff", s.staffMember(s.staffOverview)},
		{get, staffSignInPath, anyone(s.staffSignIn)},
		{get, staffReturnPath, anyone(s.staffReturn)},
		{get, factorPath, s.staffWithoutFactor(s.factorForm)},
		{post, factorPath, s.staffWithoutFactor(s.passFactor)},
		{get, factorChangePath, s.staffMember(s.factorSettings)},
		{post, factorChangePath, s.staffMember(s.changeFactor)},
		{get, staffDevicesPath, s.staffMember(s.staffDevices)},
		{post, staffDevicesPath + "/end-others", s.staffMember(s.endOtherStaffDevices)},
		{post, staffDevicesPath + "/:id/end", s.staffMember(withID(s.endStaffDevice))},
		{get, "/staff/find", s.staffMember(s.staffFind)},
		{get, "/staff/queue", s.staffMember(s.staffQueue)},
		{post, "/staff/queue/:id/assign", s.staffMember(withID(s.assignItem))},
		{post, "/staff/queue/:id/snooze", s.staffMember(withID(s.snoozeItem))},
		{get, "/staff/reminders", s.staffMember(s.previewReminders)},
		{post, "/staff/reminders", s.staffMember(s.sendReminders)},
		{get, "/staff/reminders/sent", s.staffMember(s.remindersSent)},
		{post, "/staff/views", s.staffMember(s.saveView)},
		{post, "/staff/views/:id/delete", s.staffMember(withID(s.deleteView))},
		{get, "/staff/codes/:code", s.staffMember(s.staffCode)},
		{get, "/staff/connections", s.staffMember(s.staffConnections)},
		{get, "/staff/connections.csv", s.staffMember(s.staffConnectionsCSV)},
		{get, "/staff/connections/:id", s.staffMember(withID(s.staffConnection))},
		{get, "/staff/connections/:id" + livePath, s.staffMember(withID(s.staffWatchConnection))},
		{post, "/staff/connections/:id/tenant-added", s.staffMember(withID(s.tenantAdded))},
		{post, "/staff/connections/:id/send-back", s.staffMember(withID(s.sendBack))},
		{post, "/staff/connections/:id/confirm", s.staffMember(withID(s.confirmControl))},
		{post, "/staff/connections/:id/credentials", s.staffMember(withID(s.enterCredentials))},
		{get, "/staff/secrets", s.staffMember(s.staffSecrets)},
		{get, "/staff/connections/:id/secret", s.staffMember(withID(s.staffSecret))},
		{post, "/staff/connections/:id/secret", s.staffMember(withID(s.staffReplaceSecret))},
		{post, "/staff/connections/:id/reminder", s.staffMember(withID(s.remind))},
		{post, "/staff/tasks/:id/done", s.staffMember(withID(s.taskDone))},

		{post, "/staff/connections/:id/refresh", s.staffMember(withID(s.staffRefresh))},
		{post, "/staff/connections/:id/reconnect-link", s.staffMember(withID(s.reconnectLink))},
		{get, "/staff/connections/:id/mail", s.staffMember(withID(s.confirmReconnectMail))},
		{post, "/staff/connections/:id/mail", s.staffMember(withID(s.sendReconnectMail))},
		{post, "/staff/connections/:id/notes", s.staffMember(withID(s.addNote))},
		{get, "/staff/connections/:id/disconnect", s.staffAdmin(withID(s.staffConfirmDisconnect))},
		{post, "/staff/connections/:id/disconnect", s.staffAdmin(withID(s.staffDisconnect))},
		{get, "/staff/companies/:id", s.staffMember(withID(s.staffCompany))},
		{get, "/staff/companies/:id/lock", s.staffAdmin(withID(s.confirmLock))},
		{post, "/staff/companies/:id/lock", s.staffAdmin(withID(s.lock))},
		{get, "/staff/companies/:id/unlock", s.staffAdmin(withID(s.confirmUnlock))},
		{post, "/staff/companies/:id/unlock", s.staffAdmin(withID(s.unlock))},
		{post, "/staff/companies/:id/invitations", s.staffAdmin(withID(s.inviteFirstOwner))},
		{post, "/staff/companies/:id/invitations/:invitation/resend", s.staffMember(withIDs("invitation", s.resendFor))},
		{get, "/staff/companies/:id/people/:person", s.staffMember(withIDs("person", s.staffPerson))},
		{post, "/staff/companies/:id/people/:person/sign-out", s.staffMember(withIDs("person", s.signPersonOut))},
		{post, "/staff/companies/:id/people/:person/reset", s.staffMember(withIDs("person", s.startReset))},
		{get, "/staff/companies/:id/people/:person/disable", s.staffAdmin(withIDs("person", s.confirmDisable))},
		{post, "/staff/companies/:id/people/:person/disable", s.staffAdmin(withIDs("person", s.disablePerson))},
		{get, "/staff/companies/:id/people/:person/enable", s.staffAdmin(withIDs("person", s.confirmEnable))},
		{post, "/staff/companies/:id/people/:person/enable", s.staffAdmin(withIDs("person", s.enablePerson))},
		{get, "/staff/team", s.staffAdmin(s.team)},
		{post, "/staff/team", s.staffAdmin(s.addToTeam)},
		{post, "/staff/team/:id/role", s.staffAdmin(withID(s.changeRole))},
		{post, "/staff/team/:id/link", s.staffAdmin(withID(s.newLink))},
		{get, "/staff/team/:id/remove", s.staffAdmin(withID(s.confirmRemove))},
		{post, "/staff/team/:id/remove", s.staffAdmin(withID(s.removeFromTeam))},
	}
	routes = append(routes, passkeyRoutes(s.site, passkeysPath, s.memberSelf)...)
	routes = append(routes, passkeyRoutes(s.site, staffPasskeysPath, s.staffSelf)...)
	routes = append(routes,
		route{get, "/api", entrance{forReaders, s.api.ShowPage}},
		route{get, api.DocumentPath, entrance{forReaders, s.api.ShowDocument}},
		route{get, api.ProblemsPath + ":name", entrance{forReaders, s.api.ShowProblem}})
	for _, r := range s.api.Routes() {
		routes = append(routes, route{r.Method, r.Path, entrance{forBackEnds, s.api.Enter(r)}})
	}
	routes = append(routes, developerRoutes(s.site, staffDevelopersPath, s.staffDeveloper)...)
	if s.Developers {
		routes = append(routes, developerRoutes(s.site, developersPath, s.companyDeveloper)...)
	}
	if s.Demo != nil {
		routes = append(routes, route{get, "/demo", anyone(s.demoTour)})
		if s.Director != nil {
			routes = append(routes, s.runRoutes()...)
		}
	}
	return routes
}

// passkeyRoutes lists the addresses where people manage their passkeys. Members of
// companies and staff have the same pages.
func passkeyRoutes(s *site, at string, enter func(func(echo.Context, self) error) entrance) []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, at, enter(s.listPasskeys)},
		{post, at, enter(s.addPasskey)},
		{get, at + "/add", enter(s.addPasskeyForm)},
		{post, at + "/options", enter(s.newPasskeyOptions)},
		{get, at + "/confirm", enter(s.confirmForm)},
		{post, at + "/confirm", enter(s.confirmWithPassword)},
		{post, at + "/confirm/passkey", enter(s.confirmWithPasskey)},
		{post, at + "/confirm/options", enter(s.confirmOptions)},
		{post, at + "/:id/name", enter(withID(s.renamePasskey))},
		{get, at + "/:id/remove", enter(withID(s.confirmRemovePasskey))},
		{post, at + "/:id/remove", enter(withID(s.removePasskey))},
	}
}
