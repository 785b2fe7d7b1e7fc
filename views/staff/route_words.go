package staff

import "strings"

// routeWords says what somebody was doing at an address, after "They were". The longest
// beginning of the route counts. A route that begins with "POST " is for changes only.
var routeWords = map[string]string{ // #nosec G101 -- addresses, and no secrets
	"/":                                    "opening the front page",
	"/signup":                              "signing up",
	"/verify/":                             "opening the link in an email that confirms their address",
	"/verify/send":                         "asking for an email that confirms their address",
	"/signin":                              "signing in",
	"/signin/code":                         "entering the code of their second step",
	"/signin/passkey":                      "signing in with a passkey",
	"/signout":                             "signing out",
	"/session":                             "looking at a page whose tab had been in the background",
	"/live":                                "watching a page that updates by itself",
	"/status":                              "looking at how ServiceTitan is doing",
	"/password/":                           "choosing a new password",
	"/guide/":                              "reading the guide for ServiceTitan",
	"/team":                                "looking at the people of their company",
	"POST /team":                           "changing the people of their company",
	"/invitations/":                        "accepting an invitation",
	"/company/":                            "switching to another company",
	"/companies/":                          "adding a company",
	"/connections":                         "looking at the list of connections",
	"/connections/:id":                     "looking at a connection",
	"/connections/:id/test":                "testing a connection",
	"/connections/:id/reconnect":           "reconnecting a connection",
	"/connections/:id/allowed":             "saying that Fieldbridge is allowed in ServiceTitan",
	"/connections/:id/withdraw":            "canceling a setup",
	"/connections/:id/ask":                 "asking someone else to connect ServiceTitan",
	"/connections/:id/disconnect":          "disconnecting a connection",
	"/connections/:id/secret":              "replacing the client secret of a connection",
	"/connect":                             "connecting ServiceTitan",
	"/connect/credentials":                 "connecting ServiceTitan with a client ID and secret",
	"/connect/guided":                      "asking us to set up a connection",
	"/connect/ask":                         "asking someone else to connect ServiceTitan",
	"/callback":                            "coming back from ServiceTitan",
	"/asks/":                               "looking at a link that they gave to someone else",
	"/ask/":                                "following a link from someone who asked them to connect ServiceTitan",
	"/c/":                                  "following a link of a program to connect ServiceTitan",
	"/settings":                            "looking at the settings",
	"/settings/delete":                     "deleting their company",
	"POST /settings":                       "changing the settings",
	"/settings/passkeys":                   "looking at how they sign in",
	"/help":                                "reading the help page",
	"/activity":                            "looking at the activity of their company",
	"/developers":                          "working with API keys and webhooks",
	"/demo":                                "looking at the tour of the demo",
	"/api":                                 "reading the description of the API",
	"/api/":                                "calling an address of the API that does not exist",
	"/api/problems/":                       "reading about a problem of the API",
	"/api/v1/connections":                  "reading connections with the API",
	"/api/v1/connections/:id/token":        "asking the API for an access token",
	"/api/v1/connections/:id/test":         "testing a connection with the API",
	"/api/v1/connections/:id/disconnect":   "disconnecting a connection with the API",
	"/api/v1/connections/:id/servicetitan": "calling ServiceTitan through the API",
	"/api/v1/connect-sessions":             "working with connect sessions of the API",
	"/api/v1/deliveries":                   "looking at deliveries of webhooks with the API",
	"/staff":                               "working in the support console",
	"/static/":                             "loading a part of a page",
}

// RouteWords says what somebody was doing who made a request, after "They were".
func RouteWords(method, route string) string {
	if method == "HEAD" {
		method = "GET"
	}
	words, length := "opening an address that does not exist", 0
	for beginning, its := range routeWords {
		at, path, ofMethod := len(beginning), beginning, true
		if verb, rest, ok := strings.Cut(beginning, " "); ok {
			path, ofMethod = rest, verb == method
		}
		if path == "/" && route != "/" || !ofMethod || !strings.HasPrefix(route, path) || at <= length {
			continue
		}
		if next := route[len(path):]; next == "" || strings.HasSuffix(path, "/") || next[0] == '/' || next[0] == '.' {
			words, length = its, at
		}
	}
	return words
}
