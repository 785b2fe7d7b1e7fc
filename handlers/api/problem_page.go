package api

import (
	"fmt"

	"github.com/fieldbridge/fieldbridge/models/accounts"
	"github.com/fieldbridge/fieldbridge/views"
)

// explanation says what a kind of error means, and what to do about it.
type explanation struct{ means, remedy string }

// explanations has the text of the page of each problem.
var explanations = map[string]explanation{
	"too-many-requests": {
		fmt.Sprintf("The key sent more than %d requests at once, more than %d a second for longer, or asked for more tests or replays of one thing than are allowed.", accounts.KeyLimit, accounts.KeyLimit/accounts.KeyLimitSeconds),
		"Wait for the seconds in Retry-After, and send the request again. The header RateLimit says how many requests are left. If you poll, use webhooks instead.",
	},
	"budget-spent": {
		"Too many calls were passed on to this tenant of ServiceTitan within a second. All programs that use the tenant through Fieldbridge share the limit.",
		"Wait for the seconds in Retry-After, and send the call again.",
	},
	"invalid-request": {
		"A field of the body, a parameter, or a header is missing, wrong, or not known.",
		"Look at errors in the answer: each entry names a field by a JSON pointer, or a parameter by its name, and says what is wrong with it. Compare the request with the description of the API. The same request fails again.",
	},
	"not-found": {
		"There is nothing with this ID, or it belongs to another company than the key.",
		"Check the ID, and that you use the key of the right company. List what the key may see if you are not sure.",
	},
	"company-locked": {
		"Fieldbridge support has locked the company. Its connections stay, but nobody can read their access.",
		"Ask Fieldbridge support. Once the company is unlocked, the same requests work again.",
	},
	"missing-scope": {
		"The key is valid, but it lacks the scope that this request needs. The answer names the scope.",
		"Use a key with that scope, or have the scope added to the key on its page.",
	},
	"no-valid-key": {
		"The request has no API key, or one that is misspelled, revoked, or expired.",
		"Send the key as “Authorization: Bearer fbk_…”. If it has expired or was revoked, create another one.",
	},
	"wrong-host": {
		"The request was sent to another address than this Fieldbridge has.",
		"Send it to the address in the detail of the answer.",
	},
	"idempotency-key-reused": {
		"The same Idempotency-Key was sent with another request within 24 hours: another address, or another body.",
		"Use a new Idempotency-Key for each request, and send it again only with the very same request.",
	},
	"request-under-way": {
		"The first request with this Idempotency-Key has no answer yet.",
		"Send the request again in a few seconds, with the same key. If Fieldbridge was stopped meanwhile, it works after two minutes.",
	},
	"too-many-sessions": {
		"The key has 1,000 connect sessions that have neither ended nor expired.",
		"Wait until some of them end. Create a session only when someone wants to connect.",
	},
	"still-pending": {
		"The message is still going to be sent to this endpoint, so there is nothing to replay yet.",
		"Wait for the next attempt. The delivery says when it is.",
	},
	"not-connected": {
		"The connection has no access to ServiceTitan: a person has ended it, or it is still being set up.",
		"Read the connection to see its state. If it is disconnected, someone at the company has to connect again, for example through a connect session.",
	},
	"reconnect-needed": {
		"ServiceTitan has refused the access of this connection for good. The answer says why in reason.",
		"Ask someone at the company to reconnect. You can open a connect session with the ID of the connection for that. Until then, stop using the connection.",
	},
	"proxy-off": {
		"This Fieldbridge passes no calls on to ServiceTitan, because its operator has allowed no path.",
		"Ask the operator to allow the paths that you need, or read access tokens and call ServiceTitan yourself.",
	},
	"path-not-allowed": {
		"The operator of this Fieldbridge does not allow calls to this path of ServiceTitan.",
		"Check the path. If you need it, ask the operator to allow it.",
	},
	"wrong-tenant": {
		"The path names another tenant than the connection has.",
		"Put the tenant_id of the connection after “tenant” in the path.",
	},
	"call-again": {
		"ServiceTitan refused the access token, and Fieldbridge has renewed it. It did not repeat the call, because that is not safe for a call of this kind. ServiceTitan did not carry it out.",
		"Send the call again.",
	},
	"token-refused": {
		"ServiceTitan refuses even a fresh access token of this connection.",
		"Test the connection, and read it to see its state. Give the support code to Fieldbridge support if this goes on.",
	},
	"servicetitan-late": {
		"ServiceTitan did not answer in time. It may or may not have carried the call out.",
		"Find out whether it was carried out before you send a call again that changes something.",
	},
	"servicetitan-unreachable": {
		"Fieldbridge could not reach ServiceTitan, or the answer ended early.",
		"Send the call again later. Before you send one again that changes something, find out whether it was carried out.",
	},
	"answer-too-large": {
		"ServiceTitan’s answer is larger than Fieldbridge passes on.",
		"Ask for less, for example for a smaller page.",
	},
	"token-unavailable": {
		"The access token of the connection has expired, and it cannot be renewed right now. The answer says why in reason. Fieldbridge keeps trying.",
		"Wait for the seconds in Retry-After, and ask again. Nobody at the company needs to do anything.",
	},
	"temporarily-unavailable": {
		"Fieldbridge cannot answer right now, for example because its database is not available.",
		"Wait for the seconds in Retry-After, and send the request again. Send a POST with the same Idempotency-Key.",
	},
	"method-not-allowed": {
		"The address exists, but not with this method.",
		"Compare the method with the description of the API.",
	},
	"too-large": {
		"The body of the request is larger than Fieldbridge accepts.",
		"Send less at a time.",
	},
	"unsupported-media-type": {
		"The body is not sent as JSON.",
		"Send it with “Content-Type: application/json”, and without a content encoding.",
	},
	"internal-error": {
		"Something went wrong in Fieldbridge. Your request is not the cause.",
		"Send the request again later. If it happens again, give the support code of the answer to Fieldbridge support.",
	},
}

// pagesOfProblems returns the page of each kind of error.
func pagesOfProblems() []views.APIProblem {
	list := make([]views.APIProblem, len(problems))
	for i, p := range problems {
		e := explanations[p.name]
		list[i] = views.APIProblem{Name: p.name, Title: p.title, Status: p.status, Means: e.means, Remedy: e.remedy}
	}
	return list
}
