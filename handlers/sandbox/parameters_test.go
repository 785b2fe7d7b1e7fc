package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

func lastParameters(s *stand) string {
	s.Helper()
	var list []string
	for _, p := range lastRequest(s).Parameters {
		list = append(list, p.Name+"="+p.Value)
	}
	return strings.Join(list, " ")
}

// A parameter's value is shown only if it is known to be harmless. Any other value may
// be a secret.
func TestParametersAreRedacted(t *testing.T) {
	t.Parallel()
	const secret = "stc_SOMETHING_SECRET"
	for name, test := range map[string]struct{ given, shown string }{
		"grant type":               {"grant_type=refresh_token", "grant_type=refresh_token"},
		"secret for a grant type":  {"grant_type=" + secret, "grant_type=[unknown]"},
		"client":                   {"client_id=" + clientID, "client_id=" + clientID},
		"secret for a client":      {"client_id=" + secret, "client_id=[unknown]"},
		"redirect":                 {"redirect_uri=" + redirectURI, "redirect_uri=" + redirectURI},
		"redirect elsewhere":       {"redirect_uri=https://x.example/" + secret, "redirect_uri=[unknown]"},
		"scope":                    {"scope=tn.crm.customers:r+openid+tn.acc.invoices:rw", "scope=tn.crm.customers:r openid tn.acc.invoices:rw"},
		"secret for a scope":       {"scope=tn.crm.customers:r+" + secret, "scope=tn.crm.customers:r [unknown]"},
		"response type":            {"response_type=code", "response_type=code"},
		"challenge method":         {"code_challenge_method=plain", "code_challenge_method=plain"},
		"hint":                     {"token_type_hint=refresh_token", "token_type_hint=refresh_token"},
		"tenant":                   {"tenant=842193311", "tenant=842193311"},
		"other tenant":             {"tenant=842193312", "tenant=[unknown]"},
		"tenant hint":              {"acr_values=tenant:842193311", "acr_values=tenant:842193311"},
		"secret with a hint":       {"acr_values=tenant:842193311+" + secret, "acr_values=[unknown]"},
		"page":                     {"page=2&pageSize=50&includeTotal=true&active=Any", "active=Any includeTotal=true page=2 pageSize=50"},
		"secret for a page":        {"page=" + secret + "&active=" + secret, "active=[unknown] page=[unknown]"},
		"secrets":                  {"client_secret=a&code=b&code_verifier=c&refresh_token=d&token=e&state=f", "client_secret=[redacted] code=[redacted] code_verifier=[redacted] refresh_token=[redacted] state=[redacted] token=[redacted]"},
		"who signs in":             {"email=a@example.test", "email=[redacted]"},
		"twice":                    {"code=a&code=b", "code=[redacted] code=[redacted]"},
		"secret for a name":        {secret + "=x", "[unknown]=[redacted]"},
		"fault of the consent":     {"fault=deny", "fault=deny"},
		"no fault of the consent":  {"fault=&decision=allow", "decision=allow"},
		"other fault and decision": {"fault=" + secret + "&decision=" + secret, "decision=[unknown] fault=[unknown]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			form, err := url.ParseQuery(test.given)
			if err != nil {
				t.Fatal(err)
			}
			s.post("/connect/token", form)
			if got := lastParameters(s); got != test.shown {
				t.Errorf("in the body: %s, want %s", got, test.shown)
			}
			s.get("/connect/authorize?" + test.given)
			if got := lastParameters(s); got != test.shown {
				t.Errorf("in the address: %s, want %s", got, test.shown)
			}
		})
	}
}

// Of a path that is not an endpoint, only known parts are shown.
func TestPathsAreRedacted(t *testing.T) {
	t.Parallel()
	s := start(t)
	for given, shown := range map[string]string{
		"/stc_SECRET":                         "[unknown]",
		"/stc_SECRET/token":                   "[unknown]",
		"/connect/token/stc_SECRET":           "/connect/[unknown]",
		"/settings/v2/tenant/stc_SECRET/jobs": "/settings/[unknown]",
		"/tenant/842193311/stc_SECRET":        "/tenant/[unknown]",
		"/connect/revocation":                 "/connect/revocation", // accepts only POST
		"/connect/token":                      "/connect/token",
	} {
		s.get(given)
		if got := lastRequest(s).Path; got != shown {
			t.Errorf("%s is shown as %s, want %s", given, got, shown)
		}
	}
	for _, path := range []string{"/requests", "/control/requests"} {
		if strings.Contains(s.get(path).body, "stc_SECRET") {
			t.Errorf("%s shows a secret", path)
		}
	}
}

func TestHeadersAreRedacted(t *testing.T) {
	t.Parallel()
	s := start(t)
	for given, shown := range map[string]string{
		"Bearer stc_SECRET": "Authorization=Bearer [redacted]", "Basic stc_SECRET": "Authorization=Basic [redacted]",
		"stc_SECRET": "Authorization=[unknown] [redacted]", "stc_SECRET more": "Authorization=[unknown] [redacted]", "": "",
	} {
		r := s.request(http.MethodGet, "/settings/v2/tenant/842193311/business-units", nil)
		r.Header.Set("Authorization", given)
		s.send(r)
		if got := lastParameters(s); got != shown {
			t.Errorf("%q is shown as %q, want %q", given, got, shown)
		}
		r.Header.Set("ST-App-Key", "stc_KEY")
		s.send(r)
		if got := lastParameters(s); got != strings.TrimSpace(shown+" ST-App-Key=[redacted]") {
			t.Errorf("with an app key it is shown as %q", got)
		}
	}
}

// No secret that was issued or received is on the pages or in the control API, whatever
// went wrong before.
func TestNoSecretIsShown(t *testing.T) {
	t.Parallel()
	s := start(t)
	mine := s.account(northgate)
	swapped := url.Values{"grant_type": {mine.refresh}, "client_id": {mine.secret}, "client_secret": {mine.own}, "scope": {mine.own}, mine.signedIn: {mine.refresh}}
	s.post("/connect/token", swapped)
	s.get("/connect/authorize?" + swapped.Encode())
	s.post("/connect/revocation", tokenForm("token", mine.refresh, "token_type_hint", mine.refresh))
	s.businessUnits(northgate, "?page="+mine.own, mine.own)
	for _, kind := range sandbox.FaultKinds() {
		if kind != sandbox.Hold {
			s.SetFault(sandbox.Fault{Kind: kind, Times: 1, Delay: 1, Skew: 1})
		}
	}
	if len(s.Secrets()) < 8 {
		t.Fatalf("%d secrets to look for", len(s.Secrets()))
	}
	for _, path := range []string{"/", "/requests", "/portal", "/tenant/842193311", "/control/requests", "/control/faults", "/control/settings"} {
		page := s.get(path)
		if page.status != http.StatusOK {
			t.Errorf("%s: %d", path, page.status)
		}
		for _, secret := range append(s.Secrets(), mine.refresh) {
			if strings.Contains(page.body, secret) {
				t.Errorf("%s shows a secret", path)
			}
		}
	}
}

// The number of parameters is limited, and they are kept only for the requests that are
// shown.
func TestParametersAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := url.Values{"scope": {strings.Repeat("tn.crm.customers:r ", 1000)}}
	for i := range 1000 {
		form.Set(fmt.Sprint("name", i), "value")
	}
	s.post("/connect/token", form)
	if n := len(lastRequest(s).Parameters); n != 24 {
		t.Errorf("%d parameters are kept, want 24", n)
	}
	if n := len(lastParameters(s)); n > 2000 {
		t.Errorf("%d bytes are kept", n)
	}
	for range 100 {
		s.get("/connect/authorize?response_type=code")
	}
	all := s.Requests()
	if all[0].Parameters != nil || len(all[1].Parameters) != 1 {
		t.Errorf("the oldest have %d and %d parameters, want none and one", len(all[0].Parameters), len(all[1].Parameters))
	}
}
