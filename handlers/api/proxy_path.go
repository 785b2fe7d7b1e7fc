package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// tenantPlace stands for the connection's tenant ID in an allowed path.
const tenantPlace = "{tenant}"

// tenantIndex is where ServiceTitan's paths name the tenant: /{area}/{version}/tenant/
// comes before it.
const tenantIndex = 3

// CallPath is a path of ServiceTitan's API, as its segments. Back ends may call it, and
// what is below it.
type CallPath []string

// ParseCallPath parses an allowed path such as /crm/v2 or
// /settings/v2/tenant/{tenant}/business-units. It must be in the spelling that is sent.
func ParseCallPath(text string) (CallPath, bool) {
	rest, ok := strings.CutPrefix(text, "/")
	if !ok || strings.Contains(rest, "%") {
		return nil, false
	}
	segments, ok := segmentsOf(strings.ReplaceAll(rest, tenantPlace, "0"))
	if !ok {
		return nil, false
	}
	for i, segment := range strings.Split(rest, "/") {
		if segment == tenantPlace {
			segments[i] = tenantPlace
		}
	}
	return segments, true
}

// covers says whether a path is this one or below it.
func (p CallPath) covers(segments []string) bool {
	if len(segments) < len(p) {
		return false
	}
	for i, segment := range p {
		if segment != segments[i] && (segment != tenantPlace || i != tenantIndex) {
			return false
		}
	}
	return true
}

// segmentsOf splits the path of a call, as it was sent, and decodes each segment once.
// It refuses every path that someone on the way could take for another one: with empty
// segments or dots, with a slash or a backslash inside a segment, or with anything that
// is still encoded after that.
func segmentsOf(path string) ([]string, bool) {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil || strings.Trim(decoded, ".") == "" || strings.ContainsAny(decoded, `/\%;`) || strings.ContainsFunc(decoded, unprintable) {
			return nil, false
		}
		segments[i] = decoded
	}
	return segments, true
}

// unprintable says whether a path may not contain a character: a space, a control
// character, or one that is not ASCII. ServiceTitan's paths have none.
func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// pathOf returns the path in the only spelling that we send.
func pathOf(segments []string) string {
	var b strings.Builder
	for _, segment := range segments {
		b.WriteString("/" + url.PathEscape(segment))
	}
	return b.String()
}

// checkPath returns the path to call at ServiceTitan, or why the call is refused.
func (p *proxy) checkPath(sent string, tenantID int64) (string, error) {
	if len(p.paths) == 0 {
		return "", errProxyOff
	}
	segments, ok := segmentsOf(sent)
	if !ok || len(segments) <= tenantIndex || segments[tenantIndex-1] != "tenant" {
		return "", &invalidError{[]wrongPart{{Parameter: "path", Detail: "is not a path such as crm/v2/tenant/{tenant}/customers"}}}
	}
	if segments[tenantIndex] != strconv.FormatInt(tenantID, 10) {
		return "", errWrongTenant
	}
	if !slices.ContainsFunc(p.paths, func(allowed CallPath) bool { return allowed.covers(segments) }) {
		return "", errPathNotAllowed
	}
	return pathOf(segments), nil
}
