package sandbox

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Parameter is a parameter or header of a request in a form that is safe to show. It
// has its value only if the value is known to be harmless.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

const (
	redacted = "[redacted]"
	// unknown replaces a value that is not known to be harmless. The value could be a
	// secret in the wrong field.
	unknown = "[unknown]"
	// parametersKept is how many of a request's parameters are kept, and how many of its
	// scopes.
	parametersKept = 24
)

// harmless returns the values of a parameter that are safe to show.
func harmless(name string) []string {
	switch name {
	case "grant_type":
		return []string{grantCode, grantRefresh, grantClient, "password", "implicit"}
	case "response_type":
		return []string{"code", "token", "id_token"}
	case "response_mode":
		return []string{"query", "fragment", "form_post"}
	case "code_challenge_method":
		return []string{"S256", "plain"}
	case "token_type_hint":
		return []string{"refresh_token", "access_token"}
	case "decision":
		return []string{"allow", "deny"}
	case "action":
		return []string{"add", "remove", "publish", "generate", "delete", "allow", "upgrade", "decline", "disable", "restore"}
	case "slot":
		return []string{"1", "2"}
	case "includeTotal":
		return []string{"true", "false"}
	case "active":
		return []string{"True", "False", "Any"}
	}
	return nil
}

// secretNames returns the parameters of which only the names are shown.
func secretNames() []string {
	return []string{
		"access_token", "code", "code_challenge", "code_verifier", "client_secret", "email", "nonce", "refresh_token", "scopes",
		"state", "token",
	}
}

var (
	shortNumber = regexp.MustCompile(`^[0-9]{1,6}$`)
	plainScope  = regexp.MustCompile(`^(openid|profile|offline_access|tn\.[a-z]{2,12}\.[a-z]{2,40}:[rw]{1,2})$`)
)

// parameters lists the parameters of a request, ordered by name. The caller holds the
// mutex.
func (s *Sandbox) parameters(endpoint string, r *http.Request) []Parameter {
	var list []Parameter
	for _, values := range []url.Values{r.URL.Query(), r.PostForm} {
		for name, given := range values {
			for _, value := range given {
				if name == "fault" && value == "" {
					continue
				}
				list = append(list, s.shown(name, value))
				if len(list) == parametersKept {
					return list
				}
			}
		}
	}
	if slices.Contains(endpoints(), endpoint) {
		if authorization := r.Header.Get("Authorization"); authorization != "" {
			scheme, _, _ := strings.Cut(authorization, " ")
			if scheme != "Basic" && scheme != "Bearer" {
				scheme = unknown
			}
			list = append(list, Parameter{"Authorization", scheme + " " + redacted})
		}
		if r.Header.Get("ST-App-Key") != "" {
			list = append(list, Parameter{"ST-App-Key", redacted})
		}
	}
	slices.SortStableFunc(list, func(a, b Parameter) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// shown returns a parameter in a form that is safe to show.
func (s *Sandbox) shown(name, value string) Parameter {
	values := harmless(name)
	safe := false
	switch {
	case values != nil:
		safe = slices.Contains(values, value)
	case name == "fault":
		safe = slices.Contains(FaultKinds(), FaultKind(value))
	case name == "page" || name == "pageSize":
		safe = shortNumber.MatchString(value)
	case name == "tenant":
		safe = s.all().known(value) != 0
	case name == "acr_values":
		safe = s.tenantHint(value) != 0 && !strings.Contains(value, " ")
	case name == "client_id":
		_, own := s.app.clients[value]
		safe = own || value == s.options.ClientID
	case name == "redirect_uri":
		safe = slices.Contains(s.options.RedirectURIs, value)
	case name == "scope":
		scopes := strings.Fields(value)
		scopes = scopes[:min(len(scopes), parametersKept)]
		for i, scope := range scopes {
			if !plainScope.MatchString(scope) && !slices.Contains(s.options.Scopes, scope) {
				scopes[i] = unknown
			}
		}
		return Parameter{name, strings.Join(scopes, " ")}
	case slices.Contains(secretNames(), name):
		return Parameter{name, redacted}
	default:
		return Parameter{unknown, redacted} // the name may be a secret too
	}
	if !safe {
		value = unknown
	}
	return Parameter{name, value}
}
