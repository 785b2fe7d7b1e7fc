package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fieldbridge/fieldbridge/models/accounts"
)

// The address of each question has the answers so far. A wrong answer is asked again,
// and the field for the tenant ID reads what people paste.
func TestConnectQuestions(t *testing.T) {
	a := newApp(t)
	dana := a.signUp("Northgate", "Dana")
	amy := dana.colleague("Amy", accounts.Member)
	const how, where, which = "Can you sign in to ServiceTitan as an admin?", "Which ServiceTitan do you want to connect?", "What is your tenant ID?"
	for address, question := range map[string]string{
		"/connect":                                     how,
		"/connect?how=magic":                           how,
		"/connect?env=sandbox&tenant=8450":             how,
		"/connect?how=sign_in":                         where,
		"/connect?how=sign_in&env=moon":                where,
		"/connect?how=guided&env=sandbox":              which,
		"/connect?ask=yes":                             where,
		"/connect?ask=yes&env=sandbox":                 "Which tenant should they connect?",
		"/connect?choice=unknown":                      how,
		"/connect?how=guided&env=sandbox&tenant=<b>":   which,
		"/connect?how=guided&env=sandbox&tenant=8450":  `value="8450"`,
		"/connect?how=guided&env=sandbox&tenant=cs1.8": which,
	} {
		page := dana.get(address).want(a, 200, question)
		if strings.Contains(page.body, "cs1.8") || strings.Contains(page.body, "<b>") && strings.Contains(address, "<b>") && strings.Contains(page.body, `value="<b>`) {
			t.Errorf("%s shows what it should not", address)
		}
	}
	// Only owners can ask somebody else.
	if page := amy.get("/connect?ask=yes").want(a, 200, how, "an owner of your company can make a link").body; strings.Contains(page, "ask=yes") {
		t.Error("a member can ask somebody else")
	}
	// A wrong answer.
	for _, wrong := range []struct{ env, how, tenant, says string }{
		{"moon", "sign_in", "842193311", "Choose which ServiceTitan to connect."},
		{"sandbox", "magic", "842193311", "Choose how to connect."},
		{"sandbox", "sign_in", "", "Enter the number that ServiceTitan shows as My Tenant ID."},
		{"sandbox", "sign_in", "842193311 905118274", "We found more than one number: 842 193 311, 905 118 274."},
		{"sandbox", "sign_in", "our number is 8450", "We found 8 450, but it may be another number."},
		{"sandbox", "sign_in", "99999999999", "This number has 11 digits. A tenant ID has 10 at most."},
	} {
		dana.post("/connect", "env", wrong.env, "how", wrong.how, "tenant", wrong.tenant).want(a, 422, wrong.says)
		if wrong.how != "magic" {
			dana.post("/connect/ask", "env", wrong.env, "how", wrong.how, "tenant", wrong.tenant).want(a, 422, wrong.says)
		}
	}
	// The secret of a client in the wrong field is not shown again.
	for _, pasted := range []string{"cs1.secretsecret", "Client ID: cid.1 Client Secret: cs1.secretsecret"} {
		if page := dana.post("/connect", "env", "sandbox", "how", "sign_in", "tenant", pasted).want(a, 422, which).body; strings.Contains(page, "secretsecret") {
			t.Errorf("the page shows the secret of %q", pasted)
		}
	}
	// What was understood is said on the next page, unless the number was typed as such.
	for _, way := range []string{"sign_in", "guided", "own_credentials"} {
		for typed, told := range map[string]bool{"842193311": false, "842 193 311": false, "Tenant ID: 842 193 311": true, "https://go.servicetitan.com/?tenant=842193311": true} {
			next := dana.post("/connect", "env", "sandbox", "how", way, "tenant", typed).want(a, 303, "/connect/").location
			if page := dana.get(next).want(a, 200, "842").body; strings.Contains(text(page), "We read this as tenant 842 193 311.") != told {
				t.Errorf("%s, %q: said %t, want %t", way, typed, !told, told)
			}
		}
	}
	// An owner's link needs no other page.
	dana.post("/connect/ask", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprintf("tenant/%d", northgate)).want(a, 200,
		"Send this link to your ServiceTitan admin", "We read this as tenant 842 193 311.", "Sign in with ServiceTitan and allow Fieldbridge")
	amy.post("/connect/ask", "env", "sandbox", "how", "sign_in", "tenant", fmt.Sprint(northgate)).want(a, 403)
}
