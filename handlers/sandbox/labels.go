package sandbox

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// faultWords is a fault as the control page names it, and what Fieldbridge does about
// it. A test of the whole app checks that what it says is true.
type faultWords struct {
	kind       FaultKind
	name, then string
}

type faultGroup struct {
	name   string
	faults []faultWords
}

// faultGroups returns the faults of the control page. It leaves out Hold and
// CustomToken, which are for programs.
func faultGroups() []faultGroup {
	return []faultGroup{
		{"Consent", []faultWords{
			{Deny, "Deny", "Fieldbridge says that access was not given and that nothing was changed."},
			{ExpiredCode, "Code has expired", "Fieldbridge says that ServiceTitan’s approval expired, and offers to try again."},
			{DeadRefresh, "Refresh token is refused", "The connection works now. At the next renewal, Fieldbridge asks for a reconnect."},
			{WrongIssuer, "Wrong issuer", "Fieldbridge does not use the code, and offers to start again."},
			{NoIssuer, "No issuer", "Fieldbridge does not use the code, and offers to start again."},
		}},
		{"Temporary errors", []faultWords{
			{Status500, "Server error (500)", "Fieldbridge shows Retrying, and tries again by itself."},
			{Status503, "Unavailable (503)", "Fieldbridge shows Retrying, and tries again by itself, but not before Retry-After."},
			{Status429, "Too many requests (429)", "Fieldbridge shows Retrying, and sends no more renewals until Retry-After."},
		}},
		{"Lost or damaged answers", []faultWords{
			{Slow, "Slow", "Fieldbridge waits for 10 seconds. After that, the answer is lost."},
			{ResetBefore, "Connection reset before the work", "Fieldbridge tries again at once, and then shows Retrying."},
			{NoAnswer, "No answer", "Fieldbridge waits for 10 seconds, tries again at once, and then shows Retrying."},
			{ResetAfter, "Connection reset after the work: the lost answer", "Fieldbridge tries again at once. That works within the grace time. Otherwise, Fieldbridge asks for a reconnect."},
			{Garbage, "Web page instead of JSON", "Fieldbridge tries again at once, and then shows Retrying."},
			{WrongType, "Wrong content type", "As with the lost answer: the tokens cannot be used."},
			{Huge, "Answer of more than 64 KiB", "As with the lost answer: the tokens cannot be used."},
			{MissingExpiresIn, "No expires_in", "Fieldbridge continues, and assumes a lifetime of 15 minutes."},
		}},
		{"API errors", []faultWords{
			{Status401, "Unauthorized (401)", "Fieldbridge renews once. If the API refuses again, Fieldbridge asks for a reconnect."},
			{Status403, "Not allowed (403)", "Fieldbridge asks for a reconnect, and says that the app is not allowed."},
			{Status404, "Tenant unknown (404)", "Fieldbridge asks for a reconnect, and says that the tenant is not known."},
		}},
		{"Clock", []faultWords{
			{ClockSkew, "Clock is off", "Fieldbridge continues, because it uses its own clock. Outside a demo, fieldbridge doctor reports the difference."},
		}},
	}
}

// words returns the control page's words for a kind, or the kind's own name.
func (k FaultKind) words() faultWords {
	for _, group := range faultGroups() {
		for _, f := range group.faults {
			if f.kind == k {
				return f
			}
		}
	}
	return faultWords{kind: k, name: strings.ReplaceAll(string(k), "_", " ")}
}

// consentFaults returns the faults that the consent page offers for one sign-in.
func consentFaults() []faultWords {
	return []faultWords{
		{"", "No fault", "Everything works."},
		{Deny, "Deny", "Come back with access_denied."},
		{ExpiredCode, "Expire the code", "The code is refused when it is exchanged."},
		{Status500, "Token endpoint answers 500", "For the next 3 requests."},
		{Slow, "Token endpoint is slow", "The answer takes 20 seconds."},
		{DeadRefresh, "Revoke the refresh token", "Works now, fails at the next renewal."},
	}
}

// chosenFault returns the code's flaw that the visitor chose on the consent page. If
// the visitor chose a fault of the token endpoint, it plans that fault instead.
func (s *Sandbox) chosenFault(choice string, tenantID int64) (flaw FaultKind) {
	switch kind := FaultKind(choice); kind {
	case Deny, ExpiredCode, DeadRefresh:
		return kind
	case Status500:
		s.SetFault(Fault{Kind: kind, TenantID: tenantID, Times: 3})
	case Slow:
		s.SetFault(Fault{Kind: kind, TenantID: tenantID, Times: 1, Delay: 20 * time.Second})
	}
	return ""
}

// actionWords is an action's button, and what Fieldbridge does about it.
type actionWords struct {
	action     Action
	name, then string
}

func actionList() []actionWords {
	return []actionWords{
		{Expire, "Expire access tokens", "The API refuses them. Fieldbridge renews once and continues."},
		{Revoke, "Revoke the grant", "At the next renewal, Fieldbridge asks for a reconnect and emails the owners."},
		{Withdraw, "Withdraw the app", "The tenant’s administrator takes the access back. At the next renewal, Fieldbridge asks for a reconnect."},
		{NewVersion, "New version of the app", "The version has one more scope, and waits for Upgrade to New Version. A connection with a client ID keeps working, and says at the next renewal what to allow."},
		{Regenerate, "Regenerate the client secret", "A connection with the old secret asks for a reconnect at its next renewal."},
		{LoseScope, "Lose a scope", "New tokens lack the scope. The connection keeps working, and says at the next renewal what is missing."},
		{RefuseScope, "Lose a scope that tokens still list", "Only the API refuses. A test in Fieldbridge finds out, and so do apps in the area that they use."},
		{DisableSilently, "Disable the app, with tokens as before", "Renewals still work. Fieldbridge finds out with its next two checks, asks for a reconnect, and says that the app is not allowed."},
		{Restore, "Restore", "The app is allowed again, with all its scopes. A company that disabled it chooses I have allowed it again."},
	}
}

// outcome returns what an action did, for the page.
func (d Done) outcome(action Action) string {
	words := map[Action]string{
		Expire: "Expired access tokens", Revoke: "Revoked grants",
		Withdraw: "Withdrawn grants and apps", NewVersion: "Companies with a new version to accept",
		LoseScope: "Companies that lost the scope", RefuseScope: "Companies that lost the scope",
		DisableSilently: "Companies that disabled the app", Restore: "Companies restored",
	}[action]
	if words == "" {
		return ""
	}
	return words + ": " + strconv.Itoa(d.Count) + "."
}

// where returns the endpoint that a fault is about, in words.
func (f Fault) where() string {
	switch f.Path {
	case PathDiscovery:
		return "Metadata"
	case PathAuthorize:
		return "Consent"
	case PathToken:
		return "Token endpoint"
	case PathRevocation:
		return "Revocation endpoint"
	case WholeAPI:
		return "API"
	case Everywhere:
		return "Everywhere"
	}
	for _, of := range areas() {
		if of.path == f.Path {
			return "API: " + of.name
		}
	}
	return f.Path
}

// whom returns the tenants that a fault is about, in words.
func (f Fault) whom(ts tenants) string {
	words := cmp.Or(ts.name(f.TenantID), "All companies")
	if f.Percent != 0 && f.TenantID == 0 {
		words = strconv.Itoa(f.Percent) + "% of companies"
	}
	return words
}

// detail returns how long the delay is, or how far the clock is off.
func (f Fault) detail() string {
	switch {
	case f.Kind == Slow:
		return fmt.Sprintf("%g seconds", f.Delay.Seconds())
	case f.Kind == ClockSkew:
		return fmt.Sprintf("%+g minutes", f.Skew.Minutes())
	case f.RetryAfter > 0:
		return fmt.Sprintf("Retry-After %g seconds", f.RetryAfter.Seconds())
	}
	return ""
}

// left returns how many more times a planned fault will come.
func (p Planned) left() string {
	switch p.Times {
	case 0:
		return "until switched off"
	case p.Met + 1:
		return "once more"
	}
	return strconv.Itoa(p.Times-p.Met) + " more times"
}
