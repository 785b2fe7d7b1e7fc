package views

import "github.com/fieldbridge/fieldbridge/models"

// outcomeWords describes an authorization that made no connection: what happened,
// that nothing was changed, and what to do next.
type outcomeWords struct {
	icon     string // in the picture of the bridge
	title    string
	lead     string
	happened string
	// unchanged is the text for a new connection. kept is the text for an existing
	// one.
	unchanged, kept string
	next            string
	// again is the text of the main button. It leads back to the review of the
	// access or, with retype, to the form with the tenant ID.
	again  string
	retype bool
	// allow adds the steps by which an admin allows the app in ServiceTitan.
	allow bool
	// event is the outcome in the words of the timeline.
	event string
}

const (
	nothingKept  = "Fieldbridge keeps no access and no data from this attempt. Your ServiceTitan settings have not changed."
	asBefore     = "The connection and your ServiceTitan settings are the same as before."
	tryAgain     = "Try again"
	startAgain   = "Start again"
	secondSignIn = " If ServiceTitan asks you to sign in a second time, that is expected."
)

// outcomes has no words for the two outcomes that have pages of their own.
//
//exhaustive:ignore
var outcomes = map[models.Outcome]outcomeWords{
	models.OutcomeDenied: {
		icon: "bad", title: "Access was not given", lead: "Nobody chose Allow. Nothing was changed.",
		happened:  "Someone declined on ServiceTitan’s page, or the ServiceTitan user does not have permission to allow apps.",
		unchanged: nothingKept, kept: asBefore,
		next:  "If that was a mistake, try again and choose Allow. If there was no Allow button, a ServiceTitan admin has to do this step.",
		again: tryAgain, event: "Access was not given in ServiceTitan.",
	},
	models.OutcomeStartAgain: {
		icon: "clock", title: "This link is no longer valid", lead: "The link back from ServiceTitan did not work. You can start again right away.",
		happened:  "For your safety each link works once, for 10 minutes, and only in the browser where you started. This one had expired, was already used, was incomplete, or was opened somewhere else.",
		unchanged: "This link did not change anything. Your existing connections are the same as before.", kept: asBefore,
		next:  "Start again in this browser and finish within 10 minutes. It takes about a minute.",
		again: startAgain, event: "The link back from ServiceTitan did not work.",
	},
	models.OutcomeApprovalExpired: {
		icon: "clock", title: "ServiceTitan’s approval expired", lead: "You allowed the access, but the approval expired before we could use it.",
		happened:  "ServiceTitan’s approvals are valid for a short time, and only once.",
		unchanged: nothingKept, kept: asBefore,
		next:  "Try again, and choose Allow once more. It takes about a minute.",
		again: tryAgain, event: "ServiceTitan’s approval expired before we could use it.",
	},
	models.OutcomeInterrupted: {
		icon: "warn", title: "We were interrupted", lead: "The connection was not finished. You can start again right away.",
		happened:  "Something stopped on our side after you came back from ServiceTitan and before the connection was saved.",
		unchanged: "Nothing was saved, and nothing is half connected.", kept: "Nothing was saved. " + asBefore,
		next:  "Start again." + secondSignIn,
		again: startAgain, event: "We were interrupted before the connection was saved.",
	},
	models.OutcomeUnavailable: {
		icon: "clock", title: "ServiceTitan is not answering", lead: "We could not reach ServiceTitan to finish the connection. This usually passes quickly.",
		happened:  "You came back from ServiceTitan, but it did not answer, or answered with an error, when we asked to complete the connection.",
		unchanged: "Nothing was changed, and nothing is half connected. " + nothingKept, kept: asBefore,
		next:  "Wait a minute, then try again." + secondSignIn,
		again: tryAgain, event: "ServiceTitan was not answering.",
	},
	models.OutcomeRateLimited: {
		icon: "clock", title: "ServiceTitan asks us to wait", lead: "It has many requests to answer right now, so the connection is not finished.",
		happened:  "ServiceTitan limits how many requests it takes in a short time, and that limit was reached.",
		unchanged: nothingKept, kept: asBefore,
		next:  "Wait a few minutes, then try again." + secondSignIn,
		again: tryAgain, event: "ServiceTitan asked us to wait.",
	},
	models.OutcomeWrongTenant: {
		icon: "warn", title: "That is a different ServiceTitan company", lead: "You signed in to a different tenant than the one you entered.",
		happened:  "You may have more than one ServiceTitan account, or your browser was still signed in to the other one.",
		unchanged: "No connection was made, and nothing from the other company was kept.",
		kept:      "Your connection still belongs to the first company. Nothing from the other one was kept.",
		next:      "Sign out of ServiceTitan, then try again and sign in to the right company. To connect the other company instead, enter its tenant ID.",
		again:     tryAgain, event: "The sign-in was to a different ServiceTitan company.",
	},
	models.OutcomeTenantTaken: {
		icon: "lock", title: "This tenant is connected to another company", lead: "In Fieldbridge, a ServiceTitan tenant belongs to one company at a time.",
		happened:  "Another company in Fieldbridge has already connected this tenant.",
		unchanged: nothingKept, kept: asBefore,
		next:  "If the tenant ID is not yours, enter the right one. If it is, a colleague may have connected it from another Fieldbridge account. Otherwise give Fieldbridge support the code below.",
		again: "Enter another tenant ID", retype: true, event: "The tenant is connected to another company.",
	},
	models.OutcomeNotAllowed: {
		icon: "lock", title: "ServiceTitan has not allowed Fieldbridge yet", lead: "You signed in, but ServiceTitan does not let Fieldbridge use this account.",
		happened:  "Fieldbridge is not connected to this tenant in ServiceTitan, is disabled there, or lacks part of the access.",
		unchanged: nothingKept, kept: asBefore,
		next:  "A ServiceTitan admin allows Fieldbridge in a few clicks. Then try again here.",
		again: tryAgain, allow: true, event: "ServiceTitan does not let Fieldbridge use this account.",
	},
	models.OutcomeUnauthorized: {
		icon: "warn", title: "ServiceTitan did not accept the access", lead: "You allowed it, but it was refused when we tested it.",
		happened:  "ServiceTitan gave access and then did not accept it. Nothing you did caused this.",
		unchanged: nothingKept, kept: asBefore,
		next:  "Try again once. If the same page comes back, give Fieldbridge support the code below.",
		again: tryAgain, event: "ServiceTitan did not accept the access it had given.",
	},
	models.OutcomeTenantUnknown: {
		icon: "search", title: "ServiceTitan does not know this tenant ID", lead: "No account with this number was found.",
		happened:  "The tenant ID may have a typo, or it belongs to another environment.",
		unchanged: nothingKept, kept: asBefore,
		next:  "Compare it with the number at the top right of Settings, Integrations, API Application Access: My Tenant ID.",
		again: "Enter the tenant ID again", retype: true, event: "ServiceTitan did not know the tenant ID.",
	},
	models.OutcomeClientRefused: {
		icon: "bad", title: "ServiceTitan did not accept these values", lead: "The client ID and secret do not work together.",
		happened:  "One of them may be incomplete, or may belong to another environment.",
		unchanged: nothingKept, kept: asBefore,
		next:  "Copy both values again from the app’s row in ServiceTitan.",
		again: tryAgain, event: "ServiceTitan did not accept the client ID and secret.",
	},
	models.OutcomeScopeMissing: {
		icon: "lock", title: "Part of the access is missing", lead: "ServiceTitan let Fieldbridge in, but not to your business units, which we use to check that the connection works.",
		happened:  "The version of Fieldbridge that was allowed in ServiceTitan lacks part of the access.",
		unchanged: nothingKept, kept: asBefore,
		next:  "A ServiceTitan admin opens Settings, Integrations, API Application Access, and chooses Upgrade to New Version next to Fieldbridge. Then try again here.",
		again: tryAgain, event: "Part of the access is missing in ServiceTitan.",
	},
	models.OutcomeLocked: {
		icon: "lock", title: "This account was locked", lead: "Fieldbridge support has just locked it for your whole company. Nothing was connected.",
		happened:  "The lock came before the connection was saved. If ServiceTitan had already given access, we asked ServiceTitan to withdraw it.",
		unchanged: nothingKept, kept: asBefore,
		next:  "Call Fieldbridge support and give them the code below: they can tell you why, and unlock it.",
		again: startAgain, event: "The account was locked in the meantime.",
	},
	models.OutcomeNoMembership: {
		icon: "lock", title: "You no longer belong to this company", lead: "You have just been removed from the company. Nothing was connected.",
		happened:  "You were removed before the connection was saved. If ServiceTitan had already given access, we asked ServiceTitan to withdraw it.",
		unchanged: nothingKept, kept: asBefore,
		next:  "If that is not right, ask an owner of the company.",
		again: startAgain, event: "They were removed from the company in the meantime.",
	},
	models.OutcomeTooMany: {
		icon: "off", title: "There is no room for another connection", lead: "Your company has 200 connections, which is the limit. Nothing was connected.",
		happened:  "Disconnected connections and canceled setups count too, because their history stays.",
		unchanged: nothingKept, kept: asBefore,
		next:  "Give Fieldbridge support the code below. They can make room.",
		again: startAgain, event: "The company has reached its limit of connections.",
	},
	models.OutcomeLinkEnded: {
		icon: "clock", title: "This link is no longer valid", lead: "It ended before the connection was saved. Nothing was connected.",
		happened:  "The link had expired or was canceled. If ServiceTitan had already given access, we asked ServiceTitan to withdraw it.",
		unchanged: nothingKept, kept: asBefore,
		next:  "If you were asked to connect ServiceTitan, ask that person for a new link.",
		again: startAgain, event: "The link had ended in the meantime.",
	},
	models.OutcomeNoStaff: {
		icon: "lock", title: "You no longer belong to our staff", lead: "Your staff account was removed before the connection was saved. Nothing was connected.",
		happened:  "An admin removed you from the team.",
		unchanged: nothingKept, kept: asBefore,
		next:  "If that is not right, ask an admin.",
		again: startAgain, event: "The staff account was removed in the meantime.",
	},
	models.OutcomeSetupProblem: {
		icon: "warn", title: "This is our mistake, not yours", lead: "ServiceTitan does not accept how Fieldbridge is set up, so we cannot connect you right now.",
		happened:  "Something is wrong with Fieldbridge’s own registration at ServiceTitan. It has been reported on our side.",
		unchanged: nothingKept, kept: asBefore,
		next:  "There is nothing for you to change. Try again later, or give Fieldbridge support the code below.",
		again: tryAgain, event: "ServiceTitan did not accept how Fieldbridge is set up.",
	},
}

// OutcomeTitle returns the title of an outcome of connecting.
func OutcomeTitle(o models.Outcome) string { return outcomes[o].title }

// OutcomeWords returns how an attempt ended, in a sentence for back ends.
func OutcomeWords(o models.Outcome) string { return outcomes[o].event }

// OutcomeNext returns what the person does next.
func OutcomeNext(o models.Outcome) string { return outcomes[o].next }
