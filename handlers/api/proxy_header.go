package api

import (
	"net/http"
	"strings"
)

const (
	// answerHeader says who made an answer of the proxy, because ServiceTitan's problems
	// have the form of ours.
	answerHeader       = "Fieldbridge-Answer"
	answeredByUs       = "fieldbridge"
	answeredByThem     = "servicetitan"
	proxyUserAgent     = "Fieldbridge/1"
	proxyContentPolicy = "sandbox; default-src 'none'; frame-ancestors 'none'"
)

// sentHeaders are the headers of a call that reach ServiceTitan: what it wants back, what
// the body is, and on what condition to answer. Every other one stays here, above all
// those that say who is calling: Authorization, Cookie, and what proxies add.
var sentHeaders = []string{
	"Accept", "Accept-Encoding", "Accept-Language",
	"Content-Type", "Content-Encoding", "Content-Language",
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
	"Idempotency-Key",
}

// returnedHeaders are the headers of ServiceTitan's answer that reach the back end: what
// the body is, which version it is, and how many calls are left. Others could set
// cookies, carry tokens, or tell a browser something in our name. RateLimit is ours.
var returnedHeaders = []string{
	"Content-Type", "Content-Encoding", "Content-Language", "Content-Range", "Accept-Ranges",
	"ETag", "Last-Modified", "Date", "Vary",
	"Retry-After", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset",
	"Allow",
}

// pick copies some headers, with all their values.
func pick(to, from http.Header, names []string) {
	for _, name := range names {
		name = http.CanonicalHeaderKey(name)
		if values, ok := from[name]; ok {
			to[name] = values
		}
	}
}

// setAnswerHeaders sets the headers of an answer of ServiceTitan. Should a browser ever
// show one, it is not a page of our origin: it is saved, and has no rights.
func (p *proxy) setAnswerHeaders(h http.Header, answer *http.Response, call proxyCall) {
	h["Content-Type"] = nil // without one, none is guessed
	pick(h, answer.Header, returnedHeaders)
	h.Set(answerHeader, answeredByThem)
	h.Set("Content-Security-Policy", proxyContentPolicy)
	h.Set("Content-Disposition", "attachment")
	if at := locationOf(answer, call); at != "" {
		h.Set("Location", at)
	}
}

// locationOf returns the Location of an answer as a path of the proxy. It is empty if the
// Location is anywhere but at ServiceTitan's API: a back end that goes there would take
// its key along.
func locationOf(answer *http.Response, call proxyCall) string {
	sent := answer.Header.Get("Location")
	if sent == "" {
		return ""
	}
	to, err := call.address.Parse(sent)
	if err != nil || to.User != nil || to.Scheme != call.address.Scheme || to.Host != call.address.Host {
		return ""
	}
	rest, ok := strings.CutPrefix(to.EscapedPath(), call.base.EscapedPath()+"/")
	if !ok {
		return ""
	}
	segments, ok := segmentsOf(rest)
	if !ok {
		return ""
	}
	at := "/api/v1/connections/" + call.connection.ID.String() + "/servicetitan" + pathOf(segments)
	if to.RawQuery != "" {
		at += "?" + to.RawQuery
	}
	return at
}
