package views

import "net/http"

// problemWords describes a failed request.
type problemWords struct {
	tone, icon string
	name       string // next to the status
	title      string
	lead, more string
}

var problems = map[int]problemWords{
	http.StatusBadRequest: {
		"warn", "warn", "request not understood", "We could not read that request",
		"Part of it was missing or damaged on the way.", "Nothing was changed. Go back, reload the page, and try again.",
	},
	http.StatusForbidden: {
		"warn", "lock", "no permission", "You cannot do this here", "Your account does not have the permission.", "Nothing was changed.",
	},
	http.StatusNotFound: {
		"off", "search", "page not found", "We cannot find this page",
		"The address may have a typo, or the page has moved.", "Your connections are not affected.",
	},
	http.StatusMethodNotAllowed: {
		"off", "off", "not possible here", "This page does not work that way",
		"The request does not fit this address.", "Nothing was changed. Start again from the home page.",
	},
	http.StatusConflict: {
		"off", "unplug", "not connected", "This connection is disconnected",
		"What you asked for needs a connection that works.", "Nothing was changed. Reconnect it first.",
	},
	http.StatusRequestEntityTooLarge: {
		"warn", "warn", "too much at once", "That is more than we can accept",
		"The form held more text than any of our pages needs.", "Nothing was changed. Shorten what you entered and try again.",
	},
	http.StatusUnsupportedMediaType: {
		"warn", "warn", "unknown kind of data", "We cannot read that kind of data",
		"Our pages send forms in one format only, and this came in another.", "Nothing was changed. Open the page again and use its form.",
	},
	http.StatusTooManyRequests: {
		"info", "clock", "too many attempts", "Please wait a moment",
		"There were many attempts in a short time, so we paused this for your safety.", "Nothing was changed.",
	},
	http.StatusInternalServerError: {
		"bad", "warn", "our mistake", "Something went wrong on our side",
		"We could not finish your last step. What was saved before has not changed.", "Try again. If it happens twice, give Fieldbridge support the code below.",
	},
	http.StatusServiceUnavailable: {
		"info", "clock", "busy", "Fieldbridge cannot answer right now",
		"We could not finish your last step. What was saved before has not changed.", "Wait a moment, then try again.",
	},
}

// ErrorKind names what went wrong if the status can mean several things.
type ErrorKind string

const (
	// BusySigningIn says that too many people are signing in right now.
	BusySigningIn ErrorKind = "busy_signing_in"
	// ForeignOrigin says that a page of another website made the browser ask for a
	// change.
	ForeignOrigin ErrorKind = "foreign_origin"
	// LacksRole says that the role of the visitor or the staff member does not
	// allow it.
	LacksRole ErrorKind = "lacks_role"
	// CompanyLocked says that support has locked the company.
	CompanyLocked ErrorKind = "company_locked"
	// NoMembership says that the visitor belongs to no company.
	NoMembership ErrorKind = "no_membership"
	// OtherCompany says that the page belonged to another company.
	OtherCompany ErrorKind = "other_company"
	// TooManyConnections says that the company may not have another connection.
	TooManyConnections ErrorKind = "too_many_connections"
)

var problemsByName = map[ErrorKind]problemWords{
	BusySigningIn:      busySigningIn,
	ForeignOrigin:      foreignOrigin,
	LacksRole:          lacksRole,
	CompanyLocked:      companyLocked,
	NoMembership:       noMembership,
	OtherCompany:       otherCompany,
	TooManyConnections: tooManyConnections,
}

// busySigningIn describes a sign-in that came at the same time as too many others.
var busySigningIn = problemWords{
	"info", "clock", "busy", "Please try again in a moment",
	"Many people are signing in right now, more than we can let in at once.", "Nothing was changed. People who are signed in are not affected.",
}

// foreignOrigin describes a change that a page of another website asked for.
var foreignOrigin = problemWords{
	"warn", "shield", "came from elsewhere", "This did not come from one of our pages",
	"For your safety, we only accept changes from Fieldbridge’s own pages.", "Nothing was changed. Open Fieldbridge and try again from there.",
}

// lacksRole describes what only owners may do.
var lacksRole = problemWords{
	"warn", "lock", "no permission", "Only owners can do this",
	"Members can connect, test, and reconnect. Only owners can disconnect, manage the team and the settings, and see the activity.", "Nothing was changed.",
}

// lacksStaffRole describes what only admins of staff may do.
var lacksStaffRole = problemWords{
	"warn", "lock", "no permission", "Only admins can do this",
	"Support can view, set up, refresh, and take notes. Only admins can disconnect, lock companies, and manage the team.", "Nothing was changed.",
}

// companyLocked tells people that support has locked their company.
var companyLocked = problemWords{
	"warn", "lock", "account locked", "This account is locked",
	"Fieldbridge support has locked it for your whole company. Your connections are kept as they are, and access is still renewed.",
	"Call Fieldbridge support and give them the code below: they can tell you why, and unlock it.",
}

// noMembership tells people that they belong to no company.
var noMembership = problemWords{
	"info", "building", "no company", "You do not belong to a company now",
	"You have left, or an owner has removed you. Your account is still there.",
	"To come back, ask an owner to invite you. Or create a company of your own.",
}

// otherCompany tells people that they have switched to another company since they
// opened the page.
var otherCompany = problemWords{
	"warn", "building", "another company", "You have switched to another company",
	"The page that you used belonged to the company that you switched away from.", "Nothing was changed. Open the page again in the company that you mean.",
}

// tooManyConnections tells people that their company may not have another
// connection.
var tooManyConnections = problemWords{
	"warn", "off", "too many connections", "There is no room for another connection",
	"Your company has 200 connections, which is the limit. Disconnected connections and canceled setups count too.",
	"Nothing was changed. Ask Fieldbridge support to make room.",
}
