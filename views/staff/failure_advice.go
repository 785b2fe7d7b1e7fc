package staff

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/fieldbridge/fieldbridge/models"
	"github.com/fieldbridge/fieldbridge/models/failure"
	"github.com/fieldbridge/fieldbridge/models/support"
	"github.com/fieldbridge/fieldbridge/views"
)

const (
	// lookAtLog is what staff do about a mistake of ours.
	lookAtLog    = "Ask an engineer to look for the support code in the log: its line has the cause."
	theirBackEnd = "The people who look after the program see the same code in its answer."
)

// failureAdvice says for each kind of failure what happened, and what to tell the
// customer.
//
//exhaustive:ignore
var failureAdvice = map[failure.Kind]advice{
	failure.Internal: {
		title: "A mistake of ours", text: "Fieldbridge could not finish the request. What was saved before has not changed. " + lookAtLog,
		tell: "That was a mistake on our side, not yours. Please try it again. I am passing it on to our engineers now.",
	},
	failure.TemporarilyUnavailable: {
		title: "Fieldbridge could not answer", text: "Our database did not answer or could not save anything at that moment. If it happens again, ask an engineer what /readyz says.",
		tell: "Fieldbridge was briefly unavailable. Nothing was lost. Please try it again.",
	},
	failure.TokenUnavailable: {
		title: "There was no access token", text: "The token had expired and could not be renewed yet. The connection’s page says why.",
		tell: "ServiceTitan was not giving us access at that moment." + nothingToDo,
	},
	failure.TooManyRequests: {
		title: "Too many attempts", text: "There were more attempts than we allow in a short time. The page said when to try again.",
		tell: "There were many attempts in a short time, so we paused for safety. Please wait for the time that the page showed, then try once more.",
	},
	failure.Busy: {
		title: "Too many people were signing in", text: "Many people signed in at the same moment.",
		tell: "Many people were signing in at that moment. Please try again now.",
	},
	failure.NotFound: {
		title: "Page not found", text: "The page does not exist, is over, or belongs to another company. An old bookmark or a link of another company leads there too.",
		tell: "That page does not exist for your account. Please start at the home page. If someone sent you the link, check that you are signed in to the company that it belongs to.",
	},
	failure.LacksRole: {
		title: "They lack the role", text: "Only owners may do it. In the support console, only admins may.",
		tell: "Only an owner of your company can do this. The page shows who that is.",
	},
	failure.NoMembership: {
		title: "They belong to no company", text: "They left, or an owner removed them.",
		tell: "Your account does not belong to a company now. Please ask an owner to invite you.",
	},
	failure.CompanyLocked: {
		title: "The company is locked", text: "The company’s page says who locked it, and why.",
		tell: "Your account is locked for the whole company. I will look up why.",
	},
	failure.OtherCompany: {
		title: "They had switched to another company", text: "The page in their browser belonged to the company that they had switched away from. Nothing was changed.",
		tell: "You had switched to another company in the meantime. Please open the page again in the company that you mean.",
	},
	failure.ForeignOrigin: {
		title: "The request came from another website", text: "We refuse changes that do not come from our own pages. A browser extension can cause this too.",
		tell: "For your safety we did not accept that, because it did not come from our page. Please open Fieldbridge directly and try again.",
	},
	failure.WrongHost: {
		title: "The request was for another address", text: "It was sent to another name than ours. The answer said which address to use.",
		tell: "That was not our address. Please use the one that the page showed.",
	},
	failure.TooManyConnections: {
		title: "The company has too many connections", text: "It has " + strconv.Itoa(models.ConnectionsPerCompany) + ", which is the limit. Those that ended count too.",
		tell: "Your company has reached the limit of connections. I will ask our engineers to make room.",
	},
	failure.ConnectionEnded: {
		title: "The connection is not connected", text: "It was disconnected, or is still being set up.",
		tell: "This connection is not connected at the moment. Please open its page and choose Reconnect.",
	},
	failure.ReconnectNeeded: {
		title: "The connection has to be reconnected", text: "ServiceTitan refuses the access for good. The connection’s page says why.",
		tell: "ServiceTitan no longer lets us in." + howToReconnect,
	},
	failure.MethodNotAllowed: {
		title: "The request does not fit the address", text: "A reloaded page or an old form can cause this. Nothing was changed.",
		tell: "That page does not work that way. Please start again from the home page.",
	},
	failure.TooLarge: {
		title: "Too much at once", text: "The form or the body was larger than we accept. Nothing was changed.",
		tell: "That was more text than the page accepts. Please shorten it and try again.",
	},
	failure.UnsupportedMediaType: {
		title: "An unknown kind of data", text: "The body was not in the form that the address accepts.",
		tell: "We could not read what was sent. Please open the page again and use its form.",
	},
	failure.InvalidRequest: {
		title: "The request was not understood", text: "A part of it was missing, damaged, or wrong. Nothing was changed.",
		tell: "Part of what was sent was missing or damaged. Please reload the page and try again.",
	},
	failure.StaffSignIn: {
		title: "A staff member could not sign in", text: "They came back from the staff’s own sign-in without being admitted. " + lookAtLog,
		tell: "This is about our own staff. Please ask an operator.",
	},
	failure.HelpPage: {
		title: "They read the help page", text: "Nothing failed. The help page shows a support code, so that you know who calls.",
		tell: "Thank you, I see your company now. What can I help you with?",
	},

	// What only the API has.

	"budget-spent": {
		title: "Too many calls to the tenant", text: "The program used up the calls that ServiceTitan allows for this tenant. " + theirBackEnd,
		tell: "The program called ServiceTitan more often than ServiceTitan allows. It has to wait and send the call again.",
	},
	"missing-scope": {
		title: "The API key lacks a scope", text: "The key may not do this. " + theirBackEnd,
		tell: "The API key that the program uses is not allowed to do this. Whoever manages your API keys can add the scope.",
	},
	"no-valid-key": {
		title: "There was no valid API key", text: "The program sent no key, or one that is unknown, revoked, or expired.",
		tell: "The program did not send a valid API key. Please check that it has the current one.",
	},
	"idempotency-key-reused": {
		title: "An Idempotency-Key was used twice", text: "The program sent the same key with another request before.",
		tell: "The program used the same Idempotency-Key for two different requests. Its developers have to use a new one for each.",
	},
	"request-under-way": {
		title: "The same request was still under way", text: "The first request with this Idempotency-Key had no answer yet.",
		tell: "The program sent the same request again before it had an answer. It can send it again in a moment.",
	},
	"too-many-sessions": {
		title: "Too many connect sessions", text: "The key has as many under way as we allow.",
		tell: "The program has too many connect sessions under way. They end by themselves within three hours.",
	},
	"still-pending": {
		title: "The message was still to be sent", text: "A message cannot be sent again before it was sent.",
		tell: "The message is still waiting to be sent, so it does not have to be sent again.",
	},
	"proxy-off": {
		title: "No path of ServiceTitan is allowed", text: "The operator allows no path with FIELDBRIDGE_PROXY_PATHS.",
		tell: "Calls to ServiceTitan through Fieldbridge are turned off. I will ask our engineers.",
	},
	"path-not-allowed": {
		title: "The path of ServiceTitan is not allowed", text: "It is not among the paths in FIELDBRIDGE_PROXY_PATHS.",
		tell: "The program called a part of ServiceTitan that Fieldbridge does not pass on. I will ask our engineers whether it can be allowed.",
	},
	"wrong-tenant": {
		title: "The call named another tenant", text: "Its path has another tenant ID than the connection.",
		tell: "The program called ServiceTitan with another tenant ID than the connection’s. Its developers have to correct that.",
	},
	"call-again": {
		title: "The call has to be sent again", text: "ServiceTitan refused the token, which was renewed since. The call was not carried out.",
		tell: "The call was not carried out. The program can send it again now.",
	},
	"token-refused": {
		title: "ServiceTitan refuses the token", text: "It refuses even a token that was just renewed. The connection’s page says more.",
		tell: "ServiceTitan does not accept our access at the moment. I will look at your connection.",
	},
	"servicetitan-late": {
		title: "ServiceTitan did not answer in time", text: "It is not known whether it carried the call out.",
		tell: "ServiceTitan took too long to answer. Please check whether the change arrived before the program sends it again.",
	},
	"servicetitan-unreachable": {
		title: "ServiceTitan could not be reached", text: "It is not known whether it carried the call out.",
		tell: "ServiceTitan could not be reached. Please check whether the change arrived before the program sends it again.",
	},
	"answer-too-large": {
		title: "ServiceTitan’s answer was too large", text: "The program has to ask for smaller pages.",
		tell: "The program asked for more data at once than we pass on. It has to ask for smaller pages.",
	},
}

// FailureKnown says whether staff are told about a kind of failure.
func FailureKnown(kind failure.Kind) bool {
	return failureAdvice[kind].title != "" || kind == failure.NotConnected
}

// adviceOn describes a failure.
func adviceOn(f support.FoundFailure) advice {
	if f.Kind == failure.NotConnected {
		return outcomeAdvice(models.Outcome(f.Reason))
	}
	a, ok := failureAdvice[f.Kind]
	if !ok {
		a = failureAdvice[failure.InvalidRequest]
		if f.Status >= http.StatusInternalServerError {
			a = failureAdvice[failure.Internal]
		}
	}
	if why := reasonAdvice[models.Reason(f.Reason)]; f.Reason != "" && why.title != "" {
		a.text, a.answer, a.tell = a.text+" "+why.title+". "+why.text, why.answer, cmp.Or(why.tell, a.tell)
	}
	return a
}

// outcomeTell is what to tell the customer where their own page sends them to us.
//
//exhaustive:ignore
var outcomeTell = map[models.Outcome]string{
	models.OutcomeTenantTaken:  "This ServiceTitan account is connected to another company in Fieldbridge. Please compare the tenant ID with My Tenant ID. If it is yours, I will find out who has connected it.",
	models.OutcomeUnauthorized: "ServiceTitan gave access and then did not accept it. Nothing you did caused this. I will pass it on to our engineers and call you back.",
	models.OutcomeLocked:       "Your account was locked just then, for the whole company. I will look up why.",
	models.OutcomeTooMany:      "Your company has reached the limit of connections. I will ask our engineers to make room.",
	models.OutcomeSetupProblem: "There is a problem with how Fieldbridge is set up at ServiceTitan. There is nothing for you to change. I will pass it on to our engineers and call you back.",
}

// outcomeAdvice describes an attempt to connect that made no connection.
func outcomeAdvice(o models.Outcome) advice {
	return advice{
		title: cmp.Or(views.OutcomeTitle(o), "The connection was not made"), text: views.OutcomeWords(o),
		tell: cmp.Or(outcomeTell[o], views.OutcomeNext(o), failureAdvice[failure.Internal].tell),
	}
}
