package handlers_test

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fieldbridge/fieldbridge/handlers/sandbox"
)

// tokenAnswer is a fault with which the token endpoint gives this answer.
func tokenAnswer(status int, contentType, body string) sandbox.Fault {
	return sandbox.Fault{Kind: sandbox.CustomToken, Status: status, ContentType: contentType, Body: body}
}

func oauthError(status int, code string) sandbox.Fault {
	return tokenAnswer(status, "application/json", `{"error":"`+code+`"}`)
}

// Every answer of the token endpoint has one outcome and one page, for each way,
// both when a connection is made and when it is renewed.
func TestTokenAnswers(t *testing.T) {
	const (
		ours        = "503 This is our mistake, not yours"
		away        = "503 ServiceTitan is not answering"
		again       = "400 ServiceTitan’s approval expired"
		refused     = "422 did not accept this client ID and secret"
		stays       = "connected our_side" // and the operator learns of it
		ownStays    = "degraded our_side"  // and so does everyone who looks at the queue
		retries     = "degraded unavailable"
		waits       = "503 ServiceTitan asks us to wait"
		deadGrant   = "reconnect_needed grant_refused"
		deadClient  = "reconnect_needed client_refused"
		html        = "text/html"
		json        = "application/json"
		tokenPrefix = `{"access_token":"stc_token_of_this_answer","expires_in":900,`
	)
	tests := []struct {
		name                               string
		fault                              sandbox.Fault
		signIn, own, renewSignIn, renewOwn string
	}{
		// Token errors as in ServiceTitan's documentation: 400 for every error, and
		// also 401 for invalid_client, as RFC 6749, section 5.2, allows.
		{"invalid_client", oauthError(400, "invalid_client"), ours, refused, stays, deadClient},
		{"invalid_client, 401", oauthError(401, "invalid_client"), ours, refused, stays, deadClient},
		{"unauthorized_client", oauthError(400, "unauthorized_client"), ours, refused, stays, deadClient},
		{"invalid_grant", oauthError(400, "invalid_grant"), again, refused, deadGrant, deadGrant},
		{"invalid_request", oauthError(400, "invalid_request"), ours, ours, stays, ownStays},
		{"invalid_scope", oauthError(400, "invalid_scope"), ours, ours, stays, ownStays},
		{"unsupported_grant_type", oauthError(400, "unsupported_grant_type"), ours, ours, stays, ownStays},
		{"unknown code", oauthError(400, "teapot"), away, away, retries, retries},
		{"400 without a code", tokenAnswer(400, html, "<p>no</p>"), away, away, retries, retries},
		{"401 without a code", tokenAnswer(401, html, "<p>no</p>"), away, away, retries, retries},
		{"403", tokenAnswer(403, html, "<p>no</p>"), away, away, retries, retries},
		{"404", tokenAnswer(404, html, "<p>no</p>"), away, away, retries, retries},
		{"405", tokenAnswer(405, html, ""), away, away, retries, retries},
		{"redirect", tokenAnswer(302, html, ""), away, away, retries, retries},
		{"429", sandbox.Fault{Kind: sandbox.Status429, RetryAfter: time.Minute}, waits, waits, "degraded rate_limited", "degraded rate_limited"},
		{"500", sandbox.Fault{Kind: sandbox.Status500}, away, away, retries, retries},
		{"503", sandbox.Fault{Kind: sandbox.Status503}, away, away, retries, retries},
		{"connection reset", sandbox.Fault{Kind: sandbox.ResetBefore}, away, away, retries, retries},
		{"web page", sandbox.Fault{Kind: sandbox.Garbage}, away, away, retries, retries},
		{"cut off", tokenAnswer(200, json, `{"access_token":"cut in the`), away, away, retries, retries},
		{"no token", tokenAnswer(200, json, `{"token_type":"Bearer","expires_in":900}`), away, away, retries, retries},
		{"MAC token", tokenAnswer(200, json, tokenPrefix+`"token_type":"mac"}`), away, away, retries, retries},
		{"huge", tokenAnswer(200, json, tokenPrefix+`"token_type":"Bearer","padding":"`+strings.Repeat("p", 80<<10)+`"}`), away, away, retries, retries},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			amy := a.signUp("Northgate", "Amy")
			id, secret := a.ownClient(south)

			back := amy.trip("sandbox", northgate)
			form := amy.credentialsForm(south)
			a.sandbox.SetFault(tt.fault)
			wantPage(t, "signing in", tt.signIn, amy.get(back))
			wantPage(t, "own client", tt.own, amy.post("/connect/credentials", "choice", form, "tenant", fmt.Sprint(south), "client", id, "secret", secret))
			if n := a.count("SELECT count(*) FROM connections"); n != 0 {
				t.Errorf("%d connections were made", n)
			}

			a.sandbox.ClearFaults()
			bySignIn := amy.connect("sandbox", northgate)
			byClient, _, _ := strings.Cut(amy.connectWith(south, id, secret).want(a, 303).location, "?")
			a.clock.Add(16 * time.Minute)
			a.sandbox.SetFault(tt.fault)
			for path, want := range map[string]string{bySignIn: tt.renewSignIn, byClient: tt.renewOwn} {
				amy.post(path+"/test").want(a, 303)
				got := strings.TrimSpace(a.lookup("SELECT state || ' ' || reason FROM connections WHERE id = ?", strings.TrimPrefix(path, "/connections/")))
				if got != want {
					t.Errorf("renewal of %s: %s, want %s", path, got, want)
				}
			}
			told := strings.Contains(a.log.String(), "does not accept our registration")
			if wanted := tt.renewSignIn == stays; told != wanted {
				t.Errorf("the operator is told: %t, want %t", told, wanted)
			}
		})
	}
}

// wantPage requires a status and words, given as one string.
func wantPage(t *testing.T, what, want string, got answer) {
	t.Helper()
	status, words, _ := strings.Cut(want, " ")
	if fmt.Sprint(got.status) != status || !strings.Contains(text(got.body), words) {
		t.Errorf("%s: %d, want %s:\n%s", what, got.status, want, text(got.body))
	}
	if regexp.MustCompile(`stc_|invalid_|teapot`).MatchString(got.body) {
		t.Errorf("%s: the page shows what ServiceTitan wrote:\n%s", what, text(got.body))
	}
}

// Every status of the API has one outcome and one page, both when a connection is
// made and when it is tested.
func TestAPIAnswers(t *testing.T) {
	tests := []struct {
		name              string
		kind              sandbox.FaultKind
		signIn, own, test string
	}{
		{"401", sandbox.Status401, "409 ServiceTitan did not accept the access", "409 ServiceTitan did not accept the access", "reconnect_needed unauthorized"},
		{"403", sandbox.Status403, "409 ServiceTitan has not allowed Fieldbridge yet", "409 work, but not for this tenant", "reconnect_needed not_allowed"},
		{"404", sandbox.Status404, "409 does not know this tenant ID", "422 does not know this tenant ID", "reconnect_needed tenant_unknown"},
		{"429", sandbox.Status429, "503 asks us to wait", "503 asks us to wait", "connected"},
		{"500", sandbox.Status500, "503 is not answering", "503 is not answering", "connected"},
		{"503", sandbox.Status503, "503 is not answering", "503 is not answering", "connected"},
		{"reset", sandbox.ResetBefore, "503 is not answering", "503 is not answering", "connected"},
		{"web page", sandbox.Garbage, "503 is not answering", "503 is not answering", "connected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			amy := a.signUp("Northgate", "Amy")
			id, secret := a.ownClient(south)
			back := amy.trip("sandbox", northgate)
			fault := sandbox.Fault{Path: sandbox.WholeAPI, Kind: tt.kind}
			a.sandbox.SetFault(fault)
			wantPage(t, "signing in", tt.signIn, amy.get(back))
			wantPage(t, "own client", tt.own, amy.connectWith(south, id, secret))
			a.sandbox.ClearFaults()
			path := amy.connect("sandbox", northgate)
			a.sandbox.SetFault(fault)
			amy.post(path+"/test").want(a, 303)
			amy.get(path).want(a, 200, "Test did not pass")
			got := strings.TrimSpace(a.lookup("SELECT state || ' ' || reason FROM connections"))
			if got != tt.test {
				t.Errorf("test: %s, want %s", got, tt.test)
			}
		})
	}
}

// A 403 because the token lacks a scope is not a refusal. The connection keeps
// working for everything else.
func TestTestWithoutItsScope(t *testing.T) {
	a := newApp(t)
	amy := a.signUp("Northgate", "Amy")
	id, secret := a.ownClient(northgate)
	path, _, _ := strings.Cut(amy.connectWith(northgate, id, secret).want(a, 303).location, "?")
	a.sandbox.PublishVersion([]string{"tn.crm.customers:r"})
	if err := a.sandbox.Upgrade(northgate); err != nil {
		t.Fatal(err)
	}
	a.clock.Add(16 * time.Minute)
	amy.post(path+"/test").want(a, 303)
	amy.says(path, "Connected", "Test did not pass", "Upgrade to New Version", "New version to allow")
}

// A test finds an area that was lost since the access was given, although its own call works.
func TestTestFindsALostArea(t *testing.T) {
	for listed, words := range map[bool][]string{
		false: {"Access is missing: customers and locations.", "Connected, part missing", "Test done: part of the access is missing."},
		true:  {"Test did not pass."},
	} {
		a := newApp(t)
		amy := a.signUp("Northgate", "Amy")
		path := amy.connect("sandbox", northgate)
		if _, err := a.sandbox.LoseScope(northgate, "tn.crm.customers:r", listed); err != nil {
			t.Fatal(err)
		}
		amy.post(path+"/test").want(a, 303)
		amy.says(path+"?done=tested", words...)
	}
}

// A connection that was deleted during a request is not found, which is not an
// error of ours.
func TestGoneMeanwhile(t *testing.T) {
	onBoth(t, func(t *testing.T, a *app) {
		amy := a.signUp("A", "Amy")
		path := amy.connect("sandbox", northgate)
		asked := a.sandbox.Count(sandbox.PathBusinessUnits)
		if _, err := a.sandbox.PlanFault(sandbox.Fault{Kind: sandbox.Slow, Path: sandbox.PathBusinessUnits, Times: 1, Delay: 20 * time.Second}); err != nil {
			t.Fatal(err)
		}
		answered := make(chan answer, 1)
		go func() { answered <- amy.post(path + "/test") }()
		for a.sandbox.Count(sandbox.PathBusinessUnits) == asked {
			runtime.Gosched()
		}
		for _, table := range []string{"revocations", "renewal_days", "events", "authorizations", "credentials", "checks", "connections"} {
			a.exec("DELETE FROM " + table)
		}
		a.sandbox.ClearFaults() // releases the answers that they hold back
		(<-answered).want(a, 404, "We cannot find this page")
	})
}
